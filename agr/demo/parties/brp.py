"""A balance responsible party of its own. Stand-alone: shares no code with the daemon, standard library only.

PYTHON brp.py --role BRP --domain NAME [--config FILE.json] [--log FILE]

It takes e-programs by POST /e-programs and answers each revision by the address it was told. Events (see
command_lines.py): ready, e-program, refused, answered. Command: `terms` (token: what posts must show; answers: where
revisions are answered, with {message_id} in it; answer_token).

A revision is accepted if it covers every ISP of the day once, if its parts add up, and if it changes something.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties import command_lines
else:
    import command_lines


PARTS = ("day_ahead_mwh", "intraday_mwh", "imbalance_mwh")
SLACK_MWH = 1e-8


@dataclass
class BrpState:
    """What the BRP knows: how to tell its customer, where to answer, and the newest e-program of each day."""

    token: str = ""
    answers: str = ""
    answer_token: str = ""
    newest: dict[str, command_lines.Json] = field(default_factory=dict)  # day → body of the newest revision
    seen: dict[str, command_lines.Json] = field(default_factory=dict)  # message id → body
    lock: Any = field(default_factory=Lock)

    def take(self, body: command_lines.Json) -> str | None:
        """Take a revision; return why it is rejected, None where it is accepted, as before where it came before."""
        with self.lock:
            known = self.seen.get(str(body["message_id"]))
            if known is not None:
                return None if known == body else "this message id came before with other contents"
            before = self.newest.get(body["period"])
            why = fault(body, before)
            self.seen[str(body["message_id"])] = body
            if why is None:
                self.newest[body["period"]] = body
            return why


def fault(body: command_lines.Json, before: command_lines.Json | None) -> str | None:
    """Return what is wrong with an e-program."""
    isps, length = body["isps"], timedelta(minutes=int(body["isp_minutes"]))
    starts = [datetime.fromisoformat(isp["start"]) for isp in isps]
    if [isp["isp"] for isp in isps] != list(range(1, len(isps) + 1)) or len(isps) * length < timedelta(hours=23):
        return "ISPs are missing"
    if any(later - earlier != length for earlier, later in pairwise(starts)):
        return "ISPs do not follow one another"
    for isp in isps:
        if abs(float(isp["energy_mwh"]) - sum(float(isp[part]) for part in PARTS)) > SLACK_MWH:
            return f"ISP {isp['isp']}: energy is not the sum of what was bought and what was not"
    if before is not None and int(body["revision"]) <= int(before["revision"]):
        return f"revision {before['revision']} is known already"
    if before is not None and before["isps"] == isps:
        return f"it repeats revision {before['revision']}"
    return None


class BrpHandler(command_lines.JsonHandler):
    """Takes e-programs over HTTP; each is answered afterwards, by a request of our own."""

    state: ClassVar[BrpState]
    lines: ClassVar[command_lines.Lines]

    def do_POST(self) -> None:
        """Take an e-program."""
        content = self.body()
        if self.path != "/e-programs":
            return self.refuse(404, "e-programs go to /e-programs")
        if self.headers.get("Authorization") != f"Bearer {self.state.token}":
            return self.refuse(401, "the token is wrong")
        try:
            body = json.loads(content)
            why = self.state.take(body)
            energy = [float(isp["energy_mwh"]) for isp in body["isps"]]
        except (ValueError, KeyError, TypeError) as error:
            return self.refuse(422, f"this is not an e-program: {type(error).__name__} {error}")
        self.lines.write(
            "e-program", message_id=body["message_id"], period=body["period"], revision=body["revision"],
            plan=body["plan"], mwh=energy,
        )  # fmt: skip
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        Thread(target=self.answer, args=(body, why), daemon=True).start()
        return None

    def answer(self, body: command_lines.Json, why: str | None) -> None:
        """Accept or reject a revision."""
        said = {"answer": "accepted", "why": ""} if why is None else {"answer": "rejected", "why": why}
        request = Request(  # noqa: S310 - our customer's own address
            self.state.answers.replace("{message_id}", str(body["message_id"])), data=json.dumps(said).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.state.answer_token}"},
        )  # fmt: skip
        try:
            with urlopen(request, timeout=30) as response:  # noqa: S310 # nosec B310
                status = response.status
        except HTTPError as error:
            with error:
                status = error.code
        except URLError as error:
            status, why = 0, str(error.reason)
        self.lines.write("answered", revision=body["revision"], status=status, answer=said["answer"], why=why)

    def refuse(self, status: int, text: str) -> None:
        """Answer why nothing was taken."""
        self.lines.write("refused", status=status, text=text)
        self.say(status, {"error": text})


def obey(state: BrpState, line: command_lines.Json) -> None:
    """Carry out one command."""
    if line["command"] != "terms":
        raise ValueError(f"there is no command {line['command']!r}")
    state.token, state.answers, state.answer_token = (str(line[name]) for name in ("token", "answers", "answer_token"))


def main() -> None:
    """Serve until told to stop."""
    given = command_lines.options(__doc__, "BRP").parse_args()
    lines, state = command_lines.own_lines(given.log), BrpState()
    BrpHandler.state, BrpHandler.lines = state, lines
    command_lines.serve(given, lines, BrpHandler, partial(obey, state))


if __name__ == "__main__":
    main()
