"""The demo's world on loopback: our settings and keys; a CRO, DSOs, an exchange and a BRP in processes of their own."""

import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

import tomli_w

from agr.demo.charging import Yard
from agr.demo.counterparties import BRP, EXCHANGE, SCRIPT, Counterparty, Peer
from agr.demo.environment import counterparty_python
from agr.domain.errors import InputError
from agr.domain.isp import Clock
from agr.domain.price import values_on
from agr.operations.accounts.roles import ROLES, Permission, Principal
from agr.operations.tables import import_tables
from agr.scenario.description import Description
from agr.service import Service
from agr.settings import (
    BidFiles,
    Bids,
    BidWebhook,
    Brp,
    DispatchSettings,
    HttpFeed,
    ParticipantSettings,
    Readings,
    Settings,
    load,
)
from agr.settings.bids import BidValue
from agr.store import access, register
from agr.store.engine import Store
from agr.uftp.signing import KeyPair

PATH = "/shapeshifter/api/v3/message"
_SECRET, _TOKEN = "AGR_DEMO_EXCHANGE_SECRET", "AGR_DEMO_EXCHANGE_TOKEN"
"""Environment variables with the secrets that the exchange and we share: the settings hold no secret."""
_BRP_TOKEN = "AGR_DEMO_BRP_TOKEN"  # noqa: S105 - the variable's name
"""Environment variable with the token that we show the BRP."""
_CARS = "ev_sessions.csv"
_CLOCKS_S = 60.0
_PUBLISHED_BEFORE = timedelta(minutes=5)
"""How long before our moment for the results the exchange publishes them."""


def environment_folder() -> Path:
    """Return where the counterparties' environment is kept: beside the project, else in the user's cache."""
    project = Path(__file__).parents[2]
    if (project / "pyproject.toml").is_file():
        return project / ".venv-counterparty"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "agr" / "counterparty"


class DemoWorld:
    """Counterparties and the daemon's settings for one scenario."""

    def __init__(self, folder: Path, scenario: Description, data: Path, clock: Clock) -> None:
        self.scenario, self.data, self.clock = scenario, data, clock
        self._stack = ExitStack()
        try:
            python = counterparty_python(environment_folder())
            self._start_everybody(python, folder)
            self.settings = self._settings()
            self.key = self._key()
            store = Store(self.settings.store_url)
            store.migrate()
            self.reading = import_tables(self.settings, store, scenario.tables_of(folder), clock)
            self.yard.open(store)
            self.tell_time()  # before the daemon asks anybody, however slow this machine is
            self._open_market(store)
            store.close()
        except BaseException:
            self._stack.close()
            raise

    def _start_everybody(self, python: Path, folder: Path) -> None:
        """Start all processes at the same time: each imports for a second."""
        scenario, own = self.scenario, Path(sys.executable)
        cars = (scenario.tables_of(folder) / _CARS).is_file()
        with ThreadPoolExecutor() as together:
            start = together.submit
            cros = [start(self._start, python, "CRO", domain, scenario.cro_of(folder)) for domain in scenario.cros]
            dsos = {domain: start(self._start, python, "DSO", domain) for domain in scenario.dsos}
            exchange = start(self._start, own, "EXCHANGE", "exchange.example", script=EXCHANGE)
            brp = start(self._start, own, "BRP", "brp.example", script=BRP)
            yard = start(self._open_yard, python, cars=cars)
        self.cros, self.dsos = [cro.result() for cro in cros], {domain: dso.result() for domain, dso in dsos.items()}
        self.exchange, self.brp, self.yard = exchange.result(), brp.result(), yard.result()

    def _open_yard(self, python: Path, *, cars: bool) -> Yard:
        yard = Yard(python, self.data, self.scenario.of, self.clock, cars=cars)
        self._stack.callback(yard.close)
        return yard

    def _start(
        self, python: Path, role: str, domain: str, config: Path | None = None, script: Path = SCRIPT
    ) -> Counterparty:
        log = self.data / f"{domain}.log"
        self.data.mkdir(parents=True, exist_ok=True)
        running = Counterparty(python, role=role, domain=domain, config=config, log=log, script=script)
        return self._stack.enter_context(running)

    @property
    def counterparties(self) -> list[Counterparty]:
        """Everybody we exchange UFTP messages with."""
        return [*self.cros, *self.dsos.values()]

    def tell_time(self) -> None:
        """Set everybody's clock to ours."""
        self.tell_counterparties(self.clock.now())
        self.yard.tell_time()

    def tell_counterparties(self, now: datetime) -> None:
        """Set the clocks of everybody but the charge points, all at the same time."""
        told = [process.begin("clock", now=now.isoformat()) for process in (*self.counterparties, self.exchange)]
        for answered in told:
            answered(_CLOCKS_S)

    def _open_market(self, store: Store) -> None:
        """Tell the exchange the day's prices and moments, and what it shares with us. Raises InputError."""
        period, series = self.scenario.of, self.settings.markets.day_ahead.series
        with store.transaction() as tx:
            values = values_on(register.prices(tx, period.start - timedelta(days=1), period.end), series, period)
        if any(value is None for value in values):
            raise InputError(f"the tables lack prices of series {series!r} on {period}, at which the exchange clears")
        longer = max(self.settings.markets.day_ahead.product_minutes // period.isp_minutes, 1)
        products = list(zip(period.starts(), values, strict=True))[::longer]
        moments = dict(self.settings.timetable.moments(period))
        secret, token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        for variable, value in ((_SECRET, secret), (_TOKEN, f"Bearer {token}")):
            os.environ[variable] = value
            self._stack.callback(os.environ.pop, variable, None)
        self.exchange.send(
            "market", secret=secret, token=token, prices=[[start.isoformat(), value] for start, value in products],
            gate=moments["day_ahead_gate"].isoformat(),
            publishes_at=(moments["day_ahead_results"] - _PUBLISHED_BEFORE).isoformat(),
        )  # fmt: skip

    def _agree_terms(self, daemon: Service) -> None:
        """Tell the BRP what our posts show, and where and with which token it answers: one that can do nothing else."""
        shown, name = secrets.token_urlsafe(32), "brp"
        os.environ[_BRP_TOKEN] = f"Bearer {shown}"
        self._stack.callback(os.environ.pop, _BRP_TOKEN, None)
        with daemon.store.transaction() as tx:
            known = access.account(tx, name) is not None
        if not known:
            daemon.authentication.add_account("demo", name, "operator")
        owner = Principal(name=name, role="operator", allowed=ROLES["operator"], via="command")
        token = daemon.authentication.make_token(owner, "answers e-programs", [Permission.ANSWER.value], days=1)
        answers = f"{daemon.page}/api/v1/nominations/{{message_id}}/answer"
        self.brp.send("terms", token=shown, answers=answers, answer_token=token)

    def _bids(self) -> Bids:
        columns: dict[str, BidValue] = {
            "Delivery start": "start", "Volume MW": "mw", "Plan": "plan", "Revision": "revision",
        }  # fmt: skip
        hook = BidWebhook(name="exchange", url=f"{self.exchange.endpoint}/bids", secret_env=_SECRET, columns=columns)
        return Bids(files=(BidFiles(name="files", folder=Path("bids"), columns=columns),), webhooks=(hook,))

    def _results(self) -> HttpFeed:
        return HttpFeed(
            name="exchange", url=f"{self.exchange.endpoint}/results?delivery={{period}}", kind="award",
            value_field="awarded_mw", side_field="side", price_field="price",
            minutes=self.scenario.markets.day_ahead.product_minutes, header_env={"Authorization": _TOKEN},
        )  # fmt: skip

    def _settings(self) -> Settings:
        """Write the daemon's configuration and load it like any user's: `agr status -c` reads it too."""
        path = self.data / "agr.toml"
        values = self._values().model_dump(mode="json", exclude_none=True, exclude_unset=True)
        path.write_text(f"# Made by agr demo.\n{tomli_w.dumps(values)}", encoding="utf-8")
        return load(path)

    def _values(self) -> Settings:
        scenario = self.scenario
        return Settings(
            domain=scenario.agr,
            key_file=Path("agr.key"),
            data_folder=Path(),
            store_url="sqlite:///agr.db",
            listen_port=0,
            time_zone=scenario.zone,
            isp_minutes=scenario.isp_minutes,
            participants=tuple(
                ParticipantSettings(domain=c.domain, role=c.role, endpoint=c.endpoint, public_keys=(c.public_key,))
                for c in self.counterparties
            ),
            timetable=scenario.timetable,
            markets=scenario.markets,
            publication=scenario.publication,
            bids=self._bids(),
            trading=scenario.trading.model_copy(update={"automatic": True}),
            feeds=(self._results(),),
            brps=(
                Brp(
                    name=self.brp.domain,
                    url=f"{self.brp.endpoint}/e-programs",
                    folder=Path("e-programs"),
                    header_env={"Authorization": _BRP_TOKEN},
                ),
            ),
            dispatch=DispatchSettings(roads=self.yard.roads(), listen_port=0),
            readings=Readings(clock_ahead_s=86_400),  # hours are skipped: what stations tell of them seems late
        )

    def _key(self) -> KeyPair:
        if not self.settings.key_file.exists():
            KeyPair.generate().save(self.settings.key_file)
        return KeyPair.load(self.settings.key_file)

    def introduce(self, daemon: Service) -> None:
        """Tell every counterparty where we are and what our key is."""
        us = Peer(
            domain=self.settings.domain, role="AGR", endpoint=f"http://127.0.0.1:{daemon.port}{PATH}",
            public_key=self.key.public,
        )  # fmt: skip
        for counterparty in self.counterparties:
            counterparty.meet([us])
        self._agree_terms(daemon)
        self.tell_time()

    def known_to_cro(self, folder: Path) -> dict[str, str]:
        """Return congestion point → DSO, as the CRO's own file says."""
        listed = json.loads(self.scenario.cro_of(folder).read_text(encoding="utf-8"))["congestion_points"]
        return {point["address"]: point["dso"] for point in listed}

    def close(self) -> None:
        """End every process."""
        self._stack.close()

    def __enter__(self) -> "DemoWorld":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
