"""The operators' page and API of a daemon that is not started, over real HTTP: tests call its stages."""

import httpx

from agr.domain.isp import SystemClock
from agr.domain.plan import Reason, ReasonKind
from agr.operations.accounts.authentication import Authentication
from agr.service import Service
from agr.settings.promises import Promises
from agr.store import audit_log, day
from agr.uftp.signing import KeyPair
from agr.web.application import operators_app
from agr.web.serving import WebServer
from tests.builders.accounts import CHEAP, account, token
from tests.builders.once import NOBODY
from tests.builders.remembered import remembering
from tests.builders.worlds import PERIOD, World


class Desk:
    """A small world with two congestion points, and clients with tokens by role."""

    def __init__(self, world: World) -> None:
        KeyPair.generate().save(world.settings.key_file)
        world.settings = world.settings.model_copy(update={"store_url": f"sqlite:///{world.folder / 'agr.db'}"})
        world.know_points()
        world.know_register()
        self.world = world
        settings = world.settings.model_copy(update={"listen_port": 0})
        shared = settings.planning.model_copy(update={"promises": Promises()})  # of them a worker knows by its question
        self.daemon = Service(settings, world.clock, solver=remembering(shared))
        self.accounts = Authentication(
            self.daemon.store, world.settings.operators, world.clock, SystemClock(), CHEAP
        )  # of the same store: what is set up here is known to the daemon
        self._server = WebServer("operators", operators_app(self.daemon.operators), "127.0.0.1", 0, "port")
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._tokens: dict[str, str] = {}
        self._clients: list[httpx.Client] = []

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._server.stop()
        self.daemon.release()
        self.world.store.close()

    def anybody(self, **headers: str) -> httpx.Client:
        """Return a client without a token."""
        self._clients.append(httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=NOBODY))
        return self._clients[-1]

    def as_(self, role: str, *scopes: str) -> httpx.Client:
        """Return a client with a token of a role."""
        if role not in self._tokens:
            account(self.accounts, role, role)
            allowed = {"viewer": ["read"], "analyst": ["read", "preview"], "operator": ["read", "preview", "act"]}
            self._tokens[role] = token(self.daemon.authentication, role, role, scopes or allowed[role])
        return self.anybody(Authorization=f"Bearer {self._tokens[role]}")

    def plan(self, kind: ReasonKind = ReasonKind.FIRST_PLAN) -> None:
        with self.world.store.transaction() as tx:
            day.put_trigger(tx, PERIOD.day, Reason(kind=kind), self.world.clock.now())
        self.daemon.planner.run_due()

    def done(self) -> list[tuple[str, str, str]]:
        with self.world.store.transaction() as tx:
            return [(d.who.split(" ")[0], d.action, d.subject) for d in audit_log.entries(tx)]
