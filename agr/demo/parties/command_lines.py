"""How a counterparty is spoken to: JSON lines with commands come in, JSON lines about what happens go out.

Standard output gets {"event": …, "at": …} with fields of the event; standard input gives {"command": NAME, "id": N, …}
until `stop` or its end, so that no process outlives the one that started it. Each command is answered by an event
`done` or `fault` with its id. Standard library only.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any, TypeAlias

Json: TypeAlias = dict[str, Any]  # one JSON line; whoever reads a field checks it


class Lines:
    """JSON lines to the process that started us; nothing else is written to that stream."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._lock = stream, Lock()

    def write(self, event: str, **fields: object) -> None:
        """Write one event with the real time."""
        line = json.dumps({"event": event, "at": datetime.now(UTC).isoformat(), **fields}, default=str)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


def options(description: str | None, *roles: str) -> argparse.ArgumentParser:
    """Return the options that every counterparty has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--role", choices=roles, default=roles[0])
    parser.add_argument("--domain", required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--log", default=os.devnull)
    return parser


def own_lines(log: str) -> Lines:
    """Keep the real standard output to ourselves and send everybody else's output to the log file."""
    lines = Lines(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    return lines


class JsonHandler(BaseHTTPRequestHandler):
    """Answers in JSON, and writes no access log."""

    def body(self) -> bytes:
        """Return what was posted."""
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def say(self, status: int, answer: object) -> None:
        """Answer in JSON."""
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no access log."""


def serve(
    given: argparse.Namespace, lines: Lines, handler: type[BaseHTTPRequestHandler], act: Callable[[Json], Json | None]
) -> None:
    """Answer over HTTP on a port of this machine, and carry out commands, until told to stop."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    lines.write("ready", role=given.role, domain=given.domain, endpoint=endpoint, public_key="")
    for line in commands():
        obey(lines, line, act)
    server.shutdown()


def commands() -> Iterator[Json]:
    """Yield commands until `stop` or the end of the input."""
    for text in sys.stdin:
        line: Json = json.loads(text)
        if line["command"] == "stop":
            return
        yield line


def obey(lines: Lines, line: Json, act: Callable[[Json], Json | None]) -> None:
    """Carry out one command and report how it ended, with what it returns."""
    try:
        found = act(line) or {}
        lines.write("done", id=line.get("id"), command=line["command"], **found)
    except Exception as error:  # noqa: BLE001 - reported to the other side, which decides
        lines.write("fault", id=line.get("id"), text=f"{type(error).__name__}: {error}")
