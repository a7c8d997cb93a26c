"""A DSO buys flexibility from a service that is killed before and after each of its commits.

The service runs in a forked process, so that the kill is a real SIGKILL, and is resumed by the next one from the store
alone. The DSO remembers in a file what it has sent and got, and repeats what was not answered with 200.
"""

import json
import os
import signal
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from lxml import etree

from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.plan import PointProgram, ReasonKind
from agr.messaging.process import Processor
from agr.messaging.publish import Publisher
from agr.messaging.receive import Receiver
from agr.store import day, flex_orders, outbox, plans
from agr.store.engine import Store, Tx
from agr.trading import handlers
from agr.trading.keeping import Keeping
from agr.trading.offering import Offering
from tests.builders.plans import planned
from tests.builders.trading_day import POINT, TradingWorld
from tests.builders.worlds import PERIOD

MOST_COMMITS = 60
"""Far more than the story has."""


class KillingStore(Store):
    """A store whose process dies before (inside) or after its n-th transaction that may write."""

    def die_at(self, number: int, *, before: bool) -> None:
        """Let the process be killed there; 0: never."""
        self._left, self._before = number, before

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Give one transaction, as the store does."""
        with super().transaction() as tx:
            yield tx
            self._left -= 1
            if self._left == 0 and self._before:
                os.kill(os.getpid(), signal.SIGKILL)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class BuyingDso:
    """A DSO that requests, accepts and orders once, however often it is told the same."""

    def __init__(self, world: TradingWorld, file: Path) -> None:
        self._world, self._file = world, file
        self._file.touch()

    def got(self) -> dict[str, "etree._Element"]:
        """Return what has arrived, by MessageID; a message that came twice must be the same."""
        return {row["id"]: etree.fromstring(row["xml"].encode()) for row in self._rows("got")}

    def arrived(self) -> Counter[str]:
        """Return how many different messages of each type have arrived."""
        return Counter(element.tag for element in self.got().values())

    def take(self, xml: bytes) -> None:
        """Write down what has arrived, before the sender can know it."""
        self._write(do="got", id=str(etree.fromstring(xml).get("MessageID")), xml=xml.decode())

    def due(self) -> list[tuple[str, bytes]]:
        """Return (name, body) of what it has to send: its request, the answer to an offer, its order, and to the
        D-Prognosis with the order that it finds it there."""
        done = {row["name"] for row in self._rows("sent")}
        wanted: list[tuple[str, str]] = [("request", self._world.request())]
        for offer in (one for one in self.got().values() if one.tag == "FlexOffer"):
            values = {"ConversationID": offer.get("ConversationID"), "Result": "Accepted"}
            answer = self._world.dso.message(
                "FlexOfferResponse", FlexOfferMessageID=offer.get("MessageID"), **values
            )  # fmt: skip
            wanted += [("answer", answer), ("order", self._world.order(offer))]
        found = [(name, self._kept(name, xml)) for name, xml in wanted if name not in done]
        for prognosis in (one for one in self.got().values() if one.tag == "D-Prognosis" and "validated" not in done):
            found.append(("validated", self._kept("validated", self._validation(prognosis))))
        return found

    def _validation(self, prognosis: "etree._Element") -> str:
        (order,) = [row["xml"] for row in self._rows("made") if row["name"] == "order"]
        status = f'<FlexOrderStatus FlexOrderMessageID="{etree.fromstring(order).get("MessageID")}" IsValidated="1"/>'
        return self._world.dso.message(
            "D-PrognosisResponse", status, Result="Accepted", D_PrognosisMessageID=str(prognosis.get("MessageID")),
            ConversationID=str(prognosis.get("ConversationID")),
        )  # fmt: skip

    def sent(self, name: str) -> None:
        """Write down that a message was answered with 200."""
        self._write(do="sent", name=name)

    def _kept(self, name: str, xml: str) -> bytes:
        """Return the body of a message as it was first made: a retry is the same message."""
        for row in self._rows("made"):
            if row["name"] == name:
                return self._world.dso.seal(row["xml"])
        self._write(do="made", name=name, xml=xml)
        return self._world.dso.seal(xml)

    def _rows(self, do: str) -> list[dict[str, str]]:
        rows = [json.loads(line) for line in self._file.read_text(encoding="utf-8").splitlines()]
        return [row for row in rows if row["do"] == do]

    def _write(self, **row: str) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _live(world: TradingWorld, dso: BuyingDso, number: int, *, before: bool) -> None:
    """Run the service until nothing is left to do, or it is killed."""
    store = KillingStore(world.settings.store_url)
    store.die_at(number, before=before)
    receiver = Receiver(store, world.settings, world.clock, world.participants, lambda: None)
    processor = Processor(store, world.settings, world.clock, world.participants, handlers.ALL)
    offering = Offering(store, world.settings, world.clock, world.participants, world.pricer)
    keeping = Keeping(store, world.settings, world.clock)
    publisher = Publisher(store, world.settings, world.clock, world.participants)
    world.store = store
    processor.take_up_again()
    while True:
        moved = False
        for name, body in dso.due():
            if receiver.receive(body) == 200:
                dso.sent(name)
                moved = True
        while processor.process_next():
            moved = True
        while offering.price_next():
            moved = True
        offering.expire()
        offering.send_due()
        moved |= _plan(world, store)
        moved |= publisher.publish(PERIOD) > 0
        keeping.look()
        with store.reading() as tx:
            waiting = outbox.due(tx, world.clock.now() + timedelta(days=1))
        for message in waiting:
            dso.take(message.xml)
            with store.transaction() as tx:
                outbox.delivered(tx, message.id, world.clock.now(), "")
            moved = True
        if not moved:
            return


def _plan(world: TradingWorld, store: Store) -> bool:
    """Keep an order by a plan, if one asks for it, as the planner does: the plan answers its trigger."""
    with store.reading() as tx:
        asked = [one.id for one in day.open_triggers(tx) if one.reason.kind is ReasonKind.ORDER]
        orders = flex_orders.of_period(tx, PERIOD)
    if not asked:
        return False
    (obligation,) = [one.obligation for one in orders]
    point = PointProgram(address=POINT, dso="dso.example", power_w=obligation.program_w)
    planned(world, (0.0,) * PERIOD.isp_count, points=(point,), triggers=asked)
    return True


def through_kills(folder: Path, *, before: bool, every: int = 1) -> tuple[int, list[str]]:
    """Kill at every n-th commit of the story, each time from its beginning; return (kills, faults)."""
    kills, faults = 0, list[str]()
    world, dso = _begun(folder / "whole")
    _live(world, dso, 0, before=False)  # forked lives inherit what SQLAlchemy has compiled for this one
    world.store.close()
    faults += [f"whole: {fault}" for fault in _faults(world, dso)]
    for number in range(1, MOST_COMMITS, every):
        place = folder / f"{'before' if before else 'after'}-{number}"
        world, dso = _begun(place)
        killed = _in_process(world, dso, number, before=before)
        kills += killed
        ended = _in_process(world, dso, 0, before=False) if killed else False
        faults += [f"{place.name}: {fault}" for fault in (["killed again"] if ended else _faults(world, dso))]
        if not killed:
            break
    return kills, faults


def _begun(place: Path) -> tuple[TradingWorld, BuyingDso]:
    """Return the world and the DSO at the beginning of the story."""
    place.mkdir(parents=True)
    world = TradingWorld(place)
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, day.PUBLICATION_OPEN, world.clock.now(), "")
    world.store.close()
    return world, BuyingDso(world, place / "dso.jsonl")


def _in_process(world: TradingWorld, dso: BuyingDso, number: int, *, before: bool) -> bool:
    """Run a life in a process of its own; return whether it was killed. Raises RuntimeError where it broke."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _live(world, dso, number, before=before)
            code = 0
        except Exception:  # noqa: BLE001 - the parent raises it
            (world.folder / "broken.txt").write_text(traceback.format_exc(), encoding="utf-8")
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status:
        raise RuntimeError((world.folder / "broken.txt").read_text(encoding="utf-8"))
    return False


def _faults(world: TradingWorld, dso: BuyingDso) -> list[str]:
    """Return what is not as if nobody had been killed."""
    world.store = Store(world.settings.store_url)
    try:
        with world.store.reading() as tx:
            asked = [one for one in day.open_triggers(tx) if one.reason.kind is ReasonKind.ORDER]
            made = plans.history(tx, PERIOD.day)
            alarms = [alarm.kind for alarm in day.open_alarms(tx)]
        offers, orders = world.offers(), world.orders()
    finally:
        world.store.close()
    wanted = Counter({"FlexRequestResponse": 1, "FlexOffer": 1, "FlexOrderResponse": 1, "D-Prognosis": 1})
    found = [
        ("messages", dso.arrived(), wanted),
        ("results", {e.get("Result") for e in dso.got().values() if e.get("Result")}, {"Accepted"}),
        ("offers", [one.state for one in offers], [OfferState.ORDERED]),
        ("orders", [one.state for one in orders], [OrderState.VALIDATED]),
        ("plans made, asked for", (len(made), len(asked)), (1, 0)),
        ("alarms", alarms, []),
    ]
    return [f"{name}: {now} instead of {right}" for name, now, right in found if now != right]
