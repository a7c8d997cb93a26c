"""The stages of the daemon: messages, plans, the market day, bids and nominations, and the loops that call them."""

from collections.abc import Callable

from agr.connectors.answers import AnswerAddresses
from agr.domain.isp import Clock, Period
from agr.domain.plan import Plan
from agr.history.days import DayHistory
from agr.messaging.deliver import Deliverer
from agr.messaging.directory import participants_of, way_to
from agr.messaging.discovery import Discoverer, dns_of, end_alarms
from agr.messaging.gopacs_directory import GopacsDirectory
from agr.messaging.keys import LiveKey
from agr.messaging.overdue import report_overdue
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.process import Processor
from agr.messaging.publish import Publisher
from agr.messaging.receive import Receiver
from agr.nomination.deliver import NominationDeliverer
from agr.nomination.nominate import Nominator
from agr.operations import approvals
from agr.operations.auction_results import AuctionResults
from agr.operations.bid_delivery import BidDelivery
from agr.operations.dispatching.roads import Roads
from agr.operations.execution.keeper import ExecutionKeeper
from agr.operations.forecast_imbalance import ImbalanceForecasts
from agr.operations.forecast_job import ForecastJob
from agr.operations.forecasts import ForecastService
from agr.operations.intraday_trades import IntradayTrades
from agr.operations.market_feeds import MarketFeeds
from agr.operations.setpoint_news import SetpointNews
from agr.operations.stuck_messages import watch_outbox
from agr.operations.watchdog import Watchdog, shorten_pauses
from agr.planning.failed_cases import kept_of
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.schedule.bidding import Bidding
from agr.schedule.market_day import MarketDay
from agr.schedule.rolling import RollingPlans
from agr.schedule.scheduler import Scheduler
from agr.service.loops import Loops
from agr.settings import Settings
from agr.store import bids, day, flex_requests, inbox, nominations, outbox, overrides
from agr.store.engine import Store
from agr.trading import handlers
from agr.trading.keeping import Keeping
from agr.trading.metering import MeteringSender
from agr.trading.offering import Offering
from agr.trading.pricing import PlanPricer
from agr.uftp.connections import Connections
from agr.uftp.participants import ROLES, Participant
from agr.uftp.signing import KeyPair
from agr.uftp.transport import Sender

_NOMINATIONS_S = 2.0
_WATCH_S = 15.0
_WATCHDOG_S = 5.0
_EXECUTION_S = 15.0
_METERING_S = 60.0
_DISCOVERY_S = 1.0
_TRADING_S = 2.0
_MARKET_FEEDS_S = 2.0
_ROLLING_S = 2.0


class Stages:
    """What acts while the daemon leads. `acting`: the store as only the leader may write to it."""

    def __init__(
        self, store: Store, acting: Store, settings: Settings, clock: Clock, key: KeyPair, loops: Loops,
        leading: Callable[[], bool], answers: AnswerAddresses, solver: SolverPool | None = None,
    ) -> None:  # fmt: skip
        self._store, self._acting, self._settings, self._clock, self._loops = store, acting, settings, clock, loops
        self._leading, self._began = leading, False
        self.participants = participants_of(settings)
        self.solver = solver or SolverPool(settings.planning, settings.compute.executor, kept_of(settings))
        self.requests = PortfolioRequests(acting, settings, clock, self.participants)
        self.publisher = Publisher(acting, settings, clock, self.participants)
        self.nominator = Nominator(acting, settings, clock)
        self._nomination_deliverer = NominationDeliverer(acting, settings, clock)
        self.planner = Planner(acting, settings, clock, self.solver, self._planned)
        self._connections = Connections(settings.tls.authorities_file)
        for role in ROLES:  # faults of their files are reported at the start
            for participant in self.participants.with_role(role):
                self._connections.prepare(participant.way)
        self.deliverer = Deliverer(
            acting, settings, clock, self.participants, LiveKey(settings, key), self._sender_to
        )  # fmt: skip
        self.receiver = Receiver(acting, settings, clock, self.participants, loops.wake)
        self._processor = Processor(acting, settings, clock, self.participants, handlers.ALL)
        self.offering = Offering(
            acting, settings, clock, self.participants, PlanPricer(acting, settings, clock, self.solver)
        )  # fmt: skip
        self._keeping = Keeping(acting, settings, clock)
        self._metering = MeteringSender(acting, settings, clock)
        self.bidding = Bidding(settings, clock)
        self._bid_delivery = BidDelivery(acting, settings, clock, self.bidding)
        entering = (acting, settings, clock, loops.wake)
        self._setpoint_news = SetpointNews(acting, settings, clock)
        self.roads = Roads(acting, settings, clock, answers, loops.wake)
        self._execution = ExecutionKeeper(acting, settings, clock)
        self._market_feeds = MarketFeeds(
            acting, settings, clock, AuctionResults(*entering), IntradayTrades(*entering)
        )  # fmt: skip
        market_day = MarketDay(
            acting, settings, clock, self.requests, self.publisher, self.bidding,
            self.nominator, DayHistory(acting, settings), self._market_feeds.ask_awards,
            ForecastJob(ForecastService(acting, settings, clock).before_plan).ready,
        )  # fmt: skip
        imbalance = ImbalanceForecasts(acting, settings, clock)

        def refresh(period: Period) -> None:
            market_day.refresh(period)
            imbalance.look(period)

        self._rolling = RollingPlans(acting, settings, clock, refresh)
        self.scheduler = Scheduler(acting, settings, clock, market_day.handlers(), loops.wake)
        self._discoverer: Discoverer | None = None
        if settings.discovery.enabled:
            self._discoverer = Discoverer(
                acting, settings, clock, self.participants, dns_of(settings), leading, wake=loops.wake
            )  # fmt: skip
        self._gopacs: GopacsDirectory | None = None
        if settings.gopacs is not None:
            self._gopacs = GopacsDirectory(
                acting, settings, settings.gopacs, clock, self.participants,
                self._connections.prepare(way_to(settings.gopacs)), leading,
            )  # fmt: skip
        self._add_loops()

    def _add_loops(self) -> None:
        loops, watchdog = self._loops, Watchdog(self._acting, self._settings, self._clock, self.jumped)
        loops.wake_for("intake", self._processor.process_next)
        loops.wake_for("planning", self.planner.run_due)
        loops.wake_for("delivery", self.deliverer.run_due)
        loops.wake_for("pricing", self._price)
        loops.watch("trading", self._trade, _TRADING_S)
        if self._settings.brps:
            loops.wake_for("nominations", self._nominate, pause_s=_NOMINATIONS_S)
        for name, duty in self._nomination_deliverer.duties().items():
            loops.wake_for(f"e-programs to {name}", duty, pause_s=_NOMINATIONS_S)
        for name, duty in self._bid_delivery.duties().items():
            loops.wake_for(f"bids to {name}", duty)
        for name, duty in self._setpoint_news.duties().items():
            loops.wake_for(f"setpoints to {name}", duty)
        for name, duty in self.roads.duties().items():
            loops.wake_for(f"dispatch by {name}", duty)
        loops.watch("watch", self.watch, _WATCH_S)
        loops.watch("execution", self._execution.look, _EXECUTION_S)
        loops.watch("metering", self._meter, _METERING_S)
        loops.watch("watchdog", watchdog.check, _WATCHDOG_S)
        loops.watch("market feeds", self._market_feeds.look, _MARKET_FEEDS_S)
        if self._settings.planning.rolling.on:
            loops.wake_for("rolling", self._roll, pause_s=_ROLLING_S)
        if self._discoverer is not None:  # a standby looks up, too, so that it can take over
            loops.watch("discovery", self._discoverer.refresh, _DISCOVERY_S, always=True)
        if self._gopacs is not None:
            loops.watch("gopacs directory", self._gopacs.refresh, _DISCOVERY_S, always=True)

    def _roll(self) -> None:
        """Ask for a plan of the rest of the running Period where one is due, and wake the planner."""
        if self._rolling.look():
            self._loops.wake()

    def _sender_to(self, to: Participant) -> Sender:
        return Sender(self._connections.prepare(to.way))

    def resume(self) -> None:
        """Resume the unfinished work in the store, and bar the participants that operators have barred meanwhile."""
        with self._store.transaction() as tx:
            shorten_pauses(tx, self._clock.now(), self._settings)
            for (domain, role), switch in overrides.barred(tx).items():
                self.participants.set_barred(domain, role, switch.on)
        approvals.resume(self._acting, self._settings, self._clock.now())
        self._processor.take_up_again()
        self._nomination_deliverer.give_up()
        self._bid_delivery.give_up()
        self.roads.resume()
        if self._began:
            self.scheduler.resume()
        else:
            self._began = True
            self.scheduler.start()
        for period in self.scheduler.periods():
            self._publish(period)

    def jumped(self) -> None:
        """Reschedule moments by the new time after the clock has jumped."""
        if self._leading():
            self.scheduler.arrange()
        self._loops.wake()

    def _planned(self, plan: Plan) -> None:
        """Publish the programs that a plan changed; e-programs follow in a loop of their own."""
        self._publish(plan.period)
        self._loops.wake()

    def _publish(self, period: Period) -> None:
        self.publisher.publish(period, self.planner.closed_isps(period))

    def _price(self) -> bool:
        """Price what DSOs have requested; offers that need no operator leave in the other loop."""
        priced = self.offering.price_next()
        if priced:
            self._trade()
        return priced

    def _trade(self) -> None:
        """Send offers that are due, let what is late expire, follow orders."""
        self.offering.expire()
        sent = self.offering.send_due()
        self._keeping.look()
        if sent:
            self._loops.wake()

    def _meter(self) -> None:
        """Tell DSOs what connections have measured, once a Period is over."""
        if self._metering.look():
            self._loops.wake()

    def _nominate(self) -> int:
        """Queue e-programs that differ, for the loops that deliver them; return how many."""
        queued = 0
        for period in self.scheduler.periods():
            if not self.nominator.up_to_date(period):
                queued += self.nominator.nominate(period)
        if queued:
            self._loops.wake()
        return queued

    def watch(self) -> None:
        """Report overdue answers; repeat requests and prognoses that the day still lacks. Idempotent."""
        report_overdue(self._acting, self._clock.now())
        self.solver.rest()
        watch_outbox(self._store, self._settings, self._clock.now())
        approvals.expire(self._store, self._clock.now())
        self.nominator.watch()
        self._watch_discovery()
        for period in self.scheduler.periods():
            with self._store.transaction() as tx:
                asked = day.was_done(tx, period.day, "portfolio_query")
            if asked and self._clock.now() < period.start:
                self.requests.take_own_points(period)
                self.requests.ask_portfolio(period)
            self._publish(period)

    def _watch_discovery(self) -> None:
        """End discovery alarms from before a restart or failover, even if discovery is now disabled."""
        looked_up = self._discoverer.doubtful if self._discoverer is not None else set[str]
        end_alarms(self._store, looked_up, self._clock.now())

    def idle(self) -> bool:
        """Return whether nothing waits to be processed, planned, delivered or answered."""
        if (
            self.planner.busy
            or self._rolling.due()
            or not all(self.nominator.up_to_date(period) for period in self.scheduler.periods())
        ):
            return False
        with self._store.transaction() as tx:
            if inbox.next_received(tx) is not None or day.open_triggers(tx) or outbox.open_count(tx):
                return False
            return not (nominations.open_count(tx) or bids.waiting(tx) or flex_requests.waiting(tx))

    def stop(self, left_s: Callable[[], float | None]) -> None:
        """Let no further moment begin; wait for one under way at most for the time that is left."""
        if self._began:
            self.scheduler.stop(left_s())

    def release(self) -> None:
        """Release processes and connections; also of stages that never began."""
        self.solver.close()
        self._connections.close()
        self._nomination_deliverer.close()
        self._bid_delivery.close()
        self._setpoint_news.close()
        self.roads.close()
