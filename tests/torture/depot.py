"""Charge points whose daemon, and whose CSMS, are killed again and again while limits change: real OCPP stations."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import tomli_w

from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import DispatchState
from agr.domain.register import Connection, Register
from agr.operations.dispatching import wishes
from agr.settings import load
from agr.store import dispatches, register, register_rows
from agr.store.engine import Store
from agr.uftp.signing import KeyPair
from tests.builders.csms_site import NOW, CsmsSite
from tests.torture.lives import PATIENCE_S, Died, Life, Score, free_port

STATIONS = {"CP1": ("2.0.1", "W"), "CP2": ("1.6", "A")}
"""Station → protocol, unit of its limits."""
CHANGES: tuple[float | bool, ...] = (6.9, True, 4.83, False, 8.28, True, 6.21, False)
"""Fallbacks in kW (whole A on three phases); stops, and that they are taken back."""


class TorturedDepot:
    """A daemon without a market: two charge points, their stations, and a CSMS."""

    def __init__(self, folder: Path, site: CsmsSite, url: str = "") -> None:
        self.folder, self.site, self._began = folder, site, time.monotonic()
        self.config = folder / "agr.toml"
        self._life: Life | None = None
        KeyPair.generate().save(folder / "agr.key")
        values: dict[str, Any] = {
            "domain": "agr.example", "key_file": "agr.key", "data_folder": ".", "listen_port": free_port(),
            "store_url": url or "sqlite:///agr.db", "operators": {"listen_port": 0},
            "planning": {"threads": 1, "method": "reference"},
            "dispatch": {
                "listen_port": free_port(), "answer_s": 3, "retry_s": [0.5], "round_trip_s": 2, "pause_s": 0,
                "roads": [{"name": "citrine", "url": site.csms.endpoint, "timeout_s": 60}],
            },
        }  # fmt: skip
        self.config.write_text(tomli_w.dumps(values))
        self.store = Store(load(self.config).store_url)
        self.store.migrate()
        points = tuple(
            ChargePoint(
                charge_point=f"at {name}", connection="ean.1", road="citrine", station=name, protocol=protocol,
                unit=unit, max_kw=11.04, fallback_kw=4.14,
            )
            for name, (protocol, unit) in STATIONS.items()
        )  # fmt: skip
        connection = Connection(address="ean.1", first_day=date(2026, 1, 1))
        with self.store.transaction() as tx:
            register.replace(tx, Register(connections=(connection,), charge_points=points))
        self.fallback_kw, self.stopped = 4.14, False

    def now(self) -> datetime:
        """Return the time of all: it goes on as ours does."""
        return NOW + timedelta(seconds=time.monotonic() - self._began)

    def live(self, *killing: str) -> Life:
        """Start the daemon."""
        return Life(self.config, self.now(), self.folder / "daemon.log", *killing)

    def change(self, to: float | bool) -> None:
        """Change the fallback of both points, in kW; or stop them, or take that back."""
        with self.store.transaction() as tx:
            for name in STATIONS:
                if isinstance(to, bool):
                    wishes.wish(tx, wishes.STOP, f"at {name}", to, self.now(), "torture", "a change")
                else:
                    register_rows.begin_change(tx)
                    old = register_rows.get(tx, "charge_points", f"at {name}")
                    assert old is not None
                    register_rows.change(tx, old, replace(old.row, fallback_kw=to))
        if isinstance(to, bool):
            self.stopped = to
        else:
            self.fallback_kw = to

    def wrong(self) -> list[str]:
        """Return what stations hold otherwise than they should; nothing: one profile each, with the right limit."""
        found = []
        for name, (_, unit) in STATIONS.items():
            size = 0.69 if unit == "A" else 0.001
            expected = {("default", 0, round(self.fallback_kw / size)), ("maximum", 0, round(11.04 / size))}
            told: Any = self.site.stations.send("state", station=name).fields["profiles"]
            held = [_told(one) for one in told]
            plans = [one for one in held if one[0] == "default" and one[1] > 0]
            if sorted(one for one in held if one not in plans) != sorted(expected):
                found.append(f"{name} holds {sorted(held)} in place of {sorted(expected)}")
            if [limit for _, _, limit in plans] != ([0] if self.stopped else []):
                found.append(f"{name} is {'' if self.stopped else 'not '}stopped, and holds {plans} as plans")
        return found

    def open(self) -> list[str]:
        """Return the commands that nobody knows the end of."""
        states = (DispatchState.SENT, DispatchState.UNKNOWN, DispatchState.QUEUED)
        with self.store.transaction() as tx:
            rows = dispatches.firm(tx)
        return [f"{row.id} {row.state}" for mine in rows.values() for row in mine if row.state in states]

    def end(self) -> int:
        """Kill the daemon, if it lives; return its exit code."""
        life, self._life = self._life, None
        if life is None:
            return 0
        life.kill()
        return life.bury()

    def follow(self, score: Score, begin: Callable[[], Life]) -> None:
        """Wait until stations hold what they should, through as many lives as it takes."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                if self._life is None:
                    self._life = begin()
                    self._life.read()
                self._life.ask()
            except Died:
                code = self.end()
                score.kills += 1
                if code != -signal.SIGKILL:
                    raise AssertionError(f"the daemon ended by itself with {code}; see {self.folder}") from None
                until = time.monotonic() + PATIENCE_S
                continue
            wrong = self.wrong() + self.open()
            if not wrong:
                return
            assert time.monotonic() < until, f"{wrong}; see {self.folder}"
            time.sleep(0.05)


def _told(profile: dict[str, Any]) -> tuple[str, int, int]:
    """Return (purpose, level, limit) of a profile as it came to a station."""
    schedule = profile["charging_schedule"]
    schedule = schedule[0] if isinstance(schedule, list) else schedule
    (period,) = schedule["charging_schedule_period"]
    purpose = "maximum" if "Max" in profile["charging_profile_purpose"] else "default"
    return purpose, profile["stack_level"], round(period["limit"])


def through_changes(
    depot: TorturedDepot, score: Score, begin: Callable[[], Life], csms_kills: int,
    changes: Sequence[float | bool] = CHANGES,
) -> None:  # fmt: skip
    """Change limits one after the other, with kills; every change must end with one profile and the right limit.

    In the first `csms_kills` changes the CSMS is killed while stations hold their answers back.
    """
    began = time.monotonic()
    try:
        depot.follow(score, begin)
        for place, to in enumerate(changes):
            before = len(depot.site.csms.events)
            if place < csms_kills:
                for name in STATIONS:
                    depot.site.faults(name, answers="held")
            depot.change(to)
            if place < csms_kills:
                depot.site.csms.wait_for(lambda one: one.kind == "sent", after=before)
                depot.site.restart(depot.now())
                score.kills += 1
                for name in STATIONS:
                    depot.site.faults(name)
            depot.follow(score, begin)
    finally:
        depot.end()
    score.days += 1
    score.seconds += time.monotonic() - began


@contextmanager
def depots(python: Path, folder: Path, url: str = "") -> Iterator[TorturedDepot]:
    """Open a depot with its CSMS and stations."""
    stations = [
        {"name": name, "protocol": protocol, "evses": [{"id": 1}]} for name, (protocol, _) in STATIONS.items()
    ]  # fmt: skip
    with CsmsSite(python, folder, stations) as site:
        depot = TorturedDepot(folder, site, url)
        try:
            yield depot
        finally:
            depot.store.close()
