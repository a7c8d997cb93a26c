"""Decides which resources may leave the plan in the next ISPs, and what imbalance is expected to be settled for.

Off by default. Within the running Period, intraday trade has closed for the next ISPs; a battery can still be charged
or discharged in them, and the difference is settled at the imbalance price. That price is forecast as the last that is
known, with a margin against us both ways. Only resources outside announced congestion points react, at most so many MW
of them, and only until what has been at stake on the day reaches a sum. Everything that was promised stays promised. A
plan of a Period that has not begun never sees an imbalance price. Pure.
Source: docs/how-to/plan-through-the-day.md.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.unplanned import is_expected
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.kinds.kind import Resource
from agr.domain.kinds.quantities import POWER
from agr.planning.case import Inputs, Reaction
from agr.planning.difference import Solved
from agr.settings import Markets
from agr.settings.markets import ImbalanceReaction

Floats = NDArray[np.float64]
Prices = Mapping[str, tuple[float | None, ...]]
_OLDEST_ISPS = 2
"""Most ISPs between the last known price and the next ISP; an older price says nothing about it."""
_LEAST_KW = 1e-3


def reacting(inputs: Inputs, before: Solved | None, now: datetime, notes: list[str]) -> Inputs:
    """Return the inputs with what may react to imbalance prices; says in `notes` to which price, and how much."""
    settings, period = inputs.markets.imbalance.reaction, inputs.period
    first = first_isp(period, now)
    if not settings.on or before is None or now <= period.start or first >= period.isp_count:
        return inputs
    prices = settled_prices(inputs.markets, inputs.prices, period, first - 1)
    known = last_known(prices, first - 1)
    if known is None:
        notes.append("imbalance: no price of the last ISPs is known, so nothing reacts")
        return replace(inputs, reaction=_facts(prices, first, inputs, known))
    at_stake = _at_stake_eur(before, prices, first)
    limit_kw = _limit_kw(settings, known, at_stake, inputs.closed_isps - first, period.isp_hours)
    resources = _within(inputs, limit_kw)
    found = _facts(prices, first, inputs, known)
    if inputs.closed_isps > first:
        notes.append(
            f"imbalance: {number_of(len(resources), 'resource')}, at most {limit_kw:,.0f} kW, may react in "
            f"{period.label(first + 1)} and after to {known[0]:z,.2f} (short) and {known[1]:z,.2f} (surplus) EUR/MWh, "
            f"margin {settings.margin_eur_per_mwh:g}; {at_stake:z,.2f} EUR were at stake today"
        )
    return replace(inputs, reaction=replace(found, resources=resources))


def first_isp(period: Period, now: datetime) -> int:
    """Return the first ISP, from 0, that has not begun."""
    return max(period.isp_of(now), 0) if now >= period.start else 0


def settled_prices(markets: Markets, quoted: Prices, period: Period, upto: int) -> Floats:
    """Return prices of shortage and surplus (2,T), EUR/MWh, of ISPs that have ended; NaN where they are not known.

    Where a surplus would earn more than a shortage costs, both are the mean: nobody is paid for both.
    """
    market, isps = markets.imbalance, period.isp_count
    found = np.full((2, isps), np.nan)
    for row, series in zip(found, (market.shortage_series, market.surplus_series), strict=True):
        values = quoted.get(series, ())[: max(upto, 0)]
        row[: len(values)] = [np.nan if value is None else value for value in values]
    found[:, np.isnan(found).any(axis=0)] = np.nan
    crossed = found[0] < found[1]
    found[:, crossed] = found[:, crossed].mean(axis=0)
    return found


def last_known(prices: Floats, upto: int) -> tuple[float, float] | None:
    """Return the newest known prices of shortage and surplus before ISP `upto`; None where they are too old."""
    known = np.flatnonzero(~np.isnan(prices[0, : max(upto, 0)]))
    if not len(known) or known[-1] < upto - _OLDEST_ISPS:
        return None
    return float(prices[0, known[-1]]), float(prices[1, known[-1]])


def _facts(prices: Floats, first: int, inputs: Inputs, known: tuple[float, float] | None) -> Reaction:
    """Return the prices of closed ISPs: as settled where they are known, else the last known and the margin."""
    margin, end = inputs.markets.imbalance.reaction.margin_eur_per_mwh, inputs.closed_isps
    short, surplus = prices[0].copy(), prices[1].copy()
    if known is not None:
        ahead = np.isnan(short) & (np.arange(len(short)) < end)
        short[ahead], surplus[ahead] = known[0] + margin, known[1] - margin
    return Reaction(first=first, short_eur_per_mwh=short, surplus_eur_per_mwh=surplus)


def _at_stake_eur(before: Solved, prices: Floats, first: int) -> float:
    """Return what the imbalance of ISPs that have begun was worth, EUR, at the prices that were known then."""
    outcome, total = before.outcome, 0.0
    for isp in range(first):
        known = last_known(prices, isp)
        kw = float(outcome.short_kw[isp] + outcome.long_kw[isp])
        if known is not None and kw > _LEAST_KW:
            total += kw / 1000 * before.named.case.isp_hours * max(abs(known[0]), abs(known[1]))
    return total


def _limit_kw(
    settings: ImbalanceReaction, known: tuple[float, float], at_stake: float, isps: int, hours: float
) -> float:  # fmt: skip
    """Return how much may react, kW: the most that is set, and no more than what is left of the sum of the day."""
    left = max(settings.max_eur_per_day - at_stake, 0.0)
    each = max(abs(known[0]), abs(known[1])) * hours / 1000 * max(isps, 0)  # EUR per kW over all ISPs that may react
    return min(settings.max_mw * 1000.0, left / each if each > 0 else np.inf)


def _within(inputs: Inputs, limit_kw: float) -> frozenset[str]:
    """Return resources outside announced congestion points that together can swing by no more than a limit, kW.

    Largest first: few large ones are worth more than many small ones.
    """
    announced = {connection for point in inputs.portfolio.points for connection in point.connections}
    swings = []
    for row in inputs.register.resources:
        if row.connection in announced or row.resource in inputs.unavailable_from:
            continue
        if row.resource in inputs.dictated_kw or row.resource not in inputs.previous.programs_kw:
            continue
        if is_expected(row.resource):  # nobody is there to move
            continue
        kw = _swing_kw(row, inputs)
        if kw > _LEAST_KW:
            swings.append((kw, row.resource))
    found, total = set(), 0.0
    for kw, name in sorted(swings, key=lambda one: (-one[0], one[1])):
        if total + kw <= limit_kw:
            found.add(name)
            total += kw
    return frozenset(found)


def _swing_kw(row: Resource, inputs: Inputs) -> float:
    """Return the width of the range in which a resource's power can be steered, kW."""
    swing = _SWING_KW[type(row)](row)
    if swing is not None:
        return swing
    forecast = inputs.forecasts.get((row.resource, POWER.name), np.zeros(0))
    return float(np.abs(forecast).max(initial=0.0))


_SWING_KW = {kind.row: kind.swing_kw for kind in KINDS}
