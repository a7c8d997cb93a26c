"""Checks what reacts to imbalance prices: only when set, only in closed ISPs, only outside announced points. Pure.

Source: docs/how-to/plan-through-the-day.md.
"""

from collections.abc import Iterator

import numpy as np

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.heat_pump import HeatPump
from agr.planning.case_audit.context import SHOWN, AuditContext
from agr.planning.case_audit.facts import Floats, MayReact
from models.case import NO_POINT

_EUR, _KW = 1e-6, 1e-3


def expected(context: AuditContext, short: Floats, long: Floats) -> Iterator[str]:
    """Write into the planning prices (T,) what imbalance is expected to be settled for; yield findings."""
    facts = context.facts
    may, settings = facts.reaction, facts.markets.imbalance.reaction
    if may is None:
        return
    if not settings.on:
        yield "case: reacts to imbalance prices, although that is not set"
    if not facts.closed_isps:
        yield "case: sees imbalance prices of a day that does not run"
    yield from _resources(context, may)
    for isp in range(facts.closed_isps):
        settled = _settled(context, isp) if isp < may.first - 1 else None
        found = (float(may.short_eur_per_mwh[isp]), float(may.surplus_eur_per_mwh[isp]))
        if np.isnan(found[0]):
            continue
        if settled is None:  # the newest of all that are known counts, whatever ISP it is for
            latest = _latest(context, may)
            margin = settings.margin_eur_per_mwh
            settled = None if latest is None else (latest[0] + margin, latest[1] - margin)
        if settled is None or max(abs(settled[0] - found[0]), abs(settled[1] - found[1])) > _EUR:
            yield f"imbalance: {found[0]:.2f} and {found[1]:.2f} EUR/MWh in ISP {isp + 1}; known are {settled}"
        short[isp], long[isp] = found[0], -found[1]


def _settled(context: AuditContext, isp: int) -> tuple[float, float] | None:
    """Return the prices of shortage and surplus of an ISP."""
    market, prices = context.facts.markets.imbalance, context.facts.prices
    shortage, surplus = (prices.get(name, ()) for name in (market.shortage_series, market.surplus_series))
    if isp >= min(len(shortage), len(surplus)):
        return None
    cost, gain = shortage[isp], surplus[isp]
    if cost is None or gain is None:
        return None
    return (cost, gain) if cost >= gain else ((cost + gain) / 2,) * 2


def _latest(context: AuditContext, may: MayReact) -> tuple[float, float] | None:
    for isp in range(may.first - 2, max(may.first - 4, -1), -1):
        found = _settled(context, isp)
        if found is not None:
            return found
    return None


def _resources(context: AuditContext, may: MayReact) -> Iterator[str]:
    """Yield resources that are announced, and more power than may leave the plan."""
    swing, wrong = 0.0, list[str]()
    for row in context.facts.register.resources:
        if row.resource not in may.resources:
            continue
        if context.point.get(row.connection, NO_POINT) != NO_POINT:
            wrong.append(row.resource)
        if isinstance(row, Battery | EvSession):
            swing += row.charge_kw + row.discharge_kw
        elif isinstance(row, HeatPump):
            swing += row.power_kw
    yield from (f"case, {name}: reacts, although its congestion point is announced" for name in wrong[:SHOWN])
    most = 1000.0 * context.facts.markets.imbalance.reaction.max_mw
    if swing > most + _KW:
        yield f"case: {swing:.1f} kW react to imbalance prices, {most:.1f} kW may"
