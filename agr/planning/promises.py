"""Which promises a plan puts at risk, and what each is worth: for alarms and for the Day page. Pure.

A promise is at risk where the plan itself says that it cannot be kept, or where nobody knows how much better a plan
could be. Worth is that of the plan: the penalty or planning price of what is missed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.domain.plan import Plan, PlanFigures
from agr.planning.case import NamedCase, missed_by_resource_kwh
from models.case import Case
from models.outcome import Outcome, Termination

ORDER = "order not delivered"
RESERVATION = "reservation not covered"
CAPACITY = "capacity not held"
LIMIT = "limit breached"
NEED = "need not met"
IMBALANCE = "imbalance planned"
GAP = "gap wide"
PROBABILITY = "reservation kept too rarely"
KINDS = (ORDER, RESERVATION, CAPACITY, LIMIT, NEED, IMBALANCE, GAP, PROBABILITY)
"""Every kind of promise, which is also the kind of its alarm."""

WIDE_GAP = 0.1
"""A gap above this share of the value of flexibility is wide, unless the search ended within its tolerance."""

_TOLERANCE = 1e-3
"""Energy below this, in kWh, is numerical noise."""
_SHOWN = 5
"""Most places that are named for one promise."""


@dataclass(frozen=True, kw_only=True)
class AtRisk:
    """A promise that a plan may not keep."""

    kind: str  # one of KINDS
    text: str
    eur: float | None  # worth, not negative; None: nobody knows
    where: tuple[str, ...] = ()  # the worst places, as written in the text


def at_risk(plan: Plan) -> tuple[AtRisk, ...]:
    """Return the promises that a plan puts at risk, the dearest first and those of unknown worth last."""
    return tuple(sorted(_promises(plan.result), key=lambda risk: -1.0 if risk.eur is None else risk.eur, reverse=True))


def _promises(result: PlanFigures) -> Iterator[AtRisk]:
    amounts = (
        (ORDER, "{} kWh of flexibility that DSOs have ordered is not delivered", result.order_shortfall_kwh,
         ("order shortfall",)),
        (RESERVATION, "{} kWh could not be delivered if all reservations were called",
         result.reservation_shortfall_kwh, ("reservation shortfall",)),
        (CAPACITY, "{} kW·h of awarded balancing capacity is not held",
         result.reserve_shortfall_mwh * 1000, ("reserve shortfall",)),
        (LIMIT, "limits are exceeded by {} kWh", result.limit_breach_kwh,
         ("limit breach", "connection limit breach")),
        (NEED, "customers' needs are missed by {} kWh", result.comfort_shortfall_kwh,
         ("comfort shortfall",)),
        (IMBALANCE, "{} kWh is left unbalanced", (result.imbalance_mwh - result.reacting_mwh) * 1000, ("imbalance",)),
    )  # fmt: skip
    unfinished = result.termination in (Termination.TIME_LIMIT.value, Termination.NO_PROGRAM.value)
    more = f" (the search was not finished, {result.termination}: a plan may keep it)" if unfinished else ""
    for kind, words, amount, terms in amounts:
        if amount > _TOLERANCE:
            where = result.worst.get(kind, ())
            said = words.format(_written(amount)) + (f": {', '.join(where)}" if where else "") + more
            # A negative price may make a missed promise pay: that is no risk of money.
            eur = max(-sum(result.terms_eur.get(term, 0.0) for term in terms), 0.0)
            yield AtRisk(kind=kind, text=said, eur=eur, where=where)
    yield from _gap(result)
    yield from _too_rarely(result)


def _gap(result: PlanFigures) -> Iterator[AtRisk]:
    gap, ended = result.proven_gap_eur, result.termination
    if ended == Termination.OPTIMAL.value:
        return
    if gap is None:
        words = f"no bound was proven (the search ended: {ended}), so nobody knows how much better a plan could be"
        yield AtRisk(kind=GAP, text=words, eur=None)
    elif gap > WIDE_GAP * max(result.flexibility_eur, 0.0):
        words = f"a plan could be worth up to {gap:z,.2f} EUR more (the search ended: {ended})"
        yield AtRisk(kind=GAP, text=words, eur=gap)


def made_by(result: PlanFigures) -> tuple[str, ...]:
    """Return the kinds of promises that a plan makes: those by probability only where it was planned by it."""
    return tuple(kind for kind in KINDS if kind != GAP and (kind != PROBABILITY or result.promised))


def _too_rarely(result: PlanFigures) -> Iterator[AtRisk]:
    missed = [one for one in result.promised if not one.met]
    if missed:
        where = tuple(f"{one.address} ({one.answered} of {one.days} days)" for one in missed[:_SHOWN])
        more = (f"and {len(missed) - _SHOWN} more",) if len(missed) > _SHOWN else ()
        words = f"calls are answered on fewer than {missed[0].probability:.0%} of the days that may come"
        yield AtRisk(kind=PROBABILITY, text=f"{words}: {', '.join((*where, *more))}", eur=None, where=(*where, *more))


def breach_kwh(case: Case, outcome: Outcome) -> NDArray[np.float64]:
    """Return the energy (n,), kWh, beyond each limit of congestion points, then of connections and groups."""
    at_points = outcome.breach_import_kw + outcome.breach_export_kw
    behind = outcome.connection_import_breach_kw + outcome.connection_export_breach_kw
    return np.concatenate([at_points.sum(axis=1), behind.sum(axis=1)]) * case.isp_hours


def worst(named: NamedCase, outcome: Outcome) -> dict[str, tuple[str, ...]]:
    """Return kind → the places where a plan misses most of it, with how much."""
    case, hours = named.case, named.case.isp_hours
    at_limits = [case.points[c] for c in case.limits.point.tolist()] + list(case.connection_limits.name)
    breach = breach_kwh(case, outcome)
    missed = missed_by_resource_kwh(named, outcome.programs)
    found = {
        ORDER: _largest(case.orders.name, outcome.order_shortfall_kw.sum(axis=1) * hours, "kWh"),
        RESERVATION: _largest(case.reservations.name, outcome.reservation_shortfall_kw.sum(axis=1) * hours, "kWh"),
        CAPACITY: _largest(
            [reserve.name for reserve in case.reserves], outcome.reserve_shortfall_mw.sum(axis=1) * hours * 1000, "kW·h"
        ),
        LIMIT: _largest(at_limits, breach, "kWh"),
        NEED: _largest(list(missed), np.array(list(missed.values())), "kWh"),
    }
    return {kind: places for kind, places in found.items() if places}


def _written(amount: float) -> str:
    """Return an amount with one decimal place, or with three where one would show nothing but zeros."""
    return f"{amount:,.1f}" if amount >= 0.05 else f"{amount:,.3f}"


def _largest(names: "tuple[str, ...] | list[str]", amounts: NDArray[np.float64], unit: str) -> tuple[str, ...]:
    order = np.argsort(-amounts, kind="stable")[: _SHOWN + 1].tolist()
    found = [f"{names[i]} ({_written(amounts[i])} {unit})" for i in order if amounts[i] > _TOLERANCE]
    if len(found) <= _SHOWN:
        return tuple(found)
    more = int((amounts > _TOLERANCE).sum()) - _SHOWN
    return (*found[:_SHOWN], f"and {more} more")
