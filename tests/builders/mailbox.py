"""A small SMTP server: plain, STARTTLS or TLS, with log-in; it keeps the messages it receives."""

import base64
import socketserver
import ssl
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class Mailbox:
    """Takes mail. `tls`: a certificate, shown at once (`implicit`) or after STARTTLS; `accounts`: who may send.

    `heard` has every line that arrived before TLS began, `mails` what was delivered, `refuses` whom it does not know.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, *, implicit: bool = False, accounts: dict[str, str] | None = None
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.heard: list[bytes] = []
        self.users: list[str] = []
        self.refuses: set[str] = set()
        self.tls, self.implicit, self.accounts = tls, implicit, accounts
        self.server = _Server(("127.0.0.1", 0), type("Handler", (_Conversation,), {"box": self}))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.port: int = self.server.server_address[1]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that disconnects early is not a fault of the server."""


class _Conversation(socketserver.BaseRequestHandler):
    box: Mailbox

    def setup(self) -> None:
        self.sealed, self.user = False, ""
        self.file: Any = None

    def finish(self) -> None:
        if self.file is not None:
            self.file.close()
        self.request.close()

    def handle(self) -> None:
        if self.box.implicit:
            self.seal()
        else:
            self.file = self.request.makefile("rwb")
        self.say("220 here")
        rcpt: list[str] = []
        while line := self.file.readline():
            if not self.sealed:
                self.box.heard.append(line)
            verb, rest = line[:4].upper(), line.decode().strip()
            if verb == b"EHLO":
                self.greet()
            elif verb == b"STAR" and self.box.tls is not None:
                self.say("220 go on")
                self.seal()
            elif verb == b"AUTH":
                self.log_in(rest)
            elif self.box.accounts is not None and not self.user and verb in (b"MAIL", b"RCPT", b"DATA"):
                self.say("530 5.7.0 log in first")
            elif verb == b"RCPT":
                who = rest.partition("<")[2].partition(">")[0]
                known = who not in self.box.refuses
                rcpt += [who] if known else []
                self.say("250 good" if known else "550 5.1.1 no such mailbox")
            elif verb == b"DATA":
                self.take()
                self.box.recipients.append(rcpt)
                rcpt = []
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 good")

    def seal(self) -> None:
        assert self.box.tls is not None
        if self.file is not None:
            self.file.close()
            self.file = None
        self.request = self.box.tls.wrap_socket(self.request, server_side=True)
        self.sealed = True
        self.file = self.request.makefile("rwb")

    def say(self, text: str) -> None:
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()

    def greet(self) -> None:
        offers = ["here"]
        if self.box.tls is not None and not self.sealed:
            offers.append("STARTTLS")
        if self.box.accounts is not None and self.sealed:
            offers.append("AUTH PLAIN")
        for offer in offers[:-1]:
            self.say(f"250-{offer}")
        self.say(f"250 {offers[-1]}")

    def log_in(self, line: str) -> None:
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        if (self.box.accounts or {}).get(user) == password:
            self.user = user
            self.box.users.append(user)
            self.say("235 2.7.0 welcome")
        else:
            self.say("535 5.7.8 wrong name or password")

    def take(self) -> None:
        self.say("354 go on")
        lines = []
        while (part := self.file.readline()) != b".\r\n":
            lines.append(part[1:] if part.startswith(b"..") else part)
        self.box.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self.say("250 taken")
