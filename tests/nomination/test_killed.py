"""A daemon killed while it nominates: nothing is lost, and what is repeated is the same message."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from agr.store import nominations
from agr.store.engine import Store
from tests.builders.http_server import Asked, HttpServer, Told
from tests.builders.worlds import PERIOD

ROOT = Path(__file__).parents[2]


def live(folder: Path, url: str, minutes: int, *more: str) -> int:
    """Let a daemon's part live until it ends or is killed; return how it ended."""
    command = [sys.executable, "-m", "tests.nomination.killed_daemon", str(folder), url, str(minutes), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False).returncode


def test_a_killed_daemon_repeats_the_same_message_and_nothing_else(planned: Path, tmp_path: Path) -> None:
    shutil.copy(planned, tmp_path / "agr.db")
    posts: list[Asked] = []
    kills = [True, False]

    def take(asked: Asked) -> Told | None:
        posts.append(asked)
        if kills.pop(0):  # it has arrived, and whoever sent it never learns of that
            os.kill(int(parse_qs(urlsplit(asked.target).query)["pid"][0]), signal.SIGKILL)
            return None
        return Told(status=202)

    with HttpServer(take) as server:
        assert live(tmp_path, server.url, 0, "die") == -signal.SIGKILL
        assert posts == []
        assert live(tmp_path, server.url, 10) == -signal.SIGKILL
        for minutes in (20, 30):
            assert live(tmp_path, server.url, minutes) == 0
    assert len(posts) == 2
    assert posts[0].body == posts[1].body
    assert posts[0].headers["idempotency-key"] == posts[1].headers["idempotency-key"]
    store = Store(f"sqlite:///{tmp_path / 'agr.db'}")
    with store.reading() as tx:
        (one,) = nominations.history(tx, PERIOD.day)
    store.close()
    assert (one.revision, one.state, one.attempts) == (1, "sent", 2)
    assert one.message_id == json.loads(posts[0].body)["message_id"]
    assert [path.name for path in (tmp_path / "e-programs").iterdir()] == [f"e-program-one-{PERIOD.day}-r1.csv"]
