"""Which congestion points are promised by probability: all that can be, and the notes say why others are not."""

from dataclasses import replace
from typing import Any

import numpy as np

from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import CongestionPoint, Connection, ConnectionTariff
from agr.planning.memory_inputs import KnownBeforehand
from agr.planning.probability.question import PromiseQuestion
from agr.settings.promises import Promises
from tests.planning.test_promises_by_probability import EVENING, FIRST, PERIOD, Here, past, planned


def two_points(of: KnownBeforehand) -> KnownBeforehand:
    """Return the same with a second point and load, whose connection pays a tariff."""
    known = of.register
    (contract,) = known.contracts
    register = replace(
        known,
        connections=(*known.connections, Connection(address="b", first_day=FIRST)),
        resources=(*known.resources, FixedLoad(resource="shop", connection="b")),
        contracts=(contract, replace(contract, contract="FO 2", congestion_point="q")),
        connection_tariffs=(ConnectionTariff(connection="b", first_day=FIRST, import_eur_per_mwh=20.0),),
    )
    powers = of.forecasts[PERIOD.day]
    return replace(
        of, register=register, forecasts={PERIOD.day: {**powers, ("shop", "power_kw"): powers["load", "power_kw"]}},
        points=(*of.points, CongestionPoint(address="q", dso="dso.example", connections=("b",))),
    )  # fmt: skip


def test_a_point_that_cannot_be_promised_keeps_no_other_from_it_and_is_named() -> None:
    plan, _, store, _ = planned(past(), Promises(scenarios=8), change=two_points)
    assert [one.address for one in plan.result.promised] == ["p"]
    words = "reservations at q are planned for the day as it is forecast: connection tariffs there are not planned by"
    assert any(note.startswith(words) for note in plan.result.notes)
    case = store.solved(plan.id).named.case
    assert np.isfinite(case.anchor.point_kw[case.points.index("p")][EVENING]).all()
    assert np.isnan(case.anchor.point_kw[case.points.index("q")]).all()


def test_where_no_point_can_be_promised_nobody_is_asked() -> None:
    def paying(of: KnownBeforehand) -> KnownBeforehand:
        tariff = ConnectionTariff(connection="a", first_day=FIRST, import_eur_per_mwh=20.0)
        return replace(of, register=replace(of.register, connection_tariffs=(tariff,)))

    plan, _, _, solver = planned(past(), Promises(scenarios=8), change=paying)
    assert (solver.asked, plan.result.promised) == (0, ())
    assert any("reservations at p are planned for the day as it is forecast" in note for note in plan.result.notes)


class Proposing(Here):
    """Proposes nothing."""

    def propose(self, question: PromiseQuestion) -> Any:
        del question
        return ()


def test_what_was_not_known_is_said_also_where_nothing_is_proposed() -> None:
    known = past()
    short = replace(known, predicted={**known.predicted, "power_kw load": known.predicted["power_kw load"][-3:]})
    plan, _, store, _ = planned(short, Promises(scenarios=8), solver=Proposing())
    words = "too few errors are known, so the forecast is taken as certain: day_ahead; power_kw load"
    assert words in plan.result.notes
    assert store.solved(plan.id).named.case.anchor is None
