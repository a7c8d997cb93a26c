"""The daemon: wires everything together, starts and stops it, and runs the loops that wake the stages."""

import time
from collections.abc import Callable
from functools import partial
from types import TracebackType

import structlog

from agr.domain.errors import AgrError, StoreError
from agr.domain.isp import Clock, JumpingClock, Period, SystemClock
from agr.domain.plan import Plan
from agr.messaging.deliver import Deliverer
from agr.messaging.directory import participants_of
from agr.messaging.discovery import Discoverer, dns_of, end_alarms
from agr.messaging.key_file import load_key
from agr.messaging.keys import LiveKey
from agr.messaging.overdue import report_overdue
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.process import Processor
from agr.messaging.publish import Publisher
from agr.messaging.receive import Receiver
from agr.nomination.deliver import NominationDeliverer
from agr.nomination.nominate import Nominator
from agr.operations import log as events
from agr.operations.accounts.authentication import Authentication
from agr.operations.actions import Actions
from agr.operations.alerts.notifier import Notifier
from agr.operations.approvals import Approvals
from agr.operations.auction_results import AuctionResults
from agr.operations.bid_approval import BidApproval
from agr.operations.bid_delivery import BidDelivery
from agr.operations.change_feed import ChangeFeed
from agr.operations.health import Health
from agr.operations.manual_inputs import ManualInputs
from agr.operations.market_feeds import MarketFeeds
from agr.operations.metrics import Metrics
from agr.operations.nomination_answers import NominationAnswers
from agr.operations.plan_cache import PlanCache
from agr.operations.point_table import PointTable
from agr.operations.program_folder import ProgramFolder
from agr.operations.register_edit import RegisterEdits
from agr.operations.resource_programs import ProgramCache
from agr.operations.stuck_messages import watch_outbox
from agr.operations.unsent import Unsent
from agr.operations.watchdog import Watchdog, shorten_pauses
from agr.planning.failed_cases import kept_of
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.schedule.bidding import Bidding
from agr.schedule.loop import Loop
from agr.schedule.market_day import MarketDay
from agr.schedule.scheduler import Scheduler
from agr.settings import Settings
from agr.store import bids, day, inbox, nominations, outbox, overrides
from agr.store.data_lock import DataLock
from agr.store.engine import Store
from agr.store.leadership import leadership
from agr.uftp.connections import Connections
from agr.uftp.participants import ROLES, Participant
from agr.uftp.transport import Sender
from agr.web.application import operators_app
from agr.web.context import Context
from agr.web.endpoint import uftp_app
from agr.web.serving import WebServer

log = structlog.get_logger()

_WATCH_S = 15.0
_NOTIFIER_S = 2.0
_ELECTION_S = 1.0
_WATCHDOG_S = 5.0
_DISCOVERY_S = 1.0
_PROGRAMS_S = 5.0
_MARKET_FEEDS_S = 2.0


def _running(loop: Loop) -> bool:
    return loop.running


class Service:
    """The service: UFTP endpoint, operators' page, timetable, and one loop per stage.

    `guest`: name of a viewer who may see the operators' page without logging in (in the demo); empty: nobody may.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, *, guest: str = "") -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self._data_lock = DataLock(settings.data_folder)
        if not self._data_lock.take():
            raise AgrError(
                f"another agr daemon is using {settings.data_folder}; stop it first, or use another data_folder"
            )
        self.key = load_key(settings)
        self.store = Store(settings.store_url)
        self.store.migrate()
        self._leadership = leadership(self.store, self.clock)
        self.leading, self._began = False, False
        self._acting = acting = self.store.fenced(self._leadership.fence)
        self._participants = participants_of(settings)
        self._solver = SolverPool(settings.planning, settings.compute.executor, kept_of(settings))
        self.portfolio_requests = PortfolioRequests(acting, settings, self.clock, self._participants)
        self.publisher = Publisher(acting, settings, self.clock, self._participants)
        self._nominator = Nominator(acting, settings, self.clock)
        self._nomination_deliverer = NominationDeliverer(acting, settings, self.clock)
        self.planner = Planner(acting, settings, self.clock, self._solver, self._planned)
        self._connections = Connections(settings.tls.authorities_file)
        for role in ROLES:  # faults of their files are reported at the start
            for participant in self._participants.with_role(role):
                self._connections.prepare(participant.way)
        self._deliverer = Deliverer(
            acting, settings, self.clock, self._participants, LiveKey(settings, self.key), self._sender_to
        )
        self.receiver = Receiver(acting, settings, self.clock, self._participants, self._wake)
        self.processor = Processor(acting, settings, self.clock, self._participants)
        self.bidding = Bidding(settings, self.clock)
        self._market_feeds = MarketFeeds(
            acting, settings, self.clock, AuctionResults(acting, settings, self.clock, self._wake)
        )
        market_day = MarketDay(
            acting, settings, self.clock, self.portfolio_requests, self.publisher, self.bidding,
            self._market_feeds.ask_awards,
        )  # fmt: skip
        self.scheduler = Scheduler(acting, settings, self.clock, market_day.handlers())
        self._loops = [
            Loop("intake", self.processor.process_next, lambda: self.leading),
            Loop("planning", self.planner.run_due, lambda: self.leading),
            Loop("delivery", self._deliverer.run_due, lambda: self.leading),
        ]
        if settings.brps:
            self._loops.append(Loop("nominations", self._nomination_deliverer.run_due, lambda: self.leading))
        self._bid_delivery = BidDelivery(acting, settings, self.clock, self.bidding)
        self._loops += [
            Loop(f"bids to {name}", duty, lambda: self.leading) for name, duty in self._bid_delivery.duties().items()
        ]
        watchdog = Watchdog(acting, settings, self.clock, self._jumped)
        self._watchers = [  # not woken by events: they check every few seconds
            Loop("watch", self.watch, lambda: self.leading, pause_s=_WATCH_S),
            Loop("watchdog", watchdog.check, lambda: self.leading, pause_s=_WATCHDOG_S),
            Loop("market feeds", self._market_feeds.look, lambda: self.leading, pause_s=_MARKET_FEEDS_S),
        ]
        self._discoverer: Discoverer | None = None
        if settings.discovery.enabled:  # a standby looks up, too, so that it can take over
            self._discoverer = Discoverer(
                acting, settings, self.clock, self._participants, dns_of(settings), lambda: self.leading,
                wake=self._wake,
            )  # fmt: skip
            self._watchers.append(Loop("discovery", self._discoverer.refresh, pause_s=_DISCOVERY_S))
        self._election = Loop("leadership", self._elect, pause_s=_ELECTION_S)
        limits = settings.limits
        app = uftp_app(
            self.receive, max_bytes=max(limits.max_bytes_cro, limits.max_bytes_dso), expects=self.receiver.expects,
            max_under_way=limits.max_bytes_under_way, refused_per_minute=limits.refused_per_minute,
        )  # fmt: skip
        self._web = WebServer("endpoint", app, settings.listen_host, settings.listen_port, "listen_port", settings.tls)
        self.metrics = Metrics(self.store, settings, self.clock)
        self.authentication = Authentication(self.store, settings.operators, self.clock, SystemClock())
        self.operators = self._operators(guest)
        self._loops.append(Loop("change feed", self.operators.change_feed.look))
        self._notifier = Notifier(self.store, settings, self.clock, lambda: self.page)
        if settings.alarms.webhooks or settings.alarms.emails:
            self._loops.append(Loop("notifier", self._notifier.tell, lambda: self.leading, _NOTIFIER_S))
        page, given = settings.operators, settings.operators.listen_port
        following = settings.listen_port + 1 if settings.listen_port else 0
        port = following if given is None else given
        self._page = WebServer(
            "operators", operators_app(self.operators), page.listen_host, port, "operators.listen_port"
        )

    def _operators(self, guest: str) -> Context:
        """Wire the operators' page and API together."""
        plan_cache = PlanCache(self.store)
        programs = ProgramCache(self.store, plan_cache)
        if self.settings.programs.folder is not None:
            folder = ProgramFolder(self.store, self.settings, self.clock, programs)
            self._loops.append(Loop("programs", folder.look, lambda: self.leading, _PROGRAMS_S))
        actions = Actions(
            self.store, self.settings, self.clock, self.publisher, self._participants,
            closed_isps=self.planner.closed_isps, nominate=partial(self._nominator.nominate, by_hand=True),
            wake=self._wake,
        )  # fmt: skip
        parts: dict[str, Callable[[], bool]] = {
            loop.name: partial(_running, loop) for loop in [*self._loops, *self._watchers]
        }
        parts["endpoint"] = lambda: self._web.running
        return Context(
            store=self.store, settings=self.settings, clock=self.clock, participants=self._participants,
            progress=self.planner.progress, authentication=self.authentication, actions=actions, plan_cache=plan_cache,
            programs=programs, manual_inputs=ManualInputs(self.store, self.settings, self.clock, self._wake),
            register_edits=RegisterEdits(self.store, self.settings, self.clock, self._wake),
            approvals=Approvals(self.store, self.settings, self.clock, self._wake, self.authentication),
            auction_results=AuctionResults(self.store, self.settings, self.clock, self._wake),
            nomination_answers=NominationAnswers(self.store, self.settings, self.clock, self._wake),
            bidding=self.bidding,
            bid_approval=BidApproval(self.store, self.settings, self.clock, self._wake, self.bidding),
            point_table=PointTable(self.store, plan_cache), change_feed=ChangeFeed(self.store, self.planner.progress),
            health=Health(store=self.store, parts=parts), metrics=self.metrics.text,
            unsent=Unsent(self.store, self.settings, self.publisher, plan_cache, self.planner.closed_isps).count,
            guest=guest,
        )  # fmt: skip

    def start(self) -> None:
        """Open the endpoint, then resume the unfinished work in the store."""
        self._solver.warm_up()
        events.listeners.append(self.metrics.event)
        for server in (self._web, self._page):
            server.start()
        for loop in [*self._loops, *self._watchers]:
            loop.start()
        self._elect()
        if self.store.shared:
            self._election.start()
        if isinstance(self.clock, JumpingClock):
            self.clock.listeners.append(self._jumped)
        log.info(
            "daemon.started", domain=self.settings.domain, port=self.port, page=self.page, store=self.store.place,
            leading=self.leading,
        )  # fmt: skip

    def _sender_to(self, to: Participant) -> Sender:
        return Sender(self._connections.prepare(to.way))

    def _elect(self) -> None:
        """Lead, stand by or step down, depending on the lease in the store."""
        if self.leading and not self._leadership.holds():
            self.leading = False
            self.scheduler.pause()
            log.error("daemon.standby", why="the store no longer knows us as the leader")
        elif not self.leading and self._leadership.take():
            try:
                self._resume()
            except BaseException:
                self._leadership.release()
                raise
            self.leading = True
            self._wake()
            log.info("daemon.leading")

    def _resume(self) -> None:
        """Resume the unfinished work in the store, and bar the participants that operators have barred meanwhile."""
        with self.store.transaction() as tx:
            shorten_pauses(tx, self.clock.now(), self.settings)
            for (domain, role), switch in overrides.barred(tx).items():
                self._participants.set_barred(domain, role, switch.on)
        self.processor.take_up_again()
        if self._began:
            self.scheduler.resume()
        else:
            self._began = True
            self.scheduler.start()
        for period in self.scheduler.periods():
            self._publish(period)

    def receive(self, body: bytes) -> int:
        """Accept a message, or answer 503 (try again later) while on standby or without a working store."""
        if not self.leading:
            return 503
        try:
            return self.receiver.receive(body)
        except StoreError:  # the watchdog reports it, once for all messages; the sender tries again
            return 503

    @property
    def port(self) -> int:
        """The port of the endpoint."""
        return self._web.port

    @property
    def page(self) -> str:
        """Address of the operators' page."""
        where = self.settings.operators
        return where.public_url or f"http://{where.listen_host}:{self._page.port}"

    def set_up_link(self) -> str | None:
        """Return a one-time link for the first admin while there is none. It lasts a day; earlier links end."""
        secret = self.authentication.first_link()
        return None if secret is None else f"{self.page.rstrip('/')}/setup/{secret}"

    def stop(self, patience_s: float | None = None) -> None:
        """Stop; the rest is resumed at the next start. A plan under way is dropped and made again then.

        `patience_s`: leave work that has not ended after so many seconds, such as a post to a peer that hangs, to the
        end of the process; default: wait for all of it.
        """
        until = None if patience_s is None else time.monotonic() + patience_s

        def left_s() -> float | None:
            return None if until is None else max(until - time.monotonic(), 0.0)

        if isinstance(self.clock, JumpingClock) and self._jumped in self.clock.listeners:
            self.clock.listeners.remove(self._jumped)
        self.operators.change_feed.closed = True
        loops, servers = [*self._watchers, *self._loops], (self._page, self._web)
        for loop in loops:
            loop.end()
        for server in servers:
            server.end()
        self._solver.abandon()
        if self.store.shared:
            self._election.stop(left_s())
        if self._began:
            self.scheduler.stop(left_s())
        for loop in loops:
            loop.stop(left_s())
        self._deliverer.close(left_s())
        for server in servers:
            server.stop(left_s())
        if self.metrics.event in events.listeners:
            events.listeners.remove(self.metrics.event)
        self.release()
        log.info("daemon.stopped")

    def release(self) -> None:
        """Release all resources; also for a daemon that was never started."""
        self._solver.close()
        self._notifier.close()
        self._connections.close()
        self._nomination_deliverer.close()
        self._bid_delivery.close()
        self._leadership.release()
        self.store.close()
        self._data_lock.release()

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wake(self) -> None:
        for loop in self._loops:
            loop.wake()

    def _jumped(self) -> None:
        if self.leading:
            self.scheduler.arrange()
        self._wake()

    def _planned(self, plan: Plan) -> None:
        """Publish and nominate the programs that a plan changed."""
        self._publish(plan.period)
        self._wake()

    def _publish(self, period: Period) -> None:
        self.publisher.publish(period, self.planner.closed_isps(period))
        self._nominator.nominate(period)

    def watch(self) -> None:
        """Report overdue answers; repeat requests and prognoses that the day still lacks. Idempotent."""
        report_overdue(self._acting, self.clock.now())
        self._solver.rest()
        watch_outbox(self.store, self.settings, self.clock.now())
        self.operators.approvals.expire()
        self._nominator.watch()
        self._watch_discovery()
        for period in self.scheduler.periods():
            with self.store.transaction() as tx:
                asked = day.was_done(tx, period.day, "portfolio_query")
            if asked and self.clock.now() < period.start:
                self.portfolio_requests.take_own_points(period)
                self.portfolio_requests.ask_portfolio(period)
            self._publish(period)

    def _watch_discovery(self) -> None:
        """End discovery alarms from before a restart or failover, even if discovery is now disabled."""
        looked_up = self._discoverer.doubtful if self._discoverer is not None else set[str]
        end_alarms(self.store, looked_up, self.clock.now())

    def idle(self) -> bool:
        """Return whether nothing waits to be processed, planned, delivered or answered."""
        if self.planner.busy:
            return False
        with self.store.transaction() as tx:
            if inbox.next_received(tx) is not None or day.open_triggers(tx) or outbox.open_count(tx):
                return False
            return not nominations.open_count(tx) and not bids.waiting(tx)
