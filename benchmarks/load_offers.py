"""Load: FlexRequests that come over HTTP, are answered, priced by the optimiser, and offered over HTTP."""

import multiprocessing
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn

from agr.messaging.deliver import Deliverer
from agr.planning.pool import SolverPool
from agr.settings import Trading
from agr.store import flex_offers, flex_requests, outbox
from agr.trading.offering import Offering
from agr.trading.pricing import PlanPricer
from agr.uftp.connections import Connections
from agr.uftp.participants import Participant, Participants
from agr.uftp.signing import KeyPair
from agr.uftp.transport import Sender
from agr.web.endpoint import PATH, uftp_app
from benchmarks.load_prognoses import sinks
from benchmarks.load_world import ROOM, Figures
from benchmarks.running_offers import PER_POINT, REQUESTED, address_of, announced_world
from tests.builders.worlds import PERIOD, World

_SENDERS, _FIRST, _LAST = 4, 1, PERIOD.isp_count
_WORKERS = 2


def offer_flexibility(scale: float) -> Figures:
    """Send FlexRequests of congestion points of 50 batteries each, in two revisions, and wait for the offers."""
    count = max(int(1_000 * scale), 4)
    world = announced_world(count * PER_POINT, ROOM)
    world.settings = world.settings.model_copy(
        update={
            "trading": Trading(automatic=True),
            "planning": world.settings.planning.model_copy(update={"workers": _WORKERS}),
        }
    )
    bodies = [world.dso.seal(_request(world, n, revision)) for revision in (1, 2) for n in range(count)]
    context = multiprocessing.get_context("spawn")
    ports, ended = context.Queue(), context.Event()
    sink = context.Process(target=sinks, args=(1, ports, ended), daemon=True)
    sink.start()
    dso = Participant(
        domain="dso.example", role="DSO", endpoint=f"http://127.0.0.1:{ports.get()}{PATH}",
        public_keys=(world.dso.public,),
    )  # fmt: skip
    parties, key = Participants([dso]), KeyPair.generate()
    pool, connections = SolverPool(world.settings.planning), Connections()
    pricer = PlanPricer(world.store, world.settings, world.clock, pool)
    offering = Offering(world.store, world.settings, world.clock, parties, pricer)
    deliverer = Deliverer(
        world.store, world.settings, world.clock, parties, lambda: key, lambda to: Sender(connections.prepare(to.way))
    )
    over = threading.Event()
    server = _served(world)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{PATH}"
    answered = context.Queue()
    sender = context.Process(target=_send, args=(bodies, url, answered), daemon=True)
    jobs = [threading.Thread(target=_repeat, args=(job, over), daemon=True) for job in (
        world.processor.process_next, lambda: bool(deliverer.run_due()), lambda: bool(offering.send_due()),
    )]  # fmt: skip
    began, used = time.monotonic(), _cpu_s()
    sender.start()
    for job in jobs:
        job.start()
    received, used_by_then, by_then = 0.0, 0.0, 0
    while True:
        worked = offering.price_next()
        if not received and not answered.empty():
            received, used_by_then = answered.get(), _cpu_s()
        with world.store.reading() as tx:
            left, offers = flex_requests.waiting(tx), flex_offers.of_period(tx, PERIOD)
            waits = outbox.waiting(tx)
        by_then = by_then or (len(offers) if received else 0)
        if received and not left and not waits and not worked and all(one.state.value != "priced" for one in offers):
            break
        if not worked:
            time.sleep(0.2)
    seconds, cpu = time.monotonic() - began, _cpu_s() - used
    over.set()
    ended.set()
    for job in jobs:
        job.join()
    server.should_exit = True
    deliverer.close()
    connections.close()
    pool.close()
    order = [int(one.offer.congestion_point.rsplit("-", 1)[1]) for one in reversed(offers)]  # the newest come first
    assert len(offers) == count, (len(offers), count)
    return {
        "seconds": seconds, "until 200": received - began, "offers": len(offers), "processor seconds": cpu,
        "until 200, processor seconds": used_by_then - used, "offers by then": by_then,
        "processor seconds per offer": (used + cpu - used_by_then) / max(count - by_then, 1),
        "offers per second": count / seconds,
        "of the first half those that expire first": sum(n % 2 == 0 for n in order[: count // 2]) / (count // 2),
    }  # fmt: skip


def _request(world: World, number: int, revision: int) -> str:
    """Return a request; those of even congestion points expire an hour before the others."""
    expires = PERIOD.start - timedelta(hours=3 + (number % 2 == 0))
    first, count = REQUESTED.start, len(REQUESTED)
    rest = "".join(
        f'<ISP Disposition="Available" MinPower="-500000" MaxPower="500000" Start="{start}" Duration="{length}"/>'
        for start, length in ((_FIRST, first - 1), (first + count, _LAST - first - count + 1))
    )
    asked = f'<ISP Disposition="Requested" MinPower="-50000" MaxPower="0" Start="{first}" Duration="{count}"/>'
    return world.dso.message(
        "FlexRequest", asked + rest, ISP_Duration="PT15M", TimeZone="Europe/Amsterdam", Period=str(PERIOD),
        CongestionPoint=address_of(number), Revision=str(revision), ExpirationDateTime=expires.isoformat(),
    )  # fmt: skip


def _served(world: World) -> uvicorn.Server:
    app = uftp_app(world.receiver.receive, max_bytes=10**7, expects=world.receiver.expects)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server


def _send(bodies: list[bytes], url: str, answered: Any) -> None:
    """Post signed messages, some at a time, in order; tell when all were answered with 200."""
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    with (
        httpx.Client(timeout=600.0, headers={"Content-Type": "text/xml"}) as client,
        ThreadPoolExecutor(_SENDERS) as few,
    ):
        statuses = list(few.map(lambda body: client.post(url, content=body).status_code, bodies))
    assert set(statuses) == {200}, set(statuses)
    answered.put(time.monotonic())


def _repeat(job: Any, over: threading.Event) -> None:
    while not over.is_set():
        if not job():
            over.wait(0.1)


def _cpu_s() -> float:
    """Return the processor seconds of this process and all processes that it has started, directly or not (Linux)."""
    parents, spent = dict[int, int](), dict[int, float]()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(place.name)], spent[int(place.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / 100
    mine = {multiprocessing.current_process().pid}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(seconds for pid, seconds in spent.items() if pid in mine)
