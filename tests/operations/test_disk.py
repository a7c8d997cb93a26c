"""A daemon on a full disk, a read-only data folder, and one of somebody else: real processes, real HTTP."""

import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from agr.domain.errors import StoreError
from agr.operations.watchdog import ENOUGH_BYTES, ROOM_BYTES, Watchdog
from agr.settings import write_example
from agr.store import day
from agr.store.data_lock import DataLock
from agr.store.engine import Store
from agr.uftp.signing import KeyPair
from tests.builders.worlds import Party, World

PATIENCE_S = 300.0
PATH = "/shapeshifter/api/v3/message"


class Daemon:
    """`agr run` in a process of its own; its log is read from a pipe."""

    def __init__(self, folder: Path, party: Party) -> None:
        self.folder, self.log = folder, folder / "log"
        folder.mkdir(exist_ok=True)
        config = write_example(folder, "agr.example")
        KeyPair.generate().save(_made(folder / "keys") / "agr.key")
        config.write_text(
            f'domain = "agr.example"\nkey_file = "keys/agr.key"\ndata_folder = "data"\n'
            f'store_url = "sqlite:///data/agr.db"\nlisten_port = 0\n'
            f"[operators]\nlisten_port = 0\n"
            f'[[participants]]\ndomain = "{party.domain}"\nrole = "{party.role}"\n'
            f'endpoint = "http://127.0.0.1:9/x"\npublic_keys = ["{party.public}"]\n'
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agr.cli.main", "run", "--config", str(config)],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=folder,
        )  # fmt: skip
        self.lines: list[str] = []

    def until(self, pattern: str) -> re.Match[str]:
        """Read the log up to a line that has a pattern, unless one was read before."""
        for line in self.lines:
            if found := re.search(pattern, line):
                return found
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"ended without {pattern!r}: {''.join(self.lines)}")

    def limit_files(self, size: int) -> None:
        """Let no file of the process grow beyond a size: to SQLite this is a full disk."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def writes(self) -> int:
        """Return how often the process has tried to write to any file."""
        return int(re.findall(r"syscw: (\d+)", Path(f"/proc/{self.process.pid}/io").read_text())[0])

    def stop(self) -> str:
        """Stop by SIGTERM; return the whole log."""
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.communicate(timeout=PATIENCE_S)[1]
        return "".join(self.lines) + rest


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def party() -> Party:
    return Party("dso.example", "DSO")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, party: Party) -> Iterator[Daemon]:
    """One for all tests of this file; the one with the full disk, which stops it, comes last of them."""
    started = Daemon(tmp_path_factory.mktemp("disk") / "agr", party)
    yield started
    started.process.kill()
    started.process.wait()
    assert started.process.stderr is not None
    started.process.stderr.close()


def until(condition: object) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_what_the_daemon_stores_is_for_its_owner_only(daemon: Daemon) -> None:
    daemon.until("operators' page")
    data = daemon.folder / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    modes = {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in data.glob("agr.db*")}
    assert modes == dict.fromkeys(("agr.db", "agr.db-wal", "agr.db-shm"), "0o600")


def test_a_full_disk_makes_the_daemon_not_ready_and_is_told_in_one_line_and_an_alarm(
    daemon: Daemon, party: Party
) -> None:
    endpoint = f"http://127.0.0.1:{daemon.until(r'daemon.started.* port=([0-9]+)')[1]}{PATH}"
    page = daemon.until(r"operators' page: (\S+)")[1]

    def ready() -> bool:
        return httpx.get(f"{page}/readyz", timeout=PATIENCE_S).status_code == 200

    def post() -> int:
        body = party.seal(party.message("TestMessage"))
        return httpx.post(endpoint, content=body, headers={"Content-Type": "text/xml"}, timeout=PATIENCE_S).status_code

    assert ready()
    assert post() == 200
    daemon.limit_files(1)
    assert [post() for _ in range(20)] == [503] * 20
    assert not ready()
    tried = daemon.writes()
    until(lambda: daemon.writes() >= tried + 10)  # nobody asks: its loops fail several times
    assert not ready()
    daemon.limit_files(resource.RLIM_INFINITY)
    until(ready)
    assert post() == 200
    text = daemon.stop()
    assert "Traceback" not in text
    assert text.count("store.failed") == 1
    told = [line for line in text.splitlines() if "does not answer" in line]
    assert ["store.failed" in told[0], "store.recovered" in told[-1], len(told)] == [True, True, 2], told
    store = Store(f"sqlite:///{daemon.folder / 'data' / 'agr.db'}")
    with store.transaction() as tx:
        (alarm,) = [a for a in day.recovered_alarms(tx, day.latest(tx).replace(year=2000)) if a.kind == "store failed"]  # type: ignore[union-attr]
    store.close()
    assert alarm.text


def test_a_store_that_others_could_read_is_taken_from_them(tmp_path: Path) -> None:
    file = tmp_path / "agr.db"
    file.touch(0o644)
    store = Store(f"sqlite:///{file}")
    store.migrate()
    store.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("command", [("run",), ("status",), ("check",)])
@pytest.mark.parametrize("where", ["/proc/agr-data", "agr.toml", "/dev/null/data"])
def test_a_data_folder_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, command: tuple[str, ...], where: str
) -> None:
    write_example(tmp_path, "agr.example")
    KeyPair.generate().save(_made(tmp_path / "keys") / "agr.key")
    places = {"AGR_DATA_FOLDER": where, "AGR_STORE_URL": f"sqlite:///{where}/agr.db"}
    done = subprocess.run(
        [sys.executable, "-m", "agr.cli.main", *command, "--config", str(tmp_path / "agr.toml")],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=tmp_path, env=os.environ | places,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert where in done.stderr
    assert "cannot be used" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
@pytest.mark.parametrize("mode", [0o700, 0o555])
def test_a_data_folder_of_somebody_else_is_refused_in_words(tmp_path: Path, mode: int) -> None:
    for above in (tmp_path, *list(tmp_path.parents)[:3]):
        above.chmod(above.stat().st_mode | 0o055)
    data = _made(tmp_path / "data")
    data.chmod(mode)
    os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match=f"{data}.* Permission denied.*give it to the user that runs agr"):
            DataLock(data).take()
        with pytest.raises(StoreError, match=f"Permission denied.*{data}.*give its folder to the user"):
            Store(f"sqlite:///{data}/agr.db").migrate()
    finally:
        os.seteuid(0)


def test_a_disk_that_fills_is_an_alarm_while_it_can_still_be_written(tmp_path: Path) -> None:
    world, free = World(tmp_path), [ROOM_BYTES + 1]
    watch = Watchdog(world.store, world.settings, world.clock, lambda: None, room=lambda _folder: free[0], slow_s=inf)

    def alarms() -> list[str]:
        watch.check()
        with world.store.transaction() as tx:
            return [alarm.kind for alarm in day.open_alarms(tx)]

    assert alarms() == []
    free[0] = ROOM_BYTES - 1
    assert alarms() == ["disk low"]
    free[0] = ENOUGH_BYTES - 1
    assert alarms() == ["disk low"]  # it does not come and go around the limit
    free[0] = ENOUGH_BYTES
    assert alarms() == []
    free[0] = ENOUGH_BYTES - 1
    assert alarms() == []
    world.store.close()


def test_a_disk_that_does_not_tell_its_free_space_hides_neither_a_slow_store_nor_a_full_disk_later(
    tmp_path: Path,
) -> None:
    world, gone = World(tmp_path), [True]

    def free(folder: Path) -> int:
        if gone[0]:
            raise OSError(f"no such device: {folder}")
        return 0

    watch = Watchdog(world.store, world.settings, world.clock, lambda: None, room=free, slow_s=0.0)

    def alarms() -> set[str]:
        watch.check()
        with world.store.transaction() as tx:
            return {alarm.kind for alarm in day.open_alarms(tx)}

    with world.store.transaction() as tx:
        day.raise_alarm(tx, "any", "", "a commit to measure", world.clock.now())
    assert alarms() == {"any", "store slow"}
    gone[0] = False
    assert alarms() == {"any", "store slow", "disk low"}
    world.store.close()


def test_an_alarm_about_a_full_disk_that_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    world, writable = World(tmp_path), ["OFF"]
    sa.event.listen(world.store._engine, "connect", lambda c, _: c.execute(f"PRAGMA query_only={writable[0]}"))
    watch = Watchdog(world.store, world.settings, world.clock, lambda: None, room=lambda _folder: 0, slow_s=inf)
    for query_only, expected in (("ON", []), ("OFF", ["disk low"])):
        writable[0] = query_only
        world.store.close()  # connections in the pool, which were opened the other way
        watch.check()
        writable[0] = "OFF"
        world.store.close()
        with world.store.transaction() as tx:
            assert [alarm.kind for alarm in day.open_alarms(tx)] == expected
    world.store.close()
