"""A day-ahead exchange of its own. Stand-alone: shares no code with the daemon, never imported, standard library only.

PYTHON exchange.py --role EXCHANGE --domain NAME [--config FILE.json] [--log FILE]

It takes bids by signed web hook (POST /bids), clears them at the day's prices, and tells what it awarded
(GET /results?delivery=DAY). Events (see command_lines.py): ready, bid, refused, cleared. Commands: `clock` (now),
`market` (secret, token, prices: [[start, EUR/MWh], …], gate, publishes_at).

It is a simple market: whoever bids takes the price. Where everybody wants the same it cannot serve all: purchases in
the cheapest products, and sales in the dearest, are awarded in part, and in the cheapest and dearest of all not at all.
"""

import base64
import csv
import hashlib
import hmac
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties import command_lines
else:
    import command_lines


SCARCE = 8
"""Number of the dearest products, and of the cheapest ones, in which bids are awarded only in part."""
PART = 0.6
"""Share of a bid that is awarded there."""
STEP_MW = 0.1
START, VOLUME = "Delivery start", "Volume MW"
"""Columns of a bid; volumes are positive where energy is bought."""


class RefusedError(Exception):
    """A request that is not served; `status` is what HTTP answers."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class ExchangeState:
    """What the exchange knows: prices, moments, and the newest bid."""

    secret: str = ""
    token: str = ""
    prices: dict[datetime, float] = field(default_factory=dict)
    gate: datetime = _NEVER
    publishes_at: datetime = _NEVER
    offset: timedelta = timedelta(0)
    bid: dict[datetime, float] = field(default_factory=dict)
    taken: dict[str, bytes] = field(default_factory=dict)  # identity of a post → its body
    lock: Any = field(default_factory=Lock)

    def now(self) -> datetime:
        """Return the time of the market day, which need not be today."""
        return datetime.now(UTC) + self.offset

    def take(self, headers: dict[str, str], body: bytes) -> command_lines.Json:
        """Take a bid; one that came before is confirmed again, and changes nothing."""
        identity = headers.get("webhook-id", "")
        self.verify(headers, body)
        with self.lock:
            known = self.taken.get(identity)
            if known is not None and known != body:
                raise RefusedError(409, f"{identity} came before with other contents; a change needs another revision")
            if known is None:
                if self.now() >= self.gate:
                    raise RefusedError(409, f"the gate has closed at {self.gate.isoformat()}")
                self.bid = volumes(body, self.prices)
                self.taken[identity] = body
        return {"order": hashlib.sha256(identity.encode()).hexdigest()[:12], "products": len(self.bid)}

    def verify(self, headers: dict[str, str], body: bytes) -> None:
        """Refuse a post whose signature is not that of the secret we share."""
        text = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode() + body
        right = base64.b64encode(hmac.new(self.secret.encode(), text, hashlib.sha256).digest()).decode()
        given = headers.get("webhook-signature", "").split()
        if not any(hmac.compare_digest(one, f"v1,{right}") for one in given):
            raise RefusedError(401, "the signature is wrong")

    def results(self) -> list[command_lines.Json]:
        """Return what was awarded, one row per product; nothing before it is published."""
        if self.now() < self.publishes_at:
            return []
        award = cleared(self.bid, self.prices)
        return [
            {
                "start": start.isoformat(), "side": "sell" if award[start] < 0 else "buy",
                "awarded_mw": abs(award[start]), "price": self.prices[start],
            }
            for start in sorted(self.prices)
        ]  # fmt: skip


def volumes(body: bytes, prices: dict[datetime, float]) -> dict[datetime, float]:
    """Read a bid: MW for every product of the day, each once, in steps of the market."""
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8"))))
    found: dict[datetime, float] = {}
    for number, row in enumerate(rows, start=2):
        if START not in row or VOLUME not in row:
            raise RefusedError(422, f"the columns {START} and {VOLUME} are missing")
        start, mw = datetime.fromisoformat(row[START]).astimezone(UTC), float(row[VOLUME])
        if start not in prices or start in found:
            raise RefusedError(422, f"line {number}: {row[START]} is not a product of the day, or comes twice")
        if abs(mw / STEP_MW - round(mw / STEP_MW)) > 1e-6:
            raise RefusedError(422, f"line {number}: {mw:g} MW is not a multiple of {STEP_MW:g} MW")
        found[start] = mw
    if len(found) != len(prices):
        raise RefusedError(422, f"{len(found)} of {len(prices)} products")
    return found


def cleared(bid: dict[datetime, float], prices: dict[datetime, float]) -> dict[datetime, float]:
    """Return the awarded MW of each product; see the first lines of this file."""
    by_price = sorted(prices, key=lambda start: (prices[start], start))
    cheap, dear = by_price[:SCARCE], by_price[-SCARCE:]
    award = {}
    for start in prices:
        mw = bid.get(start, 0.0)
        share = 1.0
        if (mw > 0 and start in cheap) or (mw < 0 and start in dear):
            share = 0.0 if start in (by_price[0], by_price[-1]) else PART
        award[start] = round(round(mw * share / STEP_MW) * STEP_MW, 6) + 0.0
    return award


class ExchangeHandler(command_lines.JsonHandler):
    """Answers over HTTP."""

    market: ClassVar[ExchangeState]
    lines: ClassVar[command_lines.Lines]

    def do_POST(self) -> None:
        """Take a bid."""
        self.serve(self._bid)

    def do_GET(self) -> None:
        """Tell results."""
        self.serve(self._results)

    def _bid(self) -> object:
        if urlsplit(self.path).path != "/bids":
            raise RefusedError(404, "bids go to /bids")
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        receipt = self.market.take(headers, body)
        mw = [self.market.bid[start] for start in sorted(self.market.bid)]
        self.lines.write("bid", revision=headers.get("x-agr-revision"), plan=headers.get("x-agr-plan"), mw=mw)
        return receipt

    def _results(self) -> object:
        if self.headers.get("Authorization") != f"Bearer {self.market.token}":
            raise RefusedError(401, "the token is wrong")
        asked = urlsplit(self.path)
        if asked.path != "/results" or "delivery" not in parse_qs(asked.query):
            raise RefusedError(404, "results are at /results?delivery=DAY")
        rows = self.market.results()
        if rows:
            award = cleared(self.market.bid, self.market.prices)
            self.lines.write("cleared", mw=[award[start] for start in sorted(award)])
        return rows

    def serve(self, what: Any) -> None:
        """Answer with what a function returns, or with why not."""
        try:
            status, answer = 200, what()
        except RefusedError as error:
            status, answer = error.status, {"error": str(error)}
        except (ValueError, UnicodeDecodeError) as error:
            status, answer = 422, {"error": str(error)}
        if status != 200:
            self.lines.write("refused", status=status, text=answer["error"])
        self.say(status, answer)


def obey(market: ExchangeState, line: command_lines.Json) -> None:
    """Carry out one command."""
    match line["command"]:
        case "clock":
            market.offset = datetime.fromisoformat(line["now"]) - datetime.now(UTC)
        case "market":
            market.secret, market.token = str(line["secret"]), str(line["token"])
            market.prices = {datetime.fromisoformat(start).astimezone(UTC): float(eur) for start, eur in line["prices"]}
            market.gate = datetime.fromisoformat(line["gate"])
            market.publishes_at = datetime.fromisoformat(line["publishes_at"])
        case unknown:
            raise ValueError(f"there is no command {unknown!r}")


def main() -> None:
    """Serve until told to stop."""
    given = command_lines.options(__doc__, "EXCHANGE").parse_args()
    lines, market = command_lines.own_lines(given.log), ExchangeState()
    ExchangeHandler.market, ExchangeHandler.lines = market, lines
    command_lines.serve(given, lines, ExchangeHandler, partial(obey, market))


if __name__ == "__main__":
    main()
