"""Serves applications: with TLS 1.2 or newer where there is a certificate, and with a time limit for headers."""

import asyncio
import ssl
import threading
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from agr.domain.errors import AgrError, SettingsError
from agr.settings import Tls
from agr.web.request_target import AbsoluteTargets

HEADERS_S = 10.0
"""Seconds after which a connection with incomplete request headers is closed."""
MOST_CONNECTIONS = 1000
"""Most connections; beyond this number, requests are answered with 503."""


class PromptHeaders(H11Protocol):
    """Closes connections that send nothing, or send their headers very slowly (slowloris)."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is open: start the time limit for its first headers."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Data has arrived: end the time limit if a request is being handled, else start it."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget()
        elif self._due is None:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._due = self.loop.call_later(HEADERS_S, self._give_up)

    def _forget(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        self._due = None
        if not self.transport.is_closing():
            self.transport.close()


def served(app: Any, *, host: str, port: int, tls: Tls) -> uvicorn.Config:
    """Return uvicorn's configuration. Raises SettingsError when the certificate cannot be used."""
    config = uvicorn.Config(
        AbsoluteTargets(app), host=host, port=port, log_config=None, access_log=False, server_header=False,
        date_header=False, timeout_graceful_shutdown=5, lifespan="off", http=PromptHeaders,
        limit_concurrency=MOST_CONNECTIONS, ssl_certfile=tls.certificate_file, ssl_keyfile=tls.key_file,
    )  # fmt: skip
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise SettingsError(f"tls.certificate_file {tls.certificate_file} cannot be used: {why}") from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


class WebServer:
    """One application at one address, in its own thread."""

    def __init__(self, name: str, app: Any, host: str, port: int, setting: str, tls: Tls = Tls()) -> None:  # noqa: B008 - frozen
        self._place, self._setting = f"{host}:{port}", setting
        self._server = uvicorn.Server(served(app, host=host, port=port, tls=tls))
        self._thread = threading.Thread(target=self._server.run, name=name, daemon=True)
        self._port = port

    def start(self) -> None:
        """Listen; raises AgrError, naming the setting, when the address is taken."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise AgrError(f"cannot listen on {self._place}: is the port in use? Change {self._setting}")
            threading.Event().wait(0.02)
        self._port = int(self._server.servers[0].sockets[0].getsockname()[1])

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    @property
    def port(self) -> int:
        """The port it listens on; it stays known when the server has stopped, which loops need not have noticed."""
        return self._port

    def end(self) -> None:
        """Take no further request."""
        self._server.should_exit = True

    def stop(self, patience_s: float | None = None) -> None:
        """Finish the requests under way, then stop; wait for it, at most so many seconds."""
        self.end()
        if self._thread.ident is not None:
            self._thread.join(patience_s)
