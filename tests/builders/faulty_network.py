"""A TCP proxy that misbehaves on purpose: everything that a network and a peer's front server may do to messages."""

import contextlib
import socket
import struct
import threading
import time
from collections import deque

BAD_ANSWERS = {
    "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "garbage": b"\x16\x03\x01 this is not HTTP\r\n\r\n",
}


class FaultProxy:
    """Listens on loopback and passes connections on to `target`, or does to each what the next fault says.

    Faults: pass · drop (close at once) · silent (never answer) · delay (half a second) · reset (in the middle of the
    request's body) · lost answer (deliver, then reset) · cut answer (deliver, answer half a head) · duplicate (deliver
    twice) · 500 · garbage · loop (307 to ourselves) ·
    away (301). A list is used up; then `always`.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.faults: deque[str] = deque()
        self.always = "pass"
        self.seen: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Close everything."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            _reset(connection)
        self._thread.join()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            fault = self.faults.popleft() if self.faults else self.always
            self.seen.append(fault)
            threading.Thread(target=self._serve, args=(connection, fault), daemon=True).start()

    def _serve(self, connection: socket.socket, fault: str) -> None:
        with contextlib.suppress(OSError):
            self._misbehave(connection, fault)
        self._open.discard(connection)
        connection.close()

    def _misbehave(self, connection: socket.socket, fault: str) -> None:
        if fault == "drop":
            return
        if fault == "reset":
            connection.recv(100)
            _reset(connection)
            return
        request = _request(connection)
        if b"/elsewhere " in request.partition(b"\r\n")[0]:
            fault = "loop"  # whoever was sent here goes round in circles
        if fault == "silent":
            self._ended.wait(60)
        elif fault in BAD_ANSWERS:
            connection.sendall(BAD_ANSWERS[fault])
        elif fault in ("loop", "away"):
            status = "307 Temporary Redirect" if fault == "loop" else "301 Moved Permanently"
            place = f"http://127.0.0.1:{self.port}/elsewhere"
            head = f"HTTP/1.1 {status}\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
        else:
            self._deliver(connection, fault, request)

    def _deliver(self, connection: socket.socket, fault: str, request: bytes) -> None:
        if fault == "delay":
            time.sleep(0.5)
        answer = self._pass_on(request)
        if fault == "duplicate":
            answer = self._pass_on(request)
        if fault == "lost answer":
            _reset(connection)
        elif fault == "cut answer":
            connection.sendall(answer[:12])
        else:
            connection.sendall(answer)

    def _pass_on(self, request: bytes) -> bytes:
        with socket.create_connection(self.target) as upstream:
            upstream.sendall(request)
            answer = b""
            while chunk := upstream.recv(65_536):
                answer += chunk
            return answer


def _request(connection: socket.socket) -> bytes:
    """Read one request; it asks the server to close the connection after its answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            raise OSError
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        chunk = connection.recv(65_536)
        if not chunk:
            raise OSError
        body += chunk
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
