"""How far resources of each kind can be steered at any time, which says how many of them may react to a price."""

from types import SimpleNamespace

from agr.domain.kinds import KINDS


def test_stores_swing_from_end_to_end_generators_by_what_is_forecast_and_other_kinds_not_at_any_time() -> None:
    row = SimpleNamespace(charge_kw=3.0, discharge_kw=4.0, power_kw=5.0)
    found = {kind.table: kind.swing_kw(row) for kind in KINDS}
    assert {table: swing for table, swing in found.items() if swing != 0} == {
        "batteries": 7.0, "ev_sessions": 7.0, "heat_pumps": 5.0, "generators": None,
    }  # fmt: skip
