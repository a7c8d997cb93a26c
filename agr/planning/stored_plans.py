"""Stores a plan, its alarms and the answers to its triggers, all in one transaction."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.exposure import IspGrid, worst_kw
from agr.dispatch.orders import held
from agr.dispatch.session_points import points_of
from agr.domain.award import Trade
from agr.domain.dispatch import StationFact
from agr.domain.flexibility import BoundOffer, Obligation
from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState
from agr.domain.reading import EXPORTED, IMPORTED
from agr.domain.register import Contract, Portfolio, Price, Register
from agr.domain.visit import Visit
from agr.forecasting.error_days import PastForecasts
from agr.forecasting.sessions import SESSION_SERIES
from agr.planning import serialisation
from agr.planning.alarms import AlarmChange, alarms_of, alarms_of_failure
from agr.planning.difference import Solved
from agr.planning.gates import opens_publication
from agr.planning.midnight import reason_to_plan_next
from agr.planning.plan_loader import read, unpacked
from agr.planning.unplanned_cars import visits_of
from agr.store import (
    charge_sessions,
    day,
    dispatch_facts,
    dispatches,
    flex_offers,
    flex_orders,
    forecast_errors,
    forecast_runs,
    input_version,
    overrides,
    plans,
    portfolio,
    positions,
    readings,
    register,
    trades,
)
from agr.store.charge_sessions import ChargeSession
from agr.store.day import Trigger
from agr.store.engine import Store, Tx
from agr.store.forecast_runs import ForecastRun
from agr.store.overrides import Unavailable


class StoredInputs:
    """The inputs of plans, read in one transaction; see `PlanReader`."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def cro_states(self, day: date) -> Mapping[str, str]:
        """Return CRO → asked, answered or rejected."""
        return {cro: answer.state for cro, answer in portfolio.answers(self._tx, day).items()}

    def last_call_made(self, period: date) -> bool:
        """Say whether CROs that have not answered are waited for no longer."""
        return "portfolio_last_call" in day.done_moments(self._tx, period)

    def portfolio(self, period: Period) -> Portfolio:
        """Return the congestion points that the CROs sent."""
        return portfolio.load(self._tx, period)

    def register(self) -> Register:
        """Return the register."""
        return register.load(self._tx)

    def charging(self) -> Register:
        """Return the register's connections, charging sessions and charge points."""
        return register.load_tables(self._tx, "connections", "ev_sessions", "charge_points")

    def contract(self, name: str) -> Contract | None:
        """Return one contract."""
        return register.contract(self._tx, name)

    def forecasts(self, period: Period) -> Mapping[tuple[str, str], NDArray[np.float64]]:
        """Return (resource, quantity) → one value per ISP."""
        return register.forecasts_on(self._tx, period)

    def newest_contents(
        self, resources: Collection[str], since: datetime, upto: datetime
    ) -> Mapping[str, tuple[datetime, float]]:
        """Return resource → (instant, kWh) of its newest state of charge that was reported."""
        return readings.newest_stored(self._tx, resources, since, upto)

    def registers(
        self, resources: Collection[str], first: datetime, last: datetime
    ) -> Mapping[tuple[str, str], Sequence[tuple[datetime, float]]]:
        """Return (resource, quantity) → (instant, kWh) of energy registers that were reported, by time."""
        return readings.between(self._tx, resources, (IMPORTED, EXPORTED), first, last)

    def silent_limits(self, period: Period, now: datetime) -> Mapping[str, NDArray[np.float64]]:
        """Return session → most power (T,), kW, that its charge point gives, where no plan can be sent to it.

        Its back-end does not answer, or the clock of its station is off. That is what the point has accepted, then its
        fallback; what was never answered counts where it is more.
        """
        silent = dispatch_facts.silent(self._tx)
        off = {(one.road, one.station) for one in dispatch_facts.of_road(self._tx) if one.fact is StationFact.CLOCK}
        if not silent and not off:
            return {}
        found = points_of(self.charging())
        rows, grid = dispatches.firm(self._tx), IspGrid(starts=tuple(period.starts()), isp=period.isp_length)
        return {
            resource: worst_kw(point, held(rows.get(point.charge_point, ())), grid, now)
            for resource, point in found.items()
            if point.road in silent or (point.road, point.station) in off
        }

    def sessions(self, period: Period) -> Sequence[ChargeSession]:
        """Return the sessions that charge points have reported in a Period and the day before, by their beginning."""
        return charge_sessions.overlapping(self._tx, period.previous().start, period.end)

    def ended_sessions(self, first: datetime, last: datetime) -> Sequence[ChargeSession]:
        """Return the sessions that charge points have reported and that ended in [first, last)."""
        return charge_sessions.ended(self._tx, first, last)

    def visits(self, period: Period, now: datetime) -> Sequence[Visit]:
        """Return the cars of a running Period that nobody planned and that do not say what they need."""
        seen = charge_sessions.overlapping(self._tx, period.start, period.end) if now < period.end else ()
        if now < period.start or all(one.resource is not None for one in seen):
            return ()
        tables = self.charging()
        return visits_of(tables, seen, dispatches.firm(self._tx), period, now)

    def latest_forecast_day(self, before: date) -> date | None:
        """Return the latest Period before a day that has forecasts."""
        return register.latest_forecast_day(self._tx, before)

    def prices(self, start: datetime, end: datetime) -> Sequence[Price]:
        """Return prices that start in [start, end)."""
        return register.prices(self._tx, start, end)

    def forecast(self, series: str, period: Period, as_of: datetime) -> ForecastRun | None:
        """Return our own newest forecast of a Period that was made by then."""
        return forecast_runs.newest(self._tx, series, period.day, as_of, given=False)

    def power_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, ForecastRun]:
        """Return resource → our own newest forecast of its power that was made by then."""
        return forecast_runs.powers(self._tx, period.day, as_of)

    def heat_forecasts(self, period: Period, as_of: datetime) -> Mapping[tuple[str, str], ForecastRun]:
        """Return (resource, quantity) → our own newest forecast of its heat demand and its COP, likewise."""
        return {
            (series.removeprefix(begins), begins.strip()): run
            for begins in forecast_runs.HEAT_SERIES
            for series, run in forecast_runs.newest_of(self._tx, begins, period.day, as_of).items()
        }

    def session_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, ForecastRun]:
        """Return series of charging sessions → our own newest forecast of a Period that was made by then."""
        return {
            series: run
            for begins in SESSION_SERIES
            for series, run in forecast_runs.newest_of(self._tx, begins, period.day, as_of).items()
        }

    def past(self, series: Sequence[str], period: Period, now: datetime, days: int) -> PastForecasts:
        """Return, by series, what was forecast for the days before a Period, as early as now, and what happened."""
        return forecast_errors.past(self._tx, series, period, now, days)

    def reserved_w(self, period: date) -> Mapping[str, tuple[int, ...]]:
        """Return contract → W per ISP of its newest FlexReservationUpdate."""
        return day.reservations_on(self._tx, period)

    def fixed_positions(self, period: date) -> Mapping[str, tuple[float, ...]]:
        """Return market → kW per ISP or MW per block that is fixed."""
        return positions.all_on(self._tx, period)

    def trades(self, period: date) -> Sequence[Trade]:
        """Return the intraday trades of a Period that are known."""
        return trades.counting(self._tx, period)

    def unavailable(self, period: date) -> Sequence[Unavailable]:
        """Return what operators have marked as unavailable."""
        return overrides.unavailable_on(self._tx, period)

    def orders(self, period: Period) -> Sequence[Obligation]:
        """Return what orders of flexibility bind a Period's programs to, oldest first."""
        return flex_orders.obligations(self._tx, period)

    def offered(self, period: Period, held_since: datetime) -> Sequence[BoundOffer]:
        """Return the offers of flexibility that DSOs may order: open ones, and those that expired after an instant."""
        return [
            BoundOffer(
                message_id=stored.offer.message_id, congestion_point=stored.offer.congestion_point,
                draws_kwh=stored.draws_kwh,
            )
            for stored in flex_offers.binding(self._tx, period, held_since)
        ]  # fmt: skip

    def offered_programs(self, offer: str) -> bytes:
        """Return the archive of the audited programs behind an offer; empty where it is kept no longer."""
        return flex_offers.outcome(self._tx, offer)

    def announced(self, period: date) -> bool:
        """Say whether a D-Prognosis was sent."""
        return plans.has_prognoses(self._tx, period)

    def open_triggers(self) -> list[Trigger]:
        """Return triggers that no plan has answered, oldest first."""
        return day.open_triggers(self._tx)

    def plan(self, number: int) -> Plan | None:
        """Return one plan."""
        return plans.get(self._tx, number)

    def number_in_force(self, period: date) -> int | None:
        """Return the number of the newest audited plan."""
        return plans.newest_audited(self._tx, period)

    def archived(self, number: int) -> Callable[[], Solved]:
        """Read the archives of a plan's case and outcome; unpacking large ones need not hold the transaction."""
        archives = read(self._tx, number)
        return lambda: unpacked(archives)

    def input_version(self) -> int:
        """Return a number that grows whenever an input other than a reservation changes."""
        return input_version.number(self._tx)


class StoredPlans:
    """The daemon's `PlanStore`: writes the result of a planning run atomically."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def reading(self) -> Iterator[StoredInputs]:
        """Give one consistent view."""
        with self._store.transaction() as tx:
            yield StoredInputs(tx)

    def put(self, plan: Plan, solved: Solved, triggers: list[int], leaves: str | None) -> Plan:
        """Store a plan with its case, outcome and alarms, and ask for the next Period's; return it with its number."""
        outcome, case = serialisation.pack(solved.outcome), serialisation.pack(solved.named)
        with self._store.transaction() as tx:
            stored = plans.put(tx, plan, outcome, case)
            day.close_triggers(tx, triggers, stored.id, stored.state.value)
            write_alarms(tx, stored.period, alarms_of(stored), stored.created_at)
            _ask_next(tx, stored, leaves, stored.created_at)
            if opens_publication(stored):
                day.moment_done(
                    tx, stored.period.day, day.PUBLICATION_OPEN, stored.created_at, "market results planned"
                )
        return stored

    def give_up(self, period: Period, triggers: list[int], why: str, at: datetime) -> None:
        """Close triggers without a plan; the plan in force stays."""
        with self._store.transaction() as tx:
            day.close_triggers(tx, triggers, None, why)
            write_alarms(tx, period, alarms_of_failure(why), at)

    def close_late(self, triggers: list[int]) -> None:
        """Close triggers of a Period that is over."""
        with self._store.transaction() as tx:
            day.close_triggers(tx, triggers, None, "the Period is over")


def put_in_force(tx: Tx, preview: Plan, at: datetime) -> None:
    """Turn a preview into the plan in force, with its alarms, and ask for the next Period's plan like `put`.

    What it leaves is not compared: unpacking two large plans would hold the transaction for seconds.
    """
    plans.decide(tx, preview.id, PlanState.AUDITED)
    plan = replace(preview, state=PlanState.AUDITED)
    write_alarms(tx, plan.period, alarms_of(plan), at)
    _ask_next(tx, plan, None, at)


def _ask_next(tx: Tx, plan: Plan, leaves: str | None, at: datetime) -> None:
    """Ask for the plan of the next Period, which begins with what a plan that has come into force leaves; see `put`."""
    following = plan.period.next().day
    reason = reason_to_plan_next(plan, leaves, plans.newest_audited(tx, following))
    if reason is not None:
        day.put_trigger(tx, following, reason, at)


def write_alarms(tx: Tx, period: Period, changes: tuple[AlarmChange, ...], at: datetime) -> None:
    """Raise, renew and end a Period's alarms."""
    for change in changes:
        if change.text is None:
            day.recover(tx, change.kind, str(period), at)
        else:
            day.raise_alarm(tx, change.kind, str(period), change.text, at)
