"""SIGTERM ends the daemon, whatever it waits for; nothing is lost. How long it may take is agr.cli.running's."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agr.cli.running import STOP_WITHIN_S
from agr.domain.isp import SystemClock, period_of
from agr.domain.plan import Reason, ReasonKind
from agr.settings import load
from agr.store import day, outbox, outbox_rows
from agr.store.engine import Store
from agr.uftp.signing import KeyPair
from tests.builders.stores import migrated

SILENT_S, GUARD_S = 600, 200
"""How long the daemon would wait for a source, and how long we wait for its end."""
PROJECT = Path(__file__).parents[2]


class Silent:
    """A peer that takes connections and never answers."""

    def __init__(self) -> None:
        self.taken: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        try:
            while True:
                self.taken.append(self._listening.accept()[0])
        except OSError:
            return  # closed

    def close(self) -> None:
        for one in (self._listening, *self.taken):
            one.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    peer = Silent()
    yield peer
    peer.close()


@pytest.fixture
def folder(tmp_path: Path, silent: Silent) -> Path:
    """A daemon whose DSO and source of prices never answer, with a message to deliver and a plan to make."""
    (tmp_path / "keys").mkdir()
    key = KeyPair.generate()
    key.save(tmp_path / "keys" / "agr.key")
    (tmp_path / "agr.toml").write_text(
        'domain = "agr.example"\nkey_file = "keys/agr.key"\ndata_folder = "data"\n'
        'store_url = "sqlite:///data/agr.db"\nlisten_port = 0\n[operators]\nlisten_port = 0\n'
        f'[[participants]]\ndomain = "dso.example"\nrole = "DSO"\nendpoint = "{silent.url}/x"\n'
        f'public_keys = ["{key.public}"]\n'
        f'[[feeds]]\nname = "prices"\nkind = "price"\nseries = "day_ahead"\nurl = "{silent.url}/prices"\n'
        f"timeout_s = {SILENT_S}\n"
    )
    settings = load(tmp_path / "agr.toml")
    store = migrated(settings.store_url)
    now = SystemClock().now()
    with store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="TestMessage", recipient_domain="dso.example",
            recipient_role="DSO", xml=b"<x/>", at=now,
        )  # fmt: skip
        today = period_of(now, settings.time_zone, settings.isp_minutes)
        day.put_trigger(tx, today.next().day, Reason(kind=ReasonKind.FORECAST), now)
    store.close()
    return tmp_path


def test_a_daemon_that_waits_for_silent_peers_ends_without_them(folder: Path, silent: Silent) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "agr.cli.main", "run"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    text = ""
    for line in process.stderr:
        text += line
        if "operators' page" in line:
            break
    page = re.search(r"page: (\S+)", text)[1]  # type: ignore[index]
    slow = [socket.create_connection(("127.0.0.1", int(page.rsplit(":", 1)[1]))) for _ in range(3)]
    for one in slow:
        one.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n")  # headers that never end
    limit = time.monotonic() + 60
    while not silent.taken and time.monotonic() < limit:
        time.sleep(0.1)
    assert httpx.get(f"{page}/healthz", timeout=60).status_code == 200
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=GUARD_S)[1]
    for one in slow:
        one.close()
    assert process.returncode == 0
    assert "daemon.stopped" in rest
    assert "Traceback" not in rest
    assert STOP_WITHIN_S < 5
    store = Store(load(folder / "agr.toml").store_url)
    with store.transaction() as tx:
        row = outbox_rows.row(tx, "m")
    store.close()
    assert row is not None
    assert (row.state, row.attempts) == ("queued", 1), "it is tried again after the next start"
