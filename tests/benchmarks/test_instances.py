"""The benchmark's instances fit their description, and two engines that share no code agree on them."""

import numpy as np
import pytest

from benchmarks import measure, optimiser
from benchmarks.highs import load, run
from benchmarks.instances import COMPACT_FROM, EVENING, PER_POINT, RELAXED, make_case
from benchmarks.linear import relaxation
from benchmarks.report import conclusions, exponent
from benchmarks.sheet import Arrays, spread
from models.case import Case

SIZE = 60


class Optimum:
    """A case with the optimum of its relaxation by the simplex method."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.case: Case = make_case(SIZE, kind)  # type: ignore[arg-type]
        self.arrays: Arrays = relaxation(self.case)
        self.found = run(load(self.arrays, {"solver": "simplex"}))

    def table(self, name: str, rows: int = 1) -> np.ndarray:
        return spread(self.arrays, self.found.x, name, rows, self.case.isps)


@pytest.fixture(scope="module", params=RELAXED)
def optimum(request: pytest.FixtureRequest) -> Optimum:
    return Optimum(request.param)


def test_every_limit_binds_in_the_evening_and_none_is_breached(optimum: Optimum) -> None:
    limits = optimum.case.limits
    power = optimum.table("power", len(optimum.case.points) + 1)[limits.point]
    tight = power[:, EVENING] >= limits.import_kw[:, EVENING] - 1e-6
    assert tight.any(axis=1).all()
    assert optimum.table("breach import", len(limits.point)).sum() == pytest.approx(0, abs=1e-6)


def test_the_balance_binds_without_imbalance(optimum: Optimum) -> None:
    assert optimum.table("short").sum() + optimum.table("long").sum() == pytest.approx(0, abs=1e-6)
    bought, sold = optimum.table("buy"), optimum.table("sell")
    intraday = optimum.case.intraday
    at_depth = (bought >= intraday.buy_depth_kw - 1e-6) | (sold >= intraday.sell_depth_kw - 1e-6)
    in_the_spread = (bought < 1e-6) & (sold < 1e-6)
    assert at_depth.any()
    assert in_the_spread.any()


def test_nothing_reserved_or_awarded_is_missed(optimum: Optimum) -> None:
    names = [n for n in optimum.arrays.columns if n.startswith(("missing", "undelivered"))]
    assert names
    assert sum(optimum.table(n, len(optimum.case.reservations.point)).sum() for n in names) == pytest.approx(
        0, abs=1e-6
    )
    assert (optimum.case.reservations.reserved_kw < 0).any()


def test_reserve_is_scarce(optimum: Optimum) -> None:
    """What is held up equals what is sold in most ISPs: there is nothing to spare."""
    case = optimum.case
    units = len(case.storage.point)
    held = sum(optimum.table(f"held {name}", units).sum(axis=0) for name in ("FCR", "aFRR up"))
    prequalified = case.storage.reserve_kw.sum()
    assert np.mean(held >= 0.9 * prequalified) > 0.5


def test_nobody_gains_by_charging_and_discharging_at_once(optimum: Optimum) -> None:
    units = len(optimum.case.storage.point)
    both = np.minimum(optimum.table("charge", units), optimum.table("discharge", units))
    assert both.max() < 1e-6


def test_the_optimiser_agrees_with_highs_on_arrays(optimum: Optimum, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "TINY", 10)  # what is solved first matters to times alone
    row = measure.measured("agr", optimum.kind, SIZE, 120.0)
    assert row["audit"] == "passed"
    assert row["objective"] <= -optimum.found.objective + 1e-4
    assert row["bound"] >= -optimum.found.objective - 1e-4
    assert row["bound"] - row["objective"] <= 3e-3 * row["gross_cost"]  # so small a portfolio has few columns to mix
    assert row["rounds"] == []  # so few are planned at once
    assert row["reoptimise"]["gap_of_gross_cost"] < 3e-3
    assert row["peak_rss_mib"] > 10


def test_of_more_than_are_planned_at_once_every_round_is_recorded() -> None:
    rounds = optimiser.measure(make_case(200, "typical"), 120.0).rounds
    assert rounds[0]["value_eur"] is None
    assert rounds[-1]["bound_eur"] >= rounds[-1]["value_eur"]


def test_a_case_depends_on_nothing_but_its_name() -> None:
    one, two = make_case(130, "typical"), make_case(130, "typical")
    assert np.array_equal(one.storage.energy_min_kwh, two.storage.energy_min_kwh)
    assert np.array_equal(one.limits.import_kw, two.limits.import_kw)
    assert len(one.points) == 3
    assert len(one.storage.point) + len(one.curtailable.point) == 130


def test_large_cases_are_compact() -> None:
    case = make_case(COMPACT_FROM, "typical")
    fields = [getattr(case.storage, name) for name in vars(case.storage)] + [case.curtailable.forecast_kw]
    assert sum(field.nbytes for field in fields) < 2.2e3 * COMPACT_FROM  # 2.2 GB at a million
    assert len(case.points) == COMPACT_FROM // PER_POINT


def test_the_exponent_of_time_is_fitted_over_the_sizes_there_are() -> None:
    rows = [
        {
            "engine": "agr",
            "kind": "typical",
            "resources": n,
            "total_s": 3.0 * (n / 1e4) ** 1.04,
            "objective": 1.0,
            "note": "",
        }
        for n in (1_000, 10_000, 100_000, 1_000_000)
    ]
    assert exponent(rows) == pytest.approx(1.04)
    assert exponent(rows[:3]) is None
    assert any("1.040" in sentence for sentence in conclusions(rows))
    rows[-1]["note"] = "more than 300 s"  # with a program, but not with the gap
    assert not any("power" in sentence for sentence in conclusions(rows))
