"""The demo's world on loopback: our settings and keys, a CRO and DSOs in processes of their own."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import tomli_w

from agr.demo.counterparties import Counterparty, Peer
from agr.demo.environment import counterparty_python
from agr.domain.isp import Clock
from agr.operations.tables import import_tables
from agr.scenario.description import Description
from agr.service import Service
from agr.settings import ParticipantSettings, Planning, Settings, load
from agr.store.engine import Store
from agr.uftp.signing import KeyPair

PATH = "/shapeshifter/api/v3/message"


def environment_folder() -> Path:
    """Return where the counterparties' environment is kept: beside the project, else in the user's cache."""
    project = Path(__file__).parents[2]
    if (project / "pyproject.toml").is_file():
        return project / ".venv-counterparty"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "agr" / "counterparty"


class World:
    """Counterparties and the daemon's settings for one scenario."""

    def __init__(self, folder: Path, scenario: Description, data: Path, clock: Clock) -> None:
        self.scenario, self.data, self.clock = scenario, data, clock
        self._stack = ExitStack()
        try:
            python = counterparty_python(environment_folder())
            self.cros = [self._start(python, "CRO", d, scenario.cro_of(folder)) for d in scenario.cros]
            self.dsos = {d: self._start(python, "DSO", d) for d in scenario.dsos}
            self.settings = self._settings()
            self.key = self._key()
            store = Store(self.settings.store_url)
            store.migrate()
            self.reading = import_tables(self.settings, store, scenario.tables_of(folder), clock)
            store.close()
        except BaseException:
            self._stack.close()
            raise

    def _start(self, python: Path, role: str, domain: str, config: Path | None = None) -> Counterparty:
        log = self.data / f"{domain}.log"
        self.data.mkdir(parents=True, exist_ok=True)
        return self._stack.enter_context(Counterparty(python, role=role, domain=domain, config=config, log=log))

    @property
    def counterparties(self) -> list[Counterparty]:
        """Everybody but us."""
        return [*self.cros, *self.dsos.values()]

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
            planning=Planning(join_triggers_s=1.0),
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
            counterparty.send("clock", now=self.clock.now().isoformat())

    def known_to_cro(self, folder: Path) -> dict[str, str]:
        """Return congestion point → DSO, as the CRO's own file says."""
        listed = json.loads(self.scenario.cro_of(folder).read_text(encoding="utf-8"))["congestion_points"]
        return {point["address"]: point["dso"] for point in listed}

    def close(self) -> None:
        """End every process."""
        self._stack.close()

    def __enter__(self) -> "World":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
