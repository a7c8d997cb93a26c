"""The daemon: UFTP endpoint, operators' page and stages in one process; starts and stops them."""

import time
from types import TracebackType

import structlog

from agr.connectors.answers import AnswerAddresses, secret_of
from agr.domain.errors import AgrError, StoreError
from agr.domain.isp import Clock, JumpingClock, SystemClock
from agr.messaging.key_file import load_key
from agr.operations import log as events
from agr.operations.accounts.authentication import Authentication
from agr.operations.alerts.notifier import Notifier
from agr.operations.metrics import Metrics
from agr.planning.pool import SolverPool
from agr.service.leader import Leader
from agr.service.loops import Loops
from agr.service.operators import operators_side
from agr.service.stages import Stages
from agr.settings import Settings
from agr.store.data_lock import DataLock
from agr.store.engine import Store
from agr.store.leadership import leadership
from agr.web.application import operators_app
from agr.web.dispatch_answers import dispatch_app
from agr.web.endpoint import uftp_app
from agr.web.serving import WebServer

log = structlog.get_logger()

_NOTIFIER_S = 2.0


class Service:
    """The service: UFTP endpoint, operators' page, timetable, and one loop per stage.

    `guest`: name of a viewer who may see the operators' page without logging in (in the demo); empty: nobody may.
    `solver`: solves the cases, and is closed with the daemon; default: worker processes as the settings want them.
    """

    def __init__(
        self, settings: Settings, clock: Clock | None = None, *, guest: str = "", solver: SolverPool | None = None
    ) -> None:  # fmt: skip
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
        self._lease = leadership(self.store, self.clock)
        self._loops = Loops(lambda: self.leading)
        self._stages = stages = Stages(
            self.store, self.store.fenced(self._lease.fence), settings, self.clock, self.key, self._loops,
            lambda: self.leading, AnswerAddresses(base=self._answered_at, secret=secret_of(self.key.seed)), solver,
        )  # fmt: skip
        self.planner, self.publisher, self.scheduler = stages.planner, stages.publisher, stages.scheduler
        self.solver = stages.solver
        self._leader = Leader(
            self._lease, resume=stages.resume, pause=stages.scheduler.pause, wake=self._loops.wake_all
        )  # fmt: skip
        limits = settings.limits
        app = uftp_app(
            self.receive, max_bytes=max(limits.max_bytes_cro, limits.max_bytes_dso), expects=stages.receiver.expects,
            max_under_way=limits.max_bytes_under_way, refused_per_minute=limits.refused_per_minute,
        )  # fmt: skip
        self._web = WebServer("endpoint", app, settings.listen_host, settings.listen_port, "listen_port", settings.tls)
        self._answers: WebServer | None = None
        if settings.dispatch.roads:
            where = settings.dispatch
            self._answers = WebServer(
                "dispatch", dispatch_app(self.take_answer), where.listen_host, where.listen_port,
                "dispatch.listen_port", settings.tls,
            )  # fmt: skip
        self.metrics = Metrics(self.store, settings, self.clock)
        self.authentication = Authentication(self.store, settings.operators, self.clock, SystemClock())
        self.operators = operators_side(
            self.store, settings, self.clock, stages, self._loops, authentication=self.authentication,
            metrics=self.metrics, endpoint_runs=lambda: self._web.running, guest=guest,
        )  # fmt: skip
        self._loops.wake_for("change feed", self.operators.change_feed.look, always=True)
        self._notifier = Notifier(self.store, settings, self.clock, lambda: self.page)
        if settings.alarms.webhooks or settings.alarms.emails:
            self._loops.wake_for("notifier", self._notifier.tell, pause_s=_NOTIFIER_S)
        page, given = settings.operators, settings.operators.listen_port
        following = settings.listen_port + 1 if settings.listen_port else 0
        port = following if given is None else given
        self._page = WebServer(
            "operators", operators_app(self.operators), page.listen_host, port, "operators.listen_port"
        )

    @property
    def leading(self) -> bool:
        """Whether this daemon acts; a standby waits."""
        return self._leader.leading

    def start(self) -> None:
        """Open the endpoint, then resume the unfinished work in the store."""
        self._stages.solver.warm_up()
        events.listeners.append(self.metrics.event)
        for server in self._servers:
            server.start()
        self._loops.start()
        self._leader.elect()
        if self.store.shared:
            self._leader.start()
        if isinstance(self.clock, JumpingClock):
            self.clock.listeners.append(self._stages.jumped)
        log.info(
            "daemon.started", domain=self.settings.domain, port=self.port, page=self.page, store=self.store.place,
            leading=self.leading,
        )  # fmt: skip

    def receive(self, body: bytes) -> int:
        """Accept a message, or answer 503 (try again later) while on standby or without a working store."""
        if not self.leading:
            return 503
        try:
            return self._stages.receiver.receive(body)
        except StoreError:  # the watchdog reports it, once for all messages; the sender tries again
            return 503

    def take_answer(self, kind: str, road: str, key: str, proof: str, body: bytes) -> int:
        """Take what a back-end of charge points posts, or answer 503 while on standby or without a working store."""
        if not self.leading:
            return 503
        try:
            return self._stages.roads.answer(kind, road, key, proof, body)
        except StoreError:
            return 503

    def _answered_at(self) -> str:
        """Return where back-ends of charge points reach us."""
        where = self.settings.dispatch
        if where.callback_url is not None or self._answers is None:
            return where.callback_url or ""
        scheme = "http" if self.settings.tls.certificate_file is None else "https"
        return f"{scheme}://{where.listen_host}:{self._answers.port}"

    @property
    def _servers(self) -> tuple[WebServer, ...]:
        return (self._page, self._web, *(() if self._answers is None else (self._answers,)))

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

    def watch(self) -> None:
        """Report overdue answers; repeat requests and prognoses that the day still lacks. Idempotent."""
        self._stages.watch()

    def idle(self) -> bool:
        """Return whether nothing waits to be processed, planned, delivered or answered."""
        return self._stages.idle()

    def stop(self, patience_s: float | None = None) -> None:
        """Stop; the rest is resumed at the next start. A plan under way is dropped and made again then.

        `patience_s`: leave work that has not ended after so many seconds, such as a post to a peer that hangs, to the
        end of the process; default: wait for all of it.
        """
        until = None if patience_s is None else time.monotonic() + patience_s

        def left_s() -> float | None:
            return None if until is None else max(until - time.monotonic(), 0.0)

        stages, servers = self._stages, self._servers
        if isinstance(self.clock, JumpingClock) and stages.jumped in self.clock.listeners:
            self.clock.listeners.remove(stages.jumped)
        self.operators.change_feed.closed = True
        self._loops.end()
        for server in servers:
            server.end()
        stages.solver.abandon()
        if self.store.shared:
            self._leader.stop(left_s())
        stages.stop(left_s)
        self._loops.stop(left_s)
        stages.deliverer.close(left_s())
        for server in servers:
            server.stop(left_s())
        if self.metrics.event in events.listeners:
            events.listeners.remove(self.metrics.event)
        self.release()
        log.info("daemon.stopped")

    def release(self) -> None:
        """Release all resources; also for a daemon that was never started."""
        self._stages.release()
        self._notifier.close()
        if self.operators.identity_provider is not None:
            self.operators.identity_provider.close()
        self._lease.release()
        self.store.close()
        self._data_lock.release()

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
