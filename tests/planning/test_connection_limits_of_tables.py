"""Limits of connections and groups from their tables to the case, the plan and its reasons."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import (
    CongestionPoint,
    Connection,
    ConnectionLimit,
    LimitGroup,
    Portfolio,
    Register,
)
from agr.planning.case import Inputs, Previous, build
from agr.planning.case_audit import audit_case
from agr.planning.difference import Solved, binding
from agr.planning.promises import breach_kwh, worst
from agr.scenario.case_changes import changed_case
from agr.settings import Markets, Planning
from models.audit import audit
from models.case import NO_LIMIT, NO_POINT, Case
from models.method import Method, solve

PERIOD = Period(date(2026, 1, 15))
FIRST = date(2026, 1, 1)
AMSTERDAM = timezone(timedelta(hours=1))


def car(name: str, connection: str) -> EvSession:
    """Needs 10 kWh between six and eight in the evening; it can take 11 kW."""
    return EvSession(
        resource=name, connection=connection, arrival=datetime(2026, 1, 15, 18, tzinfo=AMSTERDAM),
        departure=datetime(2026, 1, 15, 20, tzinfo=AMSTERDAM), energy_kwh=10.0, charge_kw=11.0,
    )  # fmt: skip


def limit(at: str, import_kw: float | None = None, export_kw: float | None = None, **more: Any) -> ConnectionLimit:
    given: dict[str, Any] = {"first_day": FIRST, "penalty_eur_per_mwh": 1000.0} | more
    return ConnectionLimit(at=at, import_kw=import_kw, export_kw=export_kw, **given)


def world(*limits: ConnectionLimit, groups: dict[str, str | None] | None = None, **of: str) -> Inputs:
    """Return two houses, `a` with two cars and a load at point p, and `b` with a car in none; `of`: their groups."""
    register = Register(
        connections=tuple(Connection(address=c, first_day=FIRST, limit_group=of.get(c)) for c in ("a", "b")),
        resources=(car("ev1", "a"), car("ev2", "a"), car("ev3", "b"), FixedLoad(resource="home", connection="a")),
        limit_groups=tuple(LimitGroup(group=name, parent=parent) for name, parent in (groups or {}).items()),
        connection_limits=limits,
    )
    portfolio = Portfolio(
        period=PERIOD, points=(CongestionPoint(address="p", dso="dso.example", connections=("a",)),),
        free_connections=("b",),
    )  # fmt: skip
    prices = tuple(50.0 if t < 76 else 20.0 for t in range(96))
    return Inputs(
        period=PERIOD, portfolio=portfolio, register=register, forecasts={("home", "power_kw"): np.full(96, 2.0)},
        prices={"day_ahead_forecast": prices}, reserved_w={}, fixed={}, carried_state={}, markets=Markets(),
        planning=Planning(),
    )  # fmt: skip


def test_connections_lie_in_groups_and_these_in_others() -> None:
    inputs = world(
        limit("street", import_kw=25.0), limit("a", import_kw=17.25, export_kw=10.0), limit("station", import_kw=30.0),
        groups={"station": None, "feeder": "station", "street": "feeder"}, a="street", b="feeder",
    )  # fmt: skip
    named = build(inputs)
    limits = named.case.connection_limits
    assert limits.name == ("a", "street", "station")
    assert limits.parent.tolist() == [1, 2, NO_LIMIT]
    assert limits.point.tolist() == [0, 0, NO_POINT]
    assert (limits.import_kw[:, 0].tolist(), limits.export_kw[:, 0].tolist()) == (
        [17.25, 25, 30],
        [-10, -np.inf, -np.inf],
    )
    assert named.case.leaf("storage").tolist() == [0, 0, 2]  # the feeder itself has no limit
    assert named.case.leaf("fixed").tolist() == [0]
    assert audit_case(inputs, named) == ()


def test_limits_of_one_place_hold_together_each_in_its_window_and_on_its_days() -> None:
    inputs = world(
        limit("a", import_kw=17.0),
        limit("a", import_kw=8.0, window_start=time(17), window_end=time(21), penalty_eur_per_mwh=300.0),
        limit("a", import_kw=1.0, last_day=date(2026, 1, 14)),
        limit("b", export_kw=0.0, first_day=date(2026, 1, 16)),
    )
    named = build(inputs)
    limits = named.case.connection_limits
    assert limits.parent.tolist() == [1, NO_LIMIT]
    assert np.flatnonzero(limits.import_kw[1] == 8.0).tolist() == list(range(68, 84))
    assert limits.penalty_eur_per_mwh.tolist() == [1000, 300]
    assert named.case.leaf("storage").tolist() == [0, 0, NO_LIMIT]
    assert audit_case(inputs, named) == ()


def test_without_such_tables_a_case_has_no_limits() -> None:
    assert not build(world()).case.connection_limits.name


def of_limits(**changes: Callable[[Any], Any]) -> Callable[[Case], Case]:
    def apply(case: Case) -> Case:
        limits = case.connection_limits
        new = {name: change(getattr(limits, name)) for name, change in changes.items()}
        return replace(case, connection_limits=replace(limits, **new))

    return apply


@pytest.mark.parametrize(
    "wrong",
    [
        of_limits(import_kw=lambda v: np.roll(v, 1, axis=1)),
        of_limits(import_kw=lambda v: v * 1000),
        of_limits(export_kw=np.negative),
        of_limits(penalty_eur_per_mwh=lambda v: v / 2),
        of_limits(parent=lambda v: np.full_like(v, NO_LIMIT)),
        of_limits(leaf=lambda units: tuple(np.full_like(one, NO_LIMIT) for one in units)),
        of_limits(leaf=lambda units: tuple(np.full_like(one, 1) for one in units)),
    ],
    ids=["an ISP late", "in W", "turned round", "cheaper", "no group", "nobody counts", "everybody in the group"],
)
def test_limits_that_are_not_those_of_the_tables_are_found(wrong: Callable[[Case], Case]) -> None:
    inputs = world(
        limit("a", import_kw=17.0, export_kw=5.0, window_start=time(17), window_end=time(21)),
        limit("street", import_kw=25.0), groups={"street": None}, a="street", b="street",
    )  # fmt: skip
    named = build(inputs)
    assert audit_case(inputs, named) == ()
    assert audit_case(inputs, replace(named, case=wrong(named.case)))


def test_a_plan_keeps_the_fuse_and_says_why() -> None:
    # two cars of 11 kW and 2 kW of the house behind 17.25 kW; free, both would charge in the cheap second hour
    inputs = world(limit("a", import_kw=17.25))
    named = build(inputs)
    outcome = solve(named.case, method=Method.LADDER, relative_gap=1e-4, time_limit_s=240)
    assert audit(named.case, outcome) == ()
    assert outcome.point_kw[0].max() <= 17.25 + 1e-6
    solved = Solved(named=named, outcome=outcome)
    binding_now = [str(cause) for cause in binding(solved, 0, 77)]
    assert binding_now == ["import limit of a, 17.25 kW (30.00 per MWh)"]
    assert breach_kwh(named.case, outcome).sum() <= 1e-6


def test_what_a_house_draws_anyway_is_a_breach_named_in_the_promise() -> None:
    named = build(world(limit("a", import_kw=1.5)))
    outcome = solve(named.case, method=Method.LADDER, relative_gap=1e-4, time_limit_s=240)
    assert outcome.connection_import_breach_kw[0, 0] == pytest.approx(0.5)
    assert worst(named, outcome)["limit breached"] == ("a (32.0 kWh)",)  # 0.5 kW all day and 20 kWh for the cars


def test_a_stored_case_answers_what_another_fuse_would_do() -> None:
    named = build(world(limit("a", import_kw=17.25), limit("b", import_kw=5.0)))
    changed = changed_case(named, ["connection_limits.a.import_kw=25"], ["connection_limit:b"]).case.connection_limits
    assert changed.import_kw[:, 0].tolist() == [25.0, np.inf]
    fewer = changed_case(named, (), ["resource:ev2"]).case
    assert fewer.leaf("storage").tolist() == [0, 1]


def test_a_connection_that_changes_groups_within_a_period_counts_in_the_new_one_from_then_on() -> None:
    """Both cars have charged 11 kW in the ISP at 18:00; at 18:30 the house moves to a lane of 17.25 kW."""
    street = world(limit("street", import_kw=30.0), groups={"street": None}, a="street")
    done = {name: np.where(np.arange(96) == 72, 11.0, 0.0) for name in ("ev1", "ev2")} | {"home": np.full(96, 2.0)}
    groups: dict[str, str | None] = {"street": None, "lane": None}
    moved = replace(
        world(limit("street", import_kw=30.0), limit("lane", import_kw=17.25), groups=groups, a="lane"),
        previous=Previous(programs_kw=done), closed_isps=74, past_isps=73,
    )  # fmt: skip
    before, after = build(street), build(moved)
    assert (before.case.connection_limits.name, after.case.connection_limits.name) == (("street",), ("lane",))
    assert audit_case(moved, after) == ()
    outcome = solve(after.case, method=Method.REFERENCE, relative_gap=1e-8, threads=1)
    assert audit(after.case, outcome) == ()
    breach = outcome.connection_import_breach_kw[0]
    assert np.flatnonzero(breach > 1e-6).tolist() == [72], "what is over cannot be undone, and is said with its size"
    assert breach[72] == pytest.approx(24.0 - 17.25)
    assert outcome.point_kw[0, 76:80].sum() / 4 == pytest.approx(2.0 + 20.0 - 5.5)  # the rest, in the cheap hour
