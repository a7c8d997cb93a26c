"""Reservations planned by probability: days are drawn from errors of forecasts, promised, counted and told."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest

from agr.domain.charge_point import ChargePoint
from agr.domain.errors import PlanError
from agr.domain.isp import Period
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.plan import Plan, PromisedPoint, Reason, ReasonKind
from agr.domain.register import CongestionPoint, Connection, Contract, Price, Register
from agr.forecasting.days import Observed
from agr.forecasting.error_days import NOTHING_PAST, PastForecasts, Predicted
from agr.forecasting.sessions import ARRIVALS, ENERGY, STAY
from agr.planning import serialisation
from agr.planning.making import PlanMaker
from agr.planning.memory_inputs import KnownBeforehand
from agr.planning.memory_plans import MemoryPlans
from agr.planning.probability.question import PromiseQuestion, Proposed, count, propose
from agr.planning.probability.uncertain import least_days, split
from agr.planning.promises import PROBABILITY
from agr.planning.solving import How, Solution, answer
from agr.scenario.description import Description
from agr.settings import Planning
from agr.settings.promises import Promises
from agr.store.forecast_runs import ForecastRun
from tests.builders.solvers import Unasked

FIRST = date(2026, 1, 1)
PERIOD = Period(date(2026, 5, 20))
MADE = PERIOD.start - timedelta(hours=15)
EVENING = slice(68, 80)  # 17:00 to 20:00
DAYS = 60
ANSWERED: dict[str, bytes] = {}
"""What was answered, by digest of the case: plans of the day as it is forecast ask for the same again and again."""


class Here(Unasked):
    """Solves in this process; what any of them was asked before it answers with a new copy, unless it is `afresh`."""

    def __init__(self, *, afresh: bool = False) -> None:
        self.asked = 0
        self.afresh = afresh

    def solve(self, case: Any, reached: Any = None) -> Solution:
        del reached
        digest = serialisation.digest(case)
        if self.afresh or digest not in ANSWERED:
            ANSWERED[digest] = pickle.dumps(answer(case, How.of(Planning())))
        solution: Solution = pickle.loads(ANSWERED[digest])
        return solution

    def propose(self, question: PromiseQuestion) -> Any:
        self.asked += 1
        return propose(question)

    def count(self, question: PromiseQuestion) -> Any:
        return count(question)


def mean() -> dict[str, np.ndarray]:
    """Return what is forecast every day: a load that peaks in the evening, and 16 cars that come before it."""
    cars = np.zeros(24)
    cars[15:17] = 8.0
    load = np.full(96, 20.0)
    load[EVENING] = 50.0
    return {"power_kw load": load, ARRIVALS + "p": cars, ENERGY + "p": cars * 12.0, STAY + "p": cars * 14.0}


def past(days: int = DAYS, spread: float = 0.2) -> PastForecasts:
    """Return days on which the load, and cars with it, were more or less than forecast."""
    rng, said = np.random.default_rng(7), mean()
    predicted, observed = {name: [] for name in said}, {name: [] for name in said}
    for back in range(days, 0, -1):
        of = Period(PERIOD.day - timedelta(days=back))
        busy, use = rng.lognormal(0, spread), rng.lognormal(0, spread)
        for name, values in said.items():
            minutes = 1440 // len(values)
            happened = values * (use if name.startswith("power") else busy)
            predicted[name].append(
                Predicted(day=of.day, made_at=of.start - timedelta(hours=16), minutes=minutes, mean=values)
            )
            observed[name] += [
                Observed(start=of.start + timedelta(minutes=k * minutes), minutes=minutes, value=float(value))
                for k, value in enumerate(happened)
            ]
    return PastForecasts(predicted=predicted, observed=observed)


def plans(known: PastForecasts, change: Callable[[KnownBeforehand], KnownBeforehand] = lambda of: of) -> MemoryPlans:
    said = mean()
    prices = tuple(
        Price(series="day_ahead_forecast", start=start, minutes=15, value=120.0 if 64 <= k < 84 else 60.0)
        for k, start in enumerate(PERIOD.starts())
    )
    register = Register(
        connections=(Connection(address="a", first_day=FIRST),),
        resources=(FixedLoad(resource="load", connection="a"),),
        charge_points=tuple(
            ChargePoint(
                charge_point=f"pole {k}", connection="a", road="r", station=f"S{k}", max_kw=11.0, protocol="2.0.1"
            )
            for k in range(16)
        ),
        contracts=(
            Contract(
                contract="FO", dso="dso.example", congestion_point="p", first_day=FIRST, last_day=date(2026, 12, 31),
                window_start=time(17), window_end=time(20), power_w=-15_000, availability_eur_per_mw_h=5,
                penalty_eur_per_mwh=500,
            ),
        ),
        prices=prices,
    )  # fmt: skip
    sessions = tuple(
        ForecastRun(series=name, model="alike days", made_at=MADE, period=PERIOD.day, minutes=60, mean=values)
        for name, values in said.items() if not name.startswith("power")
    )  # fmt: skip
    return MemoryPlans(
        change(KnownBeforehand(
            register=register, points=(CongestionPoint(address="p", dso="dso.example", connections=("a",)),),
            free_connections=(), forecasts={PERIOD.day: {("load", "power_kw"): said["power_kw load"]}},
            runs=sessions, past=known,
        ))
    )  # fmt: skip


class Failing(Here):
    """Fails at one of the steps of a promise: `propose`, `solve` near what should be announced, or `count`."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step

    def solve(self, case: Any, reached: Any = None) -> Solution:
        if case.anchor is not None and self.step == "solve":
            raise PlanError("the solving process died")
        found = super().solve(case)
        return replace(found, findings=("wrong",)) if case.anchor is not None and self.step == "audit" else found

    def propose(self, question: PromiseQuestion) -> Any:
        if self.step == "propose":
            raise PlanError("the solving process died")
        evening = np.zeros(96, dtype=bool)
        evening[EVENING] = True
        return (
            Proposed(
                point="p", announced_kw=np.full(96, 70.0), reserved=evening, margin_kw=1.0, hedge_eur=2.0,
                scenario=None, isp=None, why="",
            ),
        )  # fmt: skip

    def count(self, question: PromiseQuestion) -> Any:
        raise PlanError("too slow")


def planned(
    known: PastForecasts, promises: Promises, now: datetime = MADE, solver: Here | None = None,
    change: Callable[[KnownBeforehand], KnownBeforehand] = lambda of: of,
) -> tuple[Plan, str, MemoryPlans, Here]:  # fmt: skip
    """Return the first plan of the Period, the digest of its outcome, and who was asked."""
    store, solver = plans(known, change), solver or Here()
    planning = {"sessions": {"stand_in": True}, "promises": promises.model_dump()}
    described = Description(title="t", question="?", period=PERIOD.day, planning=planning)
    maker = PlanMaker(store, described, solver, lambda: now)
    store.ask(PERIOD, Reason(kind=ReasonKind.FIRST_PLAN), now)
    run = maker.begin(PERIOD, tuple(store.open_triggers()))
    assert run is not None
    plan = maker.make(run)
    outcome = store.solved(plan.id).outcome
    return plan, serialisation.digest(replace(outcome, seconds={}, log=())), store, solver


@pytest.fixture(scope="module")
def hedged() -> tuple[Plan, str, MemoryPlans, Here]:
    return planned(past(), Promises(scenarios=8))


@pytest.fixture(scope="module")
def certain() -> tuple[Plan, str, MemoryPlans, Here]:
    return planned(past(), Promises(scenarios=1))


def test_a_reservation_planned_by_probability_is_kept_on_days_that_it_was_not_made_for(hedged, certain) -> None:
    plan = hedged[0]
    assert plan.state.value == "audited", plan.result.audit
    (promised,) = plan.result.promised
    assert (promised.address, promised.scenarios, promised.days) == ("p", 8, 26)
    assert promised.answered >= 0.92 * promised.days
    assert promised.recounted >= 5
    assert promised.within_kw is not None
    assert 0 <= promised.within_kw < 40  # of some 100: cars make up for a load that is a fifth off
    assert not any(kind == PROBABILITY for kind, _ in hedged[2].alarms)
    # what the plan of the day as it is forecast would have kept of the same days
    before = certain[2].solved(1).outcome.point_kw[0]
    assert hedged[2].solved(1).outcome.point_kw[0][EVENING].mean() > before[EVENING].mean()


def test_the_plan_says_where_the_promise_binds_and_what_it_costs(hedged) -> None:
    said = hedged[0].result.notes[0]
    assert said.startswith("calls at p are answered on ")
    assert "the promise binds in scenario " in said
    assert "of what is forecast)" in said
    assert "on 95% of them its D-Prognosis is kept to within " in said
    assert "this hedge costs " in said


def test_one_scenario_is_todays_plan_to_the_bit(certain) -> None:
    plan, bits, _, solver = certain
    plain, same, _, _ = planned(NOTHING_PAST, Promises(), solver=Here(afresh=True))
    assert (bits, plan.case_digest) == (same, plain.case_digest)
    assert plan.result.notes == plain.result.notes
    assert plan.result.promised == ()
    assert solver.asked == 0


def test_without_errors_of_forecasts_the_plan_is_todays_and_says_so(certain) -> None:
    plan, bits, _, _ = planned(past(days=20), Promises(scenarios=8))
    assert bits == certain[1]
    assert "errors of forecasts are known on 0 days, 37 are needed" in plan.result.notes[0]


@pytest.mark.parametrize(
    ("step", "why"),
    [("propose", "the solving process died"), ("solve", "the solving process died"), ("audit", "wrong")],
)
def test_where_a_step_fails_the_plan_is_that_of_the_forecast_and_says_why(certain, step: str, why: str) -> None:
    plan, bits, _, _ = planned(past(), Promises(scenarios=8), solver=Failing(step))
    assert bits == certain[1]
    assert plan.state.value == "audited"
    assert f"reservations are planned for the day as it is forecast: {why}" in plan.result.notes
    assert plan.result.promised == ()


def test_where_nothing_can_be_counted_the_plan_stays_and_says_so(certain) -> None:
    plan, bits, _, _ = planned(past(), Promises(scenarios=8), solver=Failing("count"))
    assert bits != certain[1]
    assert plan.state.value == "audited"
    assert "nobody knows on how many days reservations are kept: too slow" in plan.result.notes


def test_what_cannot_be_kept_is_an_alarm() -> None:
    few = PromisedPoint(address="p", probability=0.95, scenarios=8, days=40, answered=34)
    assert not few.met
    assert replace(few, answered=36).met


def test_days_are_dealt_out_the_same_way_for_a_seed_and_none_twice() -> None:
    chosen = Promises(scenarios=10)
    one, two = split(chosen, 90, PERIOD), split(chosen, 90, PERIOD)
    assert one == two
    assert sorted((*one.planned, *one.margin, *one.fresh)) == list(range(90))
    assert split(chosen.model_copy(update={"seed": 2}), 90, PERIOD) != one
    assert len(split(chosen, least_days(chosen), PERIOD).fresh) == 10
    for probability in (0.5, 0.8, 0.9):  # a margin of few days leaves as many to count on
        rare = Promises(scenarios=10, probability=probability)
        assert len(split(rare, least_days(rare), PERIOD).fresh) == 10


def test_what_was_forecast_or_happened_later_is_not_drawn_from() -> None:
    known = past()
    now = PERIOD.start - timedelta(hours=15)
    late = replace(known, predicted={
        name: [replace(one, made_at=one.made_at + timedelta(hours=2)) for one in rows]
        for name, rows in known.predicted.items()
    })  # fmt: skip
    assert len(known.before(["power_kw load"], PERIOD, now, 30).predicted["power_kw load"]) == 30
    assert late.before(["power_kw load"], PERIOD, now, 30).predicted["power_kw load"] == []
