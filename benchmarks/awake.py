"""Measures how fast the endpoint answers during a large plan: python -m benchmarks.awake [RESOURCES] [SECONDS].

This process plays a DSO: it sends signed messages at a fixed rate, times every answer, and accepts the daemon's
messages. The daemon runs in its own process, with a worker process that plans. A latency counts from the moment at
which the message was due, so waiting for a late predecessor counts too.
"""

import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from agr.settings import ParticipantSettings, Planning, Settings
from agr.uftp import messages
from agr.uftp.codec import encode
from agr.uftp.signing import KeyPair, seal
from agr.web.endpoint import PATH
from benchmarks.environment import PROJECT

RESOURCES, SECONDS, PER_SECOND = 1_000, 30.0, 20.0
_OURS, _DSO = "agr.example", "dso.example"
_SENDERS = 16


class _Sink(BaseHTTPRequestHandler):
    """Accepts every message from the daemon."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


class _Service:
    """The daemon's process, controlled by lines on its standard input."""

    def __init__(self, folder: Path, resources: int) -> None:
        command = [sys.executable, "-m", "benchmarks.awake", "serve", str(folder), str(resources)]
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._log = folder / "log"

    def expect(self, word: str) -> str:
        """Return the text after `word` on the next line. Raises RuntimeError when the line begins differently."""
        line = (self._process.stdout.readline() if self._process.stdout else "").strip()
        if not line.startswith(word):
            raise RuntimeError(f"the daemon wrote {line!r} instead of {word!r}: {self.trouble()}")
        return line.removeprefix(word).strip()

    def trouble(self) -> str:
        """Return the end of its log."""
        return self._log.read_text()[-2000:]

    def say(self, word: str) -> None:
        """Send a line."""
        if self._process.stdin:
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """Stop the process; kill it if it does not end."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def measure(resources: int = RESOURCES, seconds: float = SECONDS) -> dict[str, Any]:
    """Return p50, p99 and the worst latency in ms, without and with a plan under way. Raises RuntimeError."""
    sink = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder, key = Path(name), KeyPair.generate()
        KeyPair.generate().save(folder / "agr.key")
        settings = {"key": key.public, "endpoint": f"http://127.0.0.1:{sink.server_port}/"}
        (folder / "dso.json").write_text(json.dumps(settings))
        service = _Service(folder, resources)
        try:
            url = f"http://127.0.0.1:{service.expect('port')}{PATH}"
            _load(url, key, 2.0)  # first uses
            idle = _load(url, key, seconds)
            service.say("plan")
            service.expect("planning")
            planning = _load(url, key, seconds)
            service.say("count")
            still, plans = json.loads(service.expect("plans"))
            if not still:
                raise RuntimeError(f"planning came to an end, nothing was measured: {service.trouble()}")
        finally:
            service.end()
            sink.shutdown()
    return {"resources": resources, "per_second": PER_SECOND, "idle": idle, "planning": planning, "plan_s": plans}


def _load(url: str, key: KeyPair, seconds: float) -> dict[str, float]:
    bodies = [_message(key, number) for number in range(round(seconds * PER_SECOND))]
    late: list[float] = []
    with httpx.Client(timeout=60.0, headers={"Content-Type": "text/xml; charset=utf-8"}) as client:

        def send(due: float, body: bytes) -> None:
            time.sleep(max(0.0, due - time.perf_counter()))
            status = client.post(url, content=body).status_code
            late.append((time.perf_counter() - due) * 1000)
            if status != 200:
                raise RuntimeError(f"the endpoint answered {status}")

        start = time.perf_counter() + 0.1
        with ThreadPoolExecutor(_SENDERS) as senders:
            sent = [senders.submit(send, start + i / PER_SECOND, body) for i, body in enumerate(bodies)]
            for result in sent:
                result.result()
    cuts = statistics.quantiles(late, n=100, method="inclusive")
    return {
        "messages": len(late),
        "p50_ms": round(cuts[49], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(max(late), 1),
    }


def _message(key: KeyPair, number: int) -> bytes:
    """Return a signed TestMessage or, every other time, a FlexReservationUpdate that will be rejected."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "version": "3.1.0", "sender_domain": _DSO, "recipient_domain": _OURS, "time_stamp": now,
        "message_id": str(uuid4()), "conversation_id": str(uuid4()),
    }  # fmt: skip
    message: messages.Message
    if number % 2:
        message = messages.TestMessage(**values)
    else:
        message = messages.FlexReservationUpdate(
            **values, time_zone="Europe/Amsterdam", period=(now + timedelta(days=1)).date(), isp_duration="PT15M",
            congestion_point="ea1.2024-01.example.grid:1", isps=({"Power": -1000, "Start": 1, "Duration": 96},),
            contract_id="FO-1", dso_reference=str(number),
        )  # fmt: skip
    return seal(encode(message), domain=_DSO, role="DSO", key=key)


def _serve(folder: Path, resources: int) -> None:
    """Run the daemon. The line `plan` starts endless planning, `count` reports on it, end of input stops the daemon."""
    from agr.operations.log import configure
    from agr.planning.pool import SolverPool
    from agr.service import Service
    from benchmarks.instances import make_case

    configure(json=True)
    dso = json.loads((folder / "dso.json").read_text())
    settings = Settings(
        domain=_OURS, data_folder=folder, key_file=folder / "agr.key", store_url=f"sqlite:///{folder / 'agr.db'}",
        listen_port=0, planning=Planning(time_limit_s=60, relative_gap=1e-3),
        participants=(
            ParticipantSettings(domain=_DSO, role="DSO", endpoint=dso["endpoint"], public_keys=(dso["key"],)),
        ),
    )  # fmt: skip
    case = make_case(resources)
    solver, ended, seconds = SolverPool(settings.planning), threading.Event(), []

    def plan() -> None:
        while not ended.is_set():
            started = time.perf_counter()
            solver.solve(case)
            seconds.append(round(time.perf_counter() - started, 2))

    planning = threading.Thread(target=plan, daemon=True)
    with Service(settings) as daemon:
        solver.warm_up()
        print(f"port {daemon.port}", flush=True)  # noqa: T201
        for line in sys.stdin:
            if line.strip() == "plan":
                planning.start()
                print("planning", flush=True)  # noqa: T201
            else:
                print(f"plans {json.dumps([planning.is_alive(), seconds])}", flush=True)  # noqa: T201
        ended.set()
    for worker in multiprocessing.active_children():
        worker.kill()  # nobody waits for its plan


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        count, length = [*sys.argv[1:3], *[str(RESOURCES), str(SECONDS)][len(sys.argv[1:3]) :]]
        print(json.dumps(measure(int(count), float(length))))  # noqa: T201
