"""Reads from a store what a Period's plan is made from at a given moment. Decides nothing about programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.bid import DAY_AHEAD
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.domain.price import values_on
from agr.domain.register import ConnectionTariff, Price, Register
from agr.domain.visit import Visit
from agr.planning.as_it_runs import as_measured, with_sessions
from agr.planning.basis import basis_of, followed
from agr.planning.bound_flexibility import open_offers
from agr.planning.case import (
    GroupBefore,
    Inputs,
    Previous,
    decisions,
    programs_kw,
)
from agr.planning.case_audit import contents_left, peaks_left
from agr.planning.closed import closed_auctions, closed_isps, kept_points
from agr.planning.contents import measured_contents
from agr.planning.days_ahead import expected_ahead
from agr.planning.difference import Solved
from agr.planning.held_reserve import held_by_offers, most_held_kw
from agr.planning.ledger import depth_taken
from agr.planning.measured_now import begun_now
from agr.planning.midnight import credited_eur, left_by
from agr.planning.missing_inputs import forecasts_known, portfolio_known
from agr.planning.peaks import measured_kw, reached_kw, unmanaged_reached_kw
from agr.planning.plugged_cars import CARS_DID, as_cars_did
from agr.planning.ports import PlanningSettings, PlanReader
from agr.planning.prices_known import prices_per_isp, quoted_prices
from agr.planning.probability.uncertain import Uncertain, promised_points, series_of, uncertain
from agr.planning.reaction import reacting
from agr.planning.silent_back_ends import as_told_before
from agr.planning.stand_ins import points_by_group, stand_ins
from agr.planning.unplanned_cars import as_they_draw
from agr.store.forecast_runs import ForecastRun

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class RunInputs:
    """What a planning run starts from."""

    inputs: Inputs
    predecessor: Plan | None
    before: Solved | None  # what was solved for the predecessor
    published: bool
    notes: tuple[str, ...]  # fall-backs used
    basis: str
    followed: bool = False  # whether the next Period has a plan, which begins with what this one leaves
    credited_eur: float = 0.0  # what the plan of the Period before credits, for the audit of what is debited
    left_kwh: Mapping[str, float] = field(default_factory=dict)  # store → what that plan leaves, as its audit adds up
    peaks_kw: Mapping[ConnectionTariff, float] = field(default_factory=dict)  # what peak charges have seen, likewise
    quoted: tuple[Price, ...] = ()  # the rows that the Period's prices are made from, for the audit of the case
    uncertain: Uncertain | None = None  # how wrong forecasts may be, where reservations are planned by probability


def read_inputs(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime,
    movable: frozenset[str] = frozenset(), kept: Callable[[int], Solved | None] = lambda _number: None,
) -> RunInputs | None:  # fmt: skip
    """Return everything that a run needs, or None while no CRO has sent the Period's congestion points.

    Only the congestion points in `movable` may leave the programs of the plan in force; all may when it is empty.
    `kept`: what was solved for a plan, where it is still in memory; reading a large one takes seconds.
    """
    notes: list[str] = []
    known = portfolio_known(reader, settings, period, notes)
    if known is None:
        return None
    number = reader.number_in_force(period.day)
    predecessor = None if number is None else reader.plan(number)
    before = None if number is None else kept(number) or reader.archived(number)()
    published = reader.announced(period.day)
    register = reader.register()
    quoted, earlier = quoted_prices(reader, settings, period, now, notes), _earlier(reader, period)
    offers = open_offers(reader, settings, period, now)
    taken = depth_taken(offers, period)
    offered_points = frozenset(offer.congestion_point for offer in offers) if before is not None else frozenset()
    if offered_points:
        notes.append(f"{number_of(len(offered_points), 'congestion point')} with open offers kept the program")
    forecasts = forecasts_known(reader, period, now, notes)
    closed = closed_isps(settings, period, now)
    forecasts = as_measured(reader, settings, register, forecasts, before, period, now, closed, notes)
    forecasts |= measured_contents(
        reader, register, forecasts, earlier, period=period, now=now,
        longest=timedelta(seconds=settings.planning.measured_max_age_s), notes=notes,
    )  # fmt: skip
    later = period.next()
    ahead = expected_ahead(reader, settings, period, now, register)
    inputs = Inputs(
        period=period,
        portfolio=known,
        register=register,
        forecasts=forecasts,
        prices=prices_per_isp(quoted, settings, period, now),
        later_prices=prices_per_isp(quoted_prices(reader, settings, later, now, []), settings, later, now),
        further_prices=ahead.further_prices,
        later_forecasts=ahead.later_forecasts,
        next_forecasts=ahead.next_forecasts,
        reserved_w=reader.reserved_w(period.day),
        fixed=reader.fixed_positions(period.day),
        trades=tuple(reader.trades(period.day)),
        brps=settings.brps,
        carried_state={},
        markets=settings.markets,
        planning=settings.planning,
        closed_isps=closed,
        closed_auctions=closed_auctions(settings, period, now),
        frozen_points=kept_points(known, movable if before is not None else frozenset(), now) | offered_points,
        uncallable_points=kept_points(known, frozenset(), now),
        previous=previous_of(before, offered_points) if before is not None else Previous(),
        offered_points=offered_points,
        held_at_most=held_by_offers(reader, settings, offers) if before is not None else {},
        unavailable_from=_unavailable_from(reader, register, period, notes),
        stay_eur_per_mwh=settings.publication.stay_eur_per_mwh if published else 0.0,
        orders=tuple(reader.orders(period)),
        order_shortfall_eur_per_mwh=settings.trading.shortfall_eur_per_mwh,
        offered_buy_kw=taken.buy_kw if offers else None,
        offered_sell_kw=taken.sell_kw if offers else None,
    )
    drawn = {} if earlier is None else measured_kw(reader, register, period, now)
    inputs = begun_now(
        with_sessions(carried_on(inputs, earlier, drawn), reader, notes), reader, before, now,
        timedelta(seconds=settings.planning.measured_max_age_s), notes,
    )  # fmt: skip
    inputs = as_told_before(inputs, reader.silent_limits(period, now), notes)
    inputs = as_they_draw(inputs, _visits(reader, settings, inputs, now, notes), notes)
    certain, runs = inputs, _session_forecasts(reader, period, now) if settings.planning.sessions.stand_in else {}
    if settings.planning.sessions.stand_in:
        inputs = stand_ins(inputs, runs, now, notes)
    inputs = reacting(inputs, before, now, notes)
    return RunInputs(
        inputs=inputs, predecessor=predecessor, before=before,
        credited_eur=0.0 if earlier is None else credited_eur(earlier),
        left_kwh={} if earlier is None else contents_left(earlier.named, earlier.outcome.programs),
        peaks_kw={}
        if earlier is None
        else peaks_left(inputs, period.previous(), earlier.named, earlier.outcome, drawn),
        published=published, notes=tuple(notes), basis=basis_of(reader, settings, period, now),
        followed=followed(reader, period), quoted=quoted, uncertain=_uncertain(reader, certain, runs, quoted, now),
    )  # fmt: skip


def forecasts_now(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, before: Solved
) -> dict[tuple[str, str], Floats]:
    """Return (resource, quantity) → forecast, as a plan made now after the one in force (`before`) would use them."""
    known = forecasts_known(reader, period, now, [])
    closed = closed_isps(settings, period, now)
    return as_measured(reader, settings, reader.register(), known, before, period, now, closed, [])


def previous_of(solved: Solved, offered_points: frozenset[str] = frozenset()) -> Previous:
    """Return a plan's programs and decisions by name, and the reserve held at congestion points with an open offer."""
    named, outcome = solved.named, solved.outcome
    programs = outcome.programs
    return Previous(
        programs_kw=programs_kw(named, programs),
        decided=decisions(named, programs),
        intraday_kw=outcome.intraday_buy_kw - outcome.intraday_sell_kw,
        positions={DAY_AHEAD: outcome.day_ahead_kw}
        | {reserve.name: bid for reserve, bid in zip(named.case.reserves, outcome.bids_mw, strict=True)},
        point_kw=dict(zip(named.case.points, outcome.point_kw, strict=True)),
        groups={
            name: GroupBefore(day_ahead_kw=outcome.group_day_ahead_kw[g], intraday_kw=outcome.group_intraday_kw[g])
            for g, name in enumerate(named.case.balancing_groups.name)
        },
        held_kw=most_held_kw(solved, offered_points),
    )


def _visits(
    reader: PlanReader, settings: PlanningSettings, inputs: Inputs, now: datetime, notes: list[str]
) -> Sequence[Visit]:  # fmt: skip
    """Return the cars that nobody planned, where the settings say so with what they are expected to do."""
    visits = reader.visits(inputs.period, now)
    if not visits or not settings.planning.sessions.plugged_in:
        return visits
    points = points_by_group(inputs.register, inputs.portfolio)
    group_of = {row.charge_point: group for group, rows in points.items() for row in rows}
    past = reader.ended_sessions(now - CARS_DID, now)
    return as_cars_did(visits, reader.sessions(inputs.period), past, group_of, inputs.period, now, notes)


def _session_forecasts(reader: PlanReader, period: Period, now: datetime) -> dict[Period, Mapping[str, ForecastRun]]:
    """Return the forecasts of charging sessions: for the Period, and for the one before while that is not over."""
    chosen = (period.previous(), period) if now < period.start else (period,)
    return {one: reader.session_forecasts(one, now) for one in chosen}


def _uncertain(
    reader: PlanReader,
    inputs: Inputs,
    runs: Mapping[Period, Mapping[str, ForecastRun]],
    quoted: Sequence[Price],
    now: datetime,
) -> Uncertain | None:
    """Return how wrong forecasts may be at congestion points with reservations; None where that is not asked for.

    `inputs`: before charging sessions stand in. While the Period runs, it has begun to show what it is.
    """
    promises, market = inputs.planning.promises, inputs.markets.day_ahead
    points = promised_points(inputs) if promises.on and now < inputs.period.start else frozenset()
    if not points:
        return None
    results = values_on(quoted, market.series, inputs.period)
    price = market.series if any(value is None for value in results) else None
    series = series_of(inputs, points, price, bool(runs))
    past = reader.past(series, inputs.period, now, promises.days)
    return uncertain(inputs, points, runs, past, now, price)


def carried_on(inputs: Inputs, earlier: Solved | None, drawn_kw: Mapping[str, Floats] | None = None) -> Inputs:
    """Return the inputs with the states, credits and peaks that a plan of the previous Period leaves, if there is one.

    `drawn_kw`: what connections were measured to draw in that Period, see `measured_kw`.
    """
    if earlier is None:
        return inputs
    left = left_by(earlier)
    return replace(
        inputs,
        carried_state=left.states,
        unmanaged_state=left.unmanaged_states,
        peaks_reached_kw=reached_kw(earlier, inputs.register, inputs.period, drawn_kw or {}),
        unmanaged_peaks_reached_kw=unmanaged_reached_kw(earlier, inputs.register, inputs.period),
        brought_forward_eur=left.eur,
        unmanaged_brought_forward_eur=left.unmanaged_eur,
    )


def _earlier(reader: PlanReader, period: Period) -> Solved | None:
    """Return what was solved for the plan in force of the previous Period."""
    number = reader.number_in_force(period.previous().day)
    return None if number is None else reader.archived(number)()


def _unavailable_from(reader: PlanReader, register: Register, period: Period, notes: list[str]) -> dict[str, int]:
    """Return resource → ISP (from 0) from which it is unavailable; entries name resources or whole connections."""
    start: dict[str, int] = {}
    for entry in reader.unavailable(period.day):
        isp = max(period.isp_of(entry.since), 0) if entry.since > period.start else 0
        start[entry.name] = min(isp, start.get(entry.name, isp))
    if not start:
        return {}
    found = {
        resource: min(start.get(name, period.isp_count) for name in (resource, connection))
        for resource, connection in register.connection_of().items()
        if resource in start or connection in start
    }
    notes.append(
        f"{number_of(len(found), 'resource')} {'was' if len(found) == 1 else 'were'} marked unavailable by an operator"
    )
    return found
