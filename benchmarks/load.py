"""Load on one machine: python -m benchmarks.load [PART …] [--scale 1.0].

Parts:
portfolio   a CRO's answer with 20,000 congestion points and 1,000,000 connections is processed (limit 60 s, 1 GiB)
prognoses   20,000 D-Prognoses are built, signed and delivered to 10 DSOs over HTTP (limit 5 minutes)
updates     5,000 FlexReservationUpdates are received, validated and answered (limit 60 s) and cause few plans
requests    1,000 FlexRequests of as many congestion points, each in two revisions, are answered and joined (limit
            60 s); pricing them takes no time here
offers      the same over HTTP, signed, priced by the optimiser with two workers and offered over HTTP (no limit; that
            takes minutes, so it runs only where it is named)
stranger    the endpoint refuses a message from an unknown sender (limit 1 ms)

Each part runs in its own process and is compared with a reference measured in the same run, so that figures of
different machines can be compared. Prints one table; exits 1 when a limit is broken at full scale.
"""

import argparse
import asyncio
import gc
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from lxml import etree
from rich.console import Console
from rich.table import Table

from agr.domain.register import CongestionPoint, Contract
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.operations import log
from agr.store import day, outbox, portfolio
from agr.web.endpoint import PATH, uftp_app
from benchmarks.load_offers import offer_flexibility
from benchmarks.load_prognoses import deliver_prognoses
from benchmarks.load_world import ROOM, Figures, connections_of, forget_peak, open_world, peak_mb, point_of
from tests.builders.trading_day import TradingWorld
from tests.builders.worlds import NOW, PERIOD, Party


def take_portfolio(scale: float) -> Figures:
    """Process the CRO's answer: verify, store, parse, validate, write."""
    points, each = int(20_000 * scale), 50
    world = open_world()
    PortfolioRequests(world.store, world.settings, world.clock, world.participants).ask_portfolio(PERIOD)
    with world.store.transaction() as tx:
        (queued,) = outbox.due(tx, world.clock.now())
        asked = outbox.asked(tx, queued.message_id)
    assert asked is not None
    inner = "".join(
        f'<CongestionPoint EntityAddress="{point_of(p)}" MutexOffersSupported="false" DayAheadRedispatchBy="AGR">'
        + "".join(f'<Connection EntityAddress="ean.{871685900000000000 + p * each + c:018d}"/>' for c in range(each))
        + "</CongestionPoint>"
        for p in range(points)
    )
    xml = world.cro.message(
        "AGRPortfolioQueryResponse",
        f'<DSO-View><DSO-Portfolio DSO-Domain="dso.example">{inner}</DSO-Portfolio></DSO-View>',
        Result="Accepted", TimeZone="Europe/Amsterdam", Period=str(PERIOD), AGRPortfolioQueryMessageID=asked.message_id,
    )  # fmt: skip
    conversation = xml.split('ConversationID="')[1].split('"')[0]
    body = world.cro.seal(xml.replace(conversation, asked.conversation_id))
    size = len(xml)
    began = time.monotonic()
    etree.fromstring(xml.encode(), etree.XMLParser(huge_tree=True))
    reference = time.monotonic() - began
    del xml, inner
    gc.collect()
    forget_peak()  # making the message does not count
    before = peak_mb("VmRSS")
    began = time.monotonic()
    assert world.receiver.receive(body) == 200
    received = time.monotonic() - began
    assert world.processor.process_next()
    seconds = time.monotonic() - began
    with world.store.transaction() as tx:
        assert portfolio.size(tx, PERIOD).points == points
    return {
        "seconds": seconds, "until 200": received, "megabytes": size / 1e6, "peak MB": peak_mb(),
        "MB before": before, "times lxml alone": seconds / reference,
    }  # fmt: skip


def take_updates(scale: float) -> Figures:
    """Receive, validate and answer reservation updates of many congestion points in a portfolio of a million."""
    count, points = int(5_000 * scale), int(20_000 * scale)
    world = open_world()
    first, last, midnight = date(2026, 1, 1), date(2026, 12, 31), clock_time(0)
    world.know_register(
        contracts=tuple(
            Contract(
                contract=f"FO-{n}", dso="dso.example", congestion_point=point_of(n), first_day=first, last_day=last,
                window_start=midnight, window_end=midnight, power_w=-100_000, availability_eur_per_mw_h=1,
                penalty_eur_per_mwh=3000,
            )
            for n in range(count)
        )
    )  # fmt: skip
    with world.store.transaction() as tx:
        known = tuple(
            CongestionPoint(address=point_of(p), dso="dso.example", connections=connections_of(p))
            for p in range(points)
        )
        portfolio.replace(tx, PERIOD.day, "cro.example", known, ())
        portfolio.set_answer(tx, PERIOD.day, "cro.example", "answered", NOW)
        day.moment_done(tx, PERIOD.day, "first_plan", NOW, "x")
    bodies = [world.dso.seal(world.dso.update(ContractID=f"FO-{n}", CongestionPoint=point_of(n))) for n in range(count)]
    began = time.monotonic()
    for body in bodies:
        assert world.receiver.receive(body) == 200
    received = time.monotonic() - began
    while world.processor.process_next():
        pass
    seconds = time.monotonic() - began
    with world.store.transaction() as tx:
        triggers = day.open_triggers(tx)
        answers = outbox.waiting(tx)
        reserved = len(day.reservations_on(tx, PERIOD.day))
    assert (len(triggers), answers, reserved) == (count, count, count), (len(triggers), answers, reserved)
    runs = len({trigger.period for trigger in triggers})
    return {"seconds": seconds, "until 200": received, "per second": count / seconds, "re-optimisations": runs}


def take_requests(scale: float) -> Figures:
    """Receive, validate and answer FlexRequests; price them with a pricer that takes no time; queue the offers."""
    count = int(1_000 * scale)
    world = TradingWorld(Path(tempfile.mkdtemp(prefix="agr-load-")), limits=ROOM)
    with world.store.transaction() as tx:
        known = tuple(
            CongestionPoint(address=point_of(p), dso="dso.example", connections=connections_of(p)) for p in range(count)
        )
        portfolio.replace(tx, PERIOD.day, "cro.example", known, ())
    bodies = [
        world.dso.seal(world.request(CongestionPoint=point_of(n), Revision=str(revision)))
        for revision in (1, 2)
        for n in range(count)
    ]
    began, used = time.monotonic(), time.process_time()
    for body in bodies:
        assert world.receiver.receive(body) == 200
    received = time.monotonic() - began
    while world.processor.process_next():
        pass
    answered = time.monotonic() - began
    world.replies()  # the responses have left, so offers may
    world.trade()
    seconds = time.monotonic() - began
    offers, priced = world.replies(), len(world.pricer.seen)
    assert (len(offers), priced) == (count, count), (len(offers), priced)
    return {
        "seconds": seconds, "until 200": received, "until answered": answered, "per second": 2 * count / answered,
        "processor seconds": time.process_time() - used, "requests joined": 2 * count - priced,
    }  # fmt: skip


def refuse_strangers(scale: float) -> Figures:
    """Call the endpoint's application as the server does."""
    count = max(int(5_000 * scale), 100)
    world = open_world()
    app = uftp_app(world.receiver.receive, max_bytes=200_000_000, expects=world.receiver.expects)
    stranger = Party("stranger.example", "CRO")
    body = stranger.seal(stranger.message("TestMessage") + " " * 1500)
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": PATH, "raw_path": PATH.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("10.0.0.1", 9),
        "headers": [(b"content-type", b"text/xml"), (b"content-length", str(len(body)).encode())],
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    async def all_of_them() -> None:
        for _ in range(count):
            await app(dict(scope), receive, send)

    size = sum(f.stat().st_size for f in world.folder.iterdir())
    began = time.monotonic()
    asyncio.run(all_of_them())
    seconds = time.monotonic() - began
    assert set(statuses) == {419}
    assert sum(f.stat().st_size for f in world.folder.iterdir()) == size
    return {"seconds": seconds, "ms each": seconds / count * 1000, "bytes on disk": 0.0}


PARTS: dict[str, tuple[Callable[[float], Figures], dict[str, float]]] = {
    "portfolio": (take_portfolio, {"seconds": 60, "peak MB": 1024}),
    "prognoses": (deliver_prognoses, {"seconds": 300}),
    "updates": (take_updates, {"seconds": 60, "re-optimisations": 3}),
    "requests": (take_requests, {"seconds": 60}),
    "offers": (offer_flexibility, {}),
    "stranger": (refuse_strangers, {"ms each": 1.0}),
}

_USUAL = [name for name in PARTS if name != "offers"]


def _run(name: str, scale: float, answer: Any) -> None:
    log.configure(quiet=True)
    answer.put(PARTS[name][0](scale))


def main() -> int:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", default=_USUAL, help=", ".join(PARTS))
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    context, broken = multiprocessing.get_context("spawn"), 0
    table = Table("part", "figure", "measured", "limit", title=f"Load at scale {given.scale:g}")
    for name in given.parts:
        answer = context.Queue()
        process = context.Process(target=_run, args=(name, given.scale, answer))
        process.start()
        figures: Figures = answer.get(timeout=1800)
        process.join()
        for figure, value in figures.items():
            limit = PARTS[name][1].get(figure)
            broken += limit is not None and value > limit and given.scale == 1.0
            table.add_row(name, figure, f"{value:,.2f}", "" if limit is None else f"{limit:g}")
    Console().print(table)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
