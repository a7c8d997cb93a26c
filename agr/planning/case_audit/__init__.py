"""Audits a case, and the programs made for it, against the tables, the states and the clock that they come from.

The audit in `models.audit` checks an outcome against its case, and shares the case's view of the world. This one
recomputes that view from the inputs alone: it shares no code with `agr.planning.case`, keeps local time of its own,
and is written from docs/reference/tables.md and docs/reference/formulation.md. A plan with a finding is stored as
failed and never sent. Tolerances: 1e-6 of a case's values; for programs ten times those of `models.audit`.

stores     batteries, heat buffers and cars: powers, times, bands, needs, start states; programs are added up again from
           the start on, in the customer's terms; nothing is missed but what must be
runs       shiftable runs: earliest start and latest end, whatever day they lie in; what they cost when left for later
switched   switched loads: windows by the clock on the wall, hours, least times, states; never on outside a window
followers  fixed loads and generators: forecasts with their sign and size, curtailment
grid       congestion points, limits and reservations: windows, kW from W, signs, penalties and fees
connections  limits of connections and groups: which count each resource, windows, signs, penalties
balancing  who is balanced by itself, limits shared out once, positions and trades of each balancing group
tariffs    what customers pay at connections: prices of import and export, peak charges, who is behind which connection
markets    prices of every ISP, products, depths, gates, positions; trades are never limited less than settings do
capacity   products: blocks of local hours, their prices and depths, awards
worth      the worth of a car's missing energy at midnight, where the prices until its departure are known
ahead      the worth of what batteries and buffers hold at midnight, where plans look ahead to the days after
night      what cars must hold at midnight because limits cannot carry all that is needed after it
carried    what was credited for what the Period before left, and is debited here; what stores really hold by then
expectations  sessions that only stand in: to come, no more than forecast
visits     cars that nobody planned: what their charge points give, from when to when, no more than they want
peaks      the highest import of the billing period so far, added up from the program of the Period before
prices     prices per ISP, from the rows of the table

A kind of resource without rules here, such as one that was added elsewhere, is not looked at.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from agr.domain.flexibility import Obligation
from agr.domain.register import ConnectionTariff, Contract, Price
from agr.planning.case_audit import (
    ahead,
    balancing,
    capacity,
    carried,
    connections,
    expectations,
    followers,
    grid,
    markets,
    night,
    peaks,
    prices,
    runs,
    stores,
    switched,
    tariffs,
    visits,
    worth,
)
from agr.planning.case_audit.carried import contents_left
from agr.planning.case_audit.context import AuditContext
from agr.planning.case_audit.day import day_of
from agr.planning.case_audit.facts import Calendar, Facts, Floats, Named
from models.outcome import Outcome, Programs

__all__ = [
    "audit_case", "audit_contents", "audit_peaks", "audit_prices", "audit_programs", "audit_reservations",
    "contents_left", "peaks_left",
]  # fmt: skip

_CASES: tuple[Callable[[AuditContext], Iterator[str]], ...] = (
    runs.check_case, switched.check_case, followers.check_case, grid.check_case, connections.check_case,
    tariffs.check_case, markets.check_case, balancing.check_case, capacity.check_case, worth.check_case,
    ahead.check_case, night.check_case, carried.check_case, visits.check_case, expectations.check_case,
)  # fmt: skip
_PROGRAMS: tuple[Callable[[AuditContext, Programs], Iterator[str]], ...] = (
    runs.check_programs, switched.check_programs, followers.check_programs,
)  # fmt: skip


def audit_case(facts: Facts, named: Named, outcome: Outcome | None = None) -> tuple[str, ...]:
    """Return what in a case is not as the facts have it, each with resource, ISP (from 1), value and what is right.

    With an outcome, which must have passed the audit of its shapes, also what `audit_programs` finds: stores, which
    are most of a portfolio, are then put together once for both.
    """
    context, programs = _context(facts, named), None if outcome is None else outcome.programs
    if context.day.isps != named.case.isps or context.day.hours != named.case.isp_hours:
        return (f"case: has {named.case.isps} ISPs of {named.case.isp_hours:g} h, the day {context.day.isps}",)
    with np.errstate(all="ignore"):  # absurd values overflow; the comparisons find them
        found = [*stores.check_case(context, programs), *(words for rule in _CASES for words in rule(context))]
        return (*found, *(() if programs is None else _of_programs(context, programs)))


def audit_programs(facts: Facts, named: Named, outcome: Outcome) -> tuple[str, ...]:
    """Return where programs break what customers entered; the outcome must have passed the audit of its shapes."""
    context = _context(facts, named)
    with np.errstate(all="ignore"):
        return (*stores.check_programs(context, outcome.programs), *_of_programs(context, outcome.programs))


def _of_programs(context: AuditContext, programs: Programs) -> tuple[str, ...]:
    return tuple(finding for rule in _PROGRAMS for finding in rule(context, programs))


def audit_contents(facts: Facts, left: Mapping[str, float]) -> tuple[str, ...]:
    """Return stores that do not begin with what the plan of the Period before leaves, by `contents_left`, kWh."""
    return tuple(carried.check_contents(facts, left))


def peaks_left(
    facts: Facts, before: Calendar, named: Named, outcome: Outcome, measured: Mapping[str, Floats]
) -> Mapping[ConnectionTariff, float]:  # fmt: skip
    """Return the peaks that the program of the day before leaves to the day of `facts`, see peaks.peaks_left."""
    tariffs = facts.register.connection_tariffs
    if not any(row.peak_eur_per_kw > 0 for row in tariffs):
        return {}
    return peaks.peaks_left(named, outcome, tariffs, facts.period.day, day_of(before), measured)


def audit_peaks(facts: Facts, left: Mapping[ConnectionTariff, float]) -> tuple[str, ...]:
    """Return peak charges that do not begin with what the plan of the Period before leaves, by `peaks_left`, kW."""
    return tuple(peaks.check_peaks(facts, left))


def audit_prices(facts: Facts, quoted: Sequence[Price]) -> tuple[str, ...]:
    """Return where prices per ISP are not those of the rows of the table that were read."""
    return tuple(prices.check(facts, day_of(facts.period), quoted))


def audit_reservations(
    period: Calendar,
    named: Named,
    contracts: Iterable[Contract],
    updates_w: Mapping[str, tuple[int, ...]],
    orders: Sequence[Obligation],
) -> tuple[str, ...]:
    """Return where a part's reservations differ from what contracts, their newest updates and orders say."""
    agreed = grid.Agreed(contracts=contracts, updates_w=updates_w, orders=orders)
    return tuple(grid.check_reservations(named.case, period.day, day_of(period), agreed))


def _context(facts: Facts, named: Named) -> AuditContext:
    return AuditContext(facts=facts, day=day_of(facts.period), case=named.case, names=named.names, dsos=named.dsos)
