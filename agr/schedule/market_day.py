"""What happens at each moment of the market day: the handlers that the scheduler calls."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from agr.connectors.ports import SourceData, open_source
from agr.domain.bid import DAY_AHEAD
from agr.domain.errors import FeedError, StoreError
from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period
from agr.domain.moments import Handled, MomentState
from agr.domain.plan import ROLLED, Reason, ReasonKind
from agr.domain.price import values_on
from agr.forecasting.sessions import SESSION_SERIES
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.publish import OPEN, Publisher, last_per_point
from agr.planning.failed_cases import kept_of
from agr.schedule.bidding import AWARD_LATE, Bidding, end_past_alarms
from agr.schedule.market_gates import MarketGates
from agr.schedule.ports import BrpGates, PastDays
from agr.settings import FeedSection, RecordFeed, Settings
from agr.store import (
    actuals,
    approvals,
    audit_log,
    bids,
    charge_sessions,
    day,
    dispatches,
    executions,
    flex_retention,
    forecast_runs,
    history,
    inbox,
    market_reports,
    nominations,
    outbox,
    overrides,
    plans,
    portfolio,
    positions,
    readings,
    register,
    trades,
)
from agr.store.engine import Store, Tx
from agr.store.plans import Sent

log = structlog.get_logger()

NOT_KEPT = "history not kept"
"""Kind of the alarm that a day's history could not be kept."""
READINGS_COME_WITHIN_DAYS = 3
"""Days after a Period within which readings of it still count in history."""
OLDEST_ACTUALS = timedelta(days=1100)
"""Published prices older than this are deleted, since nothing learns from them."""
_AWARD_WAIT = timedelta(minutes=15)
"""How long a plan with the auction's prices waits for our award."""


class MarketDay:
    """One method per moment; each may be called late, or again, without harm."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        portfolio_requests: PortfolioRequests,
        publisher: Publisher,
        bidding: Bidding,
        brp_gates: BrpGates,
        past: PastDays,
        ask_awards: Callable[[Period], None] = lambda _: None,
        forecasts_ready: Callable[[Period], bool] = lambda _: True,
    ) -> None:
        self._store, self._settings, self._clock, self._bidding = store, settings, clock, bidding
        self._portfolio_requests, self._publisher = portfolio_requests, publisher
        self._brp_gates, self._past = brp_gates, past
        self._ask_awards = ask_awards  # asks every feed of awards once
        self._forecasts_ready = forecasts_ready  # begins forecasts of what nobody gives; says when that is over
        self._refreshed: Period | None = None  # whose first plan waits for forecasts alone

    def handlers(self) -> Mapping[str, Callable[[Period, str], Handled | None]]:
        """Return moment → what to do."""
        return {
            "retention_job": self._forget,
            "portfolio_query": self._query,
            "portfolio_last_call": self._last_call,
            "first_plan": self._first_plan,
            "day_ahead_results": self._results,
            "prognosis_last_safe_start": self._last_safe_start,
            "prognosis_gate": self._prognosis_gate,
            "nomination_gate": self._nomination_gate,
            **MarketGates(self._store, self._clock, self._bidding).handlers(),
        }

    def _query(self, period: Period, _name: str) -> Handled:
        own = self._portfolio_requests.take_own_points(period, again=True)
        asked = self._portfolio_requests.ask_portfolio(period)
        words = f"asked {number_of(asked, 'CRO')}"
        if own is not None:
            words = f"{own}; {words}" if asked else own
        return Handled(words)

    def _last_call(self, period: Period, _name: str) -> Handled:
        now = self._clock.now()
        with self._store.transaction() as tx:
            late = [a.cro for a in portfolio.answers(tx, period.day).values() if a.state != "answered"]
            for cro in late:
                text = (
                    f"CRO {cro} has not told us the congestion points of {period}; it is asked again until it answers"
                )
                day.raise_alarm(tx, "portfolio late", f"{cro} {period}", text, now)
        return (
            Handled(f"{number_of(len(late), 'CRO')} late", MomentState.LATE) if late else Handled("all CROs answered")
        )

    def _first_plan(self, period: Period, _name: str) -> Handled | None:
        """Ask for a plan once forecasts are made; until then it is tried again each minute."""
        if self._refreshed != period:
            self.refresh(period)
            self._refreshed = period
        if not self._forecasts_ready(period):
            return None
        self._refreshed = None
        with self._store.transaction() as tx:
            day.put_trigger(tx, period.day, Reason(kind=ReasonKind.FIRST_PLAN), self._clock.now())
        return Handled("plan asked for")

    def _results(self, period: Period, _name: str) -> Handled | None:
        """Ask for a plan once the auction's prices are there; until then it is tried again each minute.

        Where a feed reports our award, it is waited for, but not for long: the bid stands in for it.
        """
        self._ask_awards(period)
        self.refresh(period)
        with self._store.transaction() as tx:
            if self._award_may_come(tx, period):
                return None
            rows = register.prices(tx, period.start - timedelta(days=1), period.end)
            if any(v is None for v in values_on(rows, self._settings.markets.day_ahead.series, period)):
                return None
            reason = Reason(kind=ReasonKind.RESULTS, text="day-ahead results and awarded capacity")
            day.put_trigger(tx, period.day, reason, self._clock.now())
        return Handled("results known, plan asked for")

    def _award_may_come(self, tx: Tx, period: Period) -> bool:
        """Say whether to wait for our award; raise an alarm when that has been long enough."""
        told = any(
            isinstance(feed, RecordFeed) and feed.kind == "award" and (feed.market or DAY_AHEAD) == DAY_AHEAD
            for feed in self._settings.feeds
        )
        position, bid = positions.one_on(tx, period.day, DAY_AHEAD), positions.bid_on(tx, period.day, DAY_AHEAD)
        if not told or position is None or position.awarded or (bid is not None and not any(bid[0])):
            return False
        now, expected = self._clock.now(), dict(self._settings.timetable.moments(period))["day_ahead_results"]
        if now < expected + _AWARD_WAIT:
            return True
        text = (
            f"no feed has reported the day-ahead award of {period}; the bid is taken as awarded until it is known: "
            "enter it on the Markets page or with `agr award`"
        )
        day.raise_alarm(tx, AWARD_LATE, str(period), text, now)
        return False

    def _last_safe_start(self, period: Period, _name: str) -> Handled:
        """Send the last audited plan whatever is still missing."""
        with self._store.transaction() as tx:
            opened = OPEN in day.done_moments(tx, period.day)
            day.moment_done(tx, period.day, OPEN, self._clock.now(), "last safe start")
            planned = plans.in_force(tx, period.day) is not None
            if not planned:
                text = f"there is no plan for {period} and the prognosis gate is near: nothing can be sent"
                day.raise_alarm(tx, "no plan", str(period), text, self._clock.now())
            hold = overrides.held(tx)
            if hold is not None:
                text = f"the prognosis gate of {period} is near, but {hold.who} has put sending on hold: {hold.why}"
                day.raise_alarm(tx, "sending held", "D-Prognoses", text, self._clock.now())
        if not planned:
            return Handled("missed; there is no plan to send", MomentState.MISSED)
        sent = self._publisher.publish(period)
        if opened and not sent:
            return Handled("prognoses were sent before")
        return Handled(f"{number_of(sent, 'prognosis', 'prognoses')} sent from the plan in force")

    def _prognosis_gate(self, period: Period, _name: str) -> Handled:
        """Name the congestion points whose prognosis the DSO has not accepted."""
        with self._store.transaction() as tx:
            newest = last_per_point(plans.prognoses(tx, period.day), "sent", "accepted", "rejected", "failed")
            there = portfolio.load(tx, period).points
            known = [point.address for point in there if self._publisher.takes_prognoses(point.dso)]
            without = [a for a in known if a not in newest or newest[a].state != "accepted"]
            for address in without:
                text = f"the gate has closed and {_unaccepted(newest.get(address), period)}; call the DSO"
                day.raise_alarm(tx, "prognosis not accepted", address, text, self._clock.now())
        words = f"{number_of(len(known) - len(without), 'congestion point')} accepted, {len(without)} not"
        return Handled(words, MomentState.MISSED if without else MomentState.DONE)

    def _nomination_gate(self, period: Period, name: str) -> Handled:
        """Say whether the BRP has accepted its e-program; if not, raise an alarm."""
        return self._brp_gates.gate(period, name.removeprefix("nomination_gate "))

    def _forget(self, period: Period, _name: str) -> Handled:
        """Delete what `retention` no longer allows us to keep; first keep what the last days earned."""
        self._keep(period)
        keep, now = self._settings.retention, self._clock.now()
        with self._store.transaction() as tx:
            old = now - timedelta(days=keep.messages_days)
            messages = inbox.delete_before(tx, old) + outbox.delete_before(tx, old)
            old_plans = (now - timedelta(days=keep.plans_days)).date()
            gone = plans.delete_before(tx, old_plans)
            history.delete_before(tx, old_plans)
            nominations.delete_before(tx, old_plans)
            bids.delete_before(tx, old_plans)
            market_reports.delete_before(tx, old_plans)
            trades.delete_before(tx, old_plans)
            flex_retention.delete_before(tx, old_plans)
            end_past_alarms(tx, period.previous(), now)
            self._brp_gates.end_alarms(tx, period.previous(), now)
            personal = (now - timedelta(days=keep.personal_days)).date()
            plans.forget_programs(tx, personal)
            plans.forget_superseded(tx, period.day, ROLLED)
            flex_retention.forget_programs(tx, personal)
            portfolio.delete_before(tx, personal)
            approvals.delete_before(tx, now - timedelta(days=keep.personal_days))
            audit_log.forget_values(tx, now - timedelta(days=keep.personal_days))
            register.delete_forecasts_before(tx, personal)
            forecast_runs.delete_before(tx, old_plans)
            actuals.delete_before(tx, now - OLDEST_ACTUALS)
            own = (forecast_runs.POWER_SERIES, *forecast_runs.HEAT_SERIES)
            for begins in (*own, *SESSION_SERIES):  # a group may be one charge point
                forecast_runs.delete_before(tx, personal, begins)
                actuals.delete_before(tx, now - timedelta(days=keep.personal_days), begins)
            readings.delete_before(tx, now - timedelta(days=keep.personal_days))
            charge_sessions.delete_before(tx, now - timedelta(days=keep.personal_days))
            dispatches.delete_before(tx, now - timedelta(days=keep.personal_days))
            executions.delete_before(tx, now - timedelta(days=keep.personal_days))
        old_cases = now.timestamp() - keep.personal_days * 86_400
        for case in kept_of(self._settings).archives():
            if case.stat().st_mtime < old_cases:
                case.unlink()
        return Handled(f"deleted {number_of(messages, 'message')} and {number_of(gone, 'plan')}")

    def _keep(self, period: Period) -> None:
        """Keep what the days before earned. Whatever is wrong is an alarm, and does not prevent deletion."""
        faults = []
        for _ in range(READINGS_COME_WITHIN_DAYS):
            period = period.previous()
            try:
                fault = self._past.keep(period)
            except StoreError:
                raise  # the store does not answer: all of the moment is tried again
            except Exception as error:
                log.exception("history.failed", period=str(period))
                fault = f"{type(error).__name__}: {error}"
            if fault:
                faults.append(f"of what {period} earned only the summary of its plan tells: {fault}")
        with self._store.transaction() as tx:
            if faults:
                text = f"{'; '.join(faults)}; keep the store and report it"
                day.raise_alarm(tx, NOT_KEPT, "history", text, self._clock.now())
            else:
                day.recover(tx, NOT_KEPT, "history", self._clock.now())

    def refresh(self, period: Period) -> None:
        """Fetch prices and forecasts from the configured sources; a source that fails only raises an alarm."""
        for feed in self._settings.feeds:
            if feed.brings_series:
                self._fetch(feed, period)

    def _fetch(self, feed: FeedSection, period: Period) -> None:
        now = self._clock.now()
        try:
            series = open_source(feed, self._settings.tls.authorities_file).fetch(period)
            fault = series.fault
        except FeedError as error:
            series, fault = SourceData(), str(error)
        with self._store.transaction() as tx:
            register.put_prices(tx, series.prices)
            register.put_forecasts(tx, series.forecasts)
            if fault:
                day.raise_alarm(tx, "feed failed", feed.name, fault, now)
            else:
                day.recover(tx, "feed failed", feed.name, now)
        (log.warning if fault else log.info)("feed.failed" if fault else "feed.fetched", feed=feed.name, why=fault)


def _unaccepted(last: Sent | None, period: Period) -> str:
    """Say what became of the newest D-Prognosis of a congestion point that its DSO has not accepted."""
    if last is None:
        return f"no D-Prognosis of {period} was sent"
    became = {
        "rejected": f"was rejected: {last.reason or 'without a reason'}",
        "failed": f"was not delivered: {last.reason or 'without a reason'}",
        "sent": "was not answered",
    }
    return f"revision {last.revision} of the D-Prognosis of {period} {became[last.state]}"
