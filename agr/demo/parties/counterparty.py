"""A CRO or DSO of its own, built on shapeshifter-uftp. Stand-alone: shares no code with the daemon, never imported.

PYTHON counterparty.py --role CRO|DSO --domain NAME [--port 0] [--config FILE.json] [--key FILE] [--log FILE]

Events (see command_lines.py): ready, received, refused, sent, failed, library, kept_silent. The commands are
the methods `do_…` in uftp_party.py; `config` of a CRO is what it knows of connections:
{"congestion_points": [{"address", "dso", "connections": [], "mutex_offers", "day_ahead_redispatch_by",
"intraday_redispatch_by"}], "free_connections": []}.
"""

import base64
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nacl.bindings import crypto_sign_keypair, crypto_sign_seed_keypair

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties import command_lines
    from agr.demo.parties.cro import Cro
    from agr.demo.parties.dso import Dso
else:
    import command_lines
    from cro import Cro
    from dso import Dso

APART = ("release", "send_test", "send_raw", "request", "order", "settle")
"""Commands that wait for an answer over the network; each runs apart, so that other commands need not wait for it."""


class LibraryLog(logging.Handler):
    """Reports what the library only logs, because it swallows every error of its background work."""

    def __init__(self, lines: command_lines.Lines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write a `library` event."""
        self._lines.write("library", level=record.levelname, text=record.getMessage()[:500])


def signing_key(path: Path | None) -> tuple[str, str]:
    """Return (base64 of the 64-byte signing key, public key as cs1.…); the file holds base64 of the seed or the key."""
    if path is None:
        public, secret = crypto_sign_keypair()
    else:
        public, secret = crypto_sign_seed_keypair(base64.b64decode(path.read_text().strip())[:32])
    return base64.b64encode(secret).decode(), "cs1." + base64.b64encode(public).decode()


def main() -> None:
    """Serve until told to stop."""
    parser = command_lines.options(__doc__, "CRO", "DSO")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", type=Path)
    given = parser.parse_args()
    lines = command_lines.own_lines(given.log)
    library = logging.getLogger("shapeshifter-uftp")
    library.handlers[:] = [LibraryLog(lines)]  # its own handler prints every message body
    library.setLevel(logging.WARNING)
    secret, public = signing_key(given.key)
    config = json.loads(given.config.read_text(encoding="utf-8")) if given.config else {}
    service: Any = (Cro if given.role == "CRO" else Dso)(
        given.domain, secret, host="127.0.0.1", port=given.port,
        key_lookup_function=lambda domain, role: service.key_of(domain, role),
        endpoint_lookup_function=lambda domain, role: service.endpoint_of(domain, role),
    )  # fmt: skip
    service.prepare(lines, config)
    service.run_in_thread()
    port = service.server.servers[0].sockets[0].getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}/shapeshifter/api/v3/message"
    lines.write("ready", role=given.role, domain=given.domain, port=port, endpoint=endpoint, public_key=public)
    for line in command_lines.commands():
        if line["command"] in APART:
            service.outbound_executor.submit(command_lines.obey, lines, line, service.act)
        else:
            command_lines.obey(lines, line, service.act)
    service.stopping.set()
    service.stop()
    os._exit(0)  # deliveries still under way have nobody to report to


if __name__ == "__main__":
    main()
