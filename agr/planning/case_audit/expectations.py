"""Checks the sessions that only stand in: to come, no more than forecast, and such that they can be charged. Pure.

Source: docs/how-to/forecast.md (charging sessions that are not known yet).
"""

from collections.abc import Iterator

from agr.domain.stand_in import GroupForecast, StandIn
from agr.planning.case_audit.context import AuditContext

_ROUNDING = 1e-6


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield sessions that stand in where nothing is expected, or that differ in the case."""
    sold = context.case.storage.reserve_kw
    for one in context.facts.expectations:
        yield from _against_forecast(one)
        names = [mine.resource for mine in one.stand_ins]
        for name, row in zip(names, context.rows_of("storage", names).tolist(), strict=True):
            if row >= 0 and sold[row] > 0:
                yield f"case, {name}: only stands in for a session, and holds reserve"


def _against_forecast(one: GroupForecast) -> Iterator[str]:
    energy = sum(mine.energy_kwh for mine in one.stand_ins)
    if energy > one.energy_kwh * (1 + _ROUNDING) + _ROUNDING:
        yield f"case, {one.group}: {energy:,.3f} kWh stand in for sessions, {one.energy_kwh:,.3f} are forecast"
    to_come = [at for at in one.known if at >= one.asked_at]
    if one.stand_ins and len(to_come) >= one.cars + 1:
        yield f"case, {one.group}: sessions stand in though {len(to_come)} of {one.cars:.1f} are known"
    for mine in one.stand_ins:
        yield from _alone(one, mine)


def _alone(one: GroupForecast, mine: StandIn) -> Iterator[str]:
    if mine.arrival < max(one.asked_at, one.first) or mine.arrival >= one.last:
        yield f"case, {mine.resource}: stands in for a session that cannot come any more, or not in its Period"
    hours = (mine.departure - mine.arrival).total_seconds() / 3600
    if mine.energy_kwh > mine.charge_kw * hours * (1 + _ROUNDING) + _ROUNDING:
        yield f"case, {mine.resource}: {mine.energy_kwh:g} kWh cannot be charged in {hours:g} h"
