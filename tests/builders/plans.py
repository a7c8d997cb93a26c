"""Plans put into a store as they are: tests of what follows from a plan need no solver."""

from collections.abc import Sequence
from typing import Protocol

from agr.domain.isp import Clock, Period
from agr.domain.plan import Plan, PlanFigures, PlanState, PointProgram, Positions
from agr.store import day, plans
from agr.store.engine import Store
from tests.builders.worlds import PERIOD


class HasStore(Protocol):
    """A world with a store and a clock."""

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...


def planned(
    world: HasStore, day_ahead_kw: tuple[float, ...], period: Period = PERIOD, points: tuple[PointProgram, ...] = (),
    triggers: Sequence[int] = (),
) -> Plan:  # fmt: skip
    """Store a plan in force with this day-ahead position, kW per ISP, and these programs; it answers the triggers."""
    zeros = (0.0,) * period.isp_count
    result = PlanFigures(
        terms_eur={}, objective_eur=0.0, bound_eur=0.0, gap_eur=0.0, gross_cost_eur=0.0, no_flexibility_eur=0.0,
        imbalance_mwh=0.0, reservation_shortfall_kwh=0.0, comfort_shortfall_kwh=0.0, limit_breach_kwh=0.0,
        reserve_shortfall_mwh=0.0, termination="optimal", solver="none", seconds={}, audit=(), notes=(),
    )  # fmt: skip
    positions = Positions(day_ahead_kw=day_ahead_kw, intraday_kw=zeros, bids_mw={}, balance_eur_per_mwh=zeros)
    made = Plan(
        id=0, period=period, created_at=world.clock.now(), reasons=(), state=PlanState.AUDITED, points=points,
        positions=positions, result=result, case_digest="none",
    )  # fmt: skip
    with world.store.transaction() as tx:
        stored = plans.put(tx, made, b"", b"")
        day.close_triggers(tx, list(triggers), stored.id, stored.state.value)
    return stored
