"""Load: D-Prognoses that leave."""

import multiprocessing
import threading
import time
import uuid
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agr.messaging.deliver import Deliverer
from agr.messaging.prognosis import d_prognosis
from agr.store import outbox, plans
from agr.store.plans import Sent
from agr.uftp.codec import encode
from agr.uftp.connections import Connections
from agr.uftp.participants import Participant, Participants
from agr.uftp.signing import KeyPair
from agr.uftp.transport import Sender
from agr.web.endpoint import PATH
from benchmarks.load_world import Figures, open_world, peak_mb, point_of
from tests.builders.worlds import NOW, PERIOD, World


def sinks(count: int, ports: Any, ended: Any) -> None:
    """Serve `count` DSOs that accept every message."""

    async def take(request: Request) -> Response:
        await request.body()
        return Response("OK")

    for _ in range(count):
        app = Starlette(routes=[Route("/{path:path}", take, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
        threading.Thread(target=server.run, daemon=True).start()
        while not server.started:
            time.sleep(0.01)
        ports.put(server.servers[0].sockets[0].getsockname()[1])
    ended.wait()


def deliver_prognoses(scale: float) -> Figures:
    """Build, queue, sign and deliver D-Prognoses to ten DSOs."""
    count, dsos = int(20_000 * scale), 10
    context = multiprocessing.get_context("spawn")
    ports, ended = context.Queue(), context.Event()
    process = context.Process(target=sinks, args=(dsos, ports, ended), daemon=True)
    process.start()
    key = KeyPair.generate()
    directory = Participants(
        Participant(
            domain=f"dso{n}.example", role="DSO", endpoint=f"http://127.0.0.1:{ports.get()}{PATH}",
            public_keys=(key.public,),
        )
        for n in range(dsos)
    )  # fmt: skip
    world = open_world()
    connections = Connections()
    deliverer = Deliverer(
        world.store, world.settings, world.clock, directory, lambda: key, lambda to: Sender(connections.prepare(to.way))
    )
    began = time.monotonic()
    for first in range(0, count, 1000):
        with world.store.transaction() as tx:
            for number in range(first, min(first + 1000, count)):
                _queue(tx, world, number, f"dso{number % dsos}.example")
    built = time.monotonic() - began
    while True:
        deliverer.run_due()
        with world.store.transaction() as tx:
            if outbox.waiting(tx) == 0:
                break
        time.sleep(0.1)
    seconds = time.monotonic() - began
    deliverer.close()
    connections.close()
    ended.set()
    process.join(5)
    with suppress(ValueError):
        process.close()
    return {"seconds": seconds, "built": built, "per second": count / seconds, "peak MB": peak_mb()}


def _queue(tx: Any, world: World, number: int, dso: str) -> None:
    """Build and queue the D-Prognosis of one congestion point, as the publisher does."""
    message_id, conversation_id = str(uuid.uuid4()), str(uuid.uuid4())
    power_w = tuple((number * 7 + isp * 13) % 5000 for isp in range(PERIOD.isp_count))
    message = d_prognosis(
        power_w, period=PERIOD, congestion_point=point_of(number), revision=1, sender="agr.example", recipient=dso,
        version="3.1.0", now=NOW, message_id=message_id, conversation_id=conversation_id,
    )  # fmt: skip
    outbox.put(
        tx, message_id=message_id, conversation_id=conversation_id, kind="D-Prognosis", recipient_domain=dso,
        recipient_role="DSO", xml=encode(message), at=world.clock.now(), period=PERIOD.day, subject=point_of(number),
    )  # fmt: skip
    plans.put_prognosis(
        tx, PERIOD.day,
        Sent(congestion_point=point_of(number), dso=dso, revision=1, plan=1, message_id=message_id, power_w=power_w,
             at=NOW, state="sent", reason=None),
    )  # fmt: skip
