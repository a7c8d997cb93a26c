"""What the adapter needs of a CitrineOS, step by step, at a station that nobody needs meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Condition

from agr.connectors.answers import AnswerAddresses, of_path
from agr.connectors.citrineos import CitrineRoad
from agr.dispatch.exposure import MAXIMUM_SLOT, PossibleProfile
from agr.dispatch.verifying import Agreement, compared
from agr.domain.charge_point import OCPP_16, ChargePoint
from agr.domain.dispatch import Action, Command, DispatchState, LimitStep, Profile, Purpose, Receipt, Verified
from agr.settings import DispatchRoad, Tls
from agr.web.dispatch_answers import dispatch_app
from agr.web.serving import WebServer

Say = Callable[[bool, str], None]
"""(whether it holds, what was looked at)."""


@dataclass
class Listener:
    """Takes callbacks, and hands each to whoever waits for it."""

    got: dict[str, bytes] = field(default_factory=dict)
    changed: Condition = field(default_factory=Condition)

    def take(self, _kind: str, _road: str, key: str, _proof: str, body: bytes) -> int:
        with self.changed:
            self.got[of_path(key)] = body
            self.changed.notify_all()
        return 200

    def wait(self, key: str, patience_s: float) -> bytes | None:
        until = time.monotonic() + patience_s
        with self.changed:
            while key not in self.got and until > time.monotonic():
                self.changed.wait(until - time.monotonic())
            return self.got.get(key)


@dataclass
class Trial:
    """One run. `now`: the stations' clock."""

    road: CitrineRoad
    point: ChargePoint
    listener: Listener
    patience_s: float
    now: Callable[[], datetime]
    number: int = 0

    def send(self, action: Action, slot: int, kw: tuple[float, ...] = (), station: str = "") -> Receipt:
        """Send one command and wait for what the station says."""
        self.number += 1
        point = self.point if not station else ChargePoint(**(vars(self.point) | {"station": station}))
        command = Command(
            id=self.number, point=point, action=action, slot=slot,
            purpose=Purpose.MAXIMUM if slot == MAXIMUM_SLOT else Purpose.PLAN,
            profile=self.profile(kw) if action is Action.SET else None,
        )  # fmt: skip
        (receipt,) = self.road.send([command])
        if receipt.state is not DispatchState.SENT:
            return receipt
        body = self.listener.wait(str(self.number), self.patience_s)
        if body is None:
            return Receipt(command=self.number, state=DispatchState.UNKNOWN, words="nothing came to the callback")
        return self.road.receipt(command, body)

    def profile(self, kw: tuple[float, ...]) -> Profile:
        start = self.now().replace(minute=0, second=0, microsecond=0)
        unit = self.point.limit_unit
        size = self.point.kw_per_a if unit == "A" else 0.001
        steps = tuple(LimitStep(after_s=7200 * place, limit=int(one / size + 0.001)) for place, one in enumerate(kw))
        return Profile(start=start, unit=unit, steps=steps, duration_s=7200 * len(kw))

    def verify(self) -> Verified:
        self.number += 1
        said = self.road.verify(self.point, f"v{self.number}")
        if said is not None:
            return said
        body = self.listener.wait(f"v{self.number}", self.patience_s)
        if body is None:
            return Verified(charge_point=self.point.charge_point, profile=None, words="no answer", answered=False)
        return self.road.verified(self.point, body)


@contextmanager
def trial(
    road: DispatchRoad, point: ChargePoint, *, host: str = "127.0.0.1", reached_at: str = "", patience_s: float = 45,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Trial]:  # fmt: skip
    """Listen for callbacks during a run."""
    listener = Listener()
    web = WebServer("callbacks", dispatch_app(listener.take), host, 0, "--host", Tls())
    web.start()
    answers = AnswerAddresses(base=lambda: reached_at or f"http://{host}:{web.port}", secret=b"a trial")
    try:
        with closing(CitrineRoad(road, answers)) as opened:
            yield Trial(road=opened, point=point, listener=listener, patience_s=patience_s, now=now)
    finally:
        web.stop()


def run(one: Trial, say: Say) -> None:
    """Take every step; what does not hold does not end the run."""
    old = one.point.protocol == OCPP_16
    say(one.road.allowed() == 200, "it lets us in")
    stranger = one.send(Action.SET, 1, (7.0,), station="agr-no-such-station")
    say(
        "not connected" in stranger.words,
        f"a station that is not there is told from one that refuses: {stranger.words}",
    )
    for slot in (0, 1, 2):
        _took(one.send(Action.CLEAR, slot), f"slot {slot} is cleared", say)
    first = one.send(Action.SET, 1, (7.0, 5.0))
    if "Evse" in first.words:
        time.sleep(min(one.patience_s, 5))
        first = one.send(Action.SET, 1, (7.0, 5.0))
    _took(first, "a plan is taken", say)
    _follows(one, one.profile((7.0, 5.0)), 1, "the station follows it", say)
    again = one.send(Action.SET, 1, (6.0, 5.0))
    if old:
        _took(again, "the same place is replaced", say)
        _follows(one, one.profile((6.0, 5.0)), 1, "the station follows the newer one", say)
    else:
        known = again.occupied or again.state is DispatchState.ACCEPTED
        say(known, f"a place that is taken is told: {again.words or 'it was replaced'}")
        _took(one.send(Action.SET, 2, (6.0, 5.0)), "the other place is taken", say)
        _took(one.send(Action.CLEAR, 1), "the first one is cleared", say)
        _follows(one, one.profile((6.0, 5.0)), 2, "the station follows the newer one", say)
    for slot in (1, 2):
        _took(one.send(Action.CLEAR, slot), f"slot {slot} is cleared", say)
    _took(one.send(Action.CLEAR, MAXIMUM_SLOT), "the station's maximum is cleared", say)
    whole = one.send(Action.SET, MAXIMUM_SLOT, (9.0,))
    taken = whole.state is DispatchState.ACCEPTED
    say(taken or whole.by_station, f"a maximum of the station is taken, or refused by it: {whole.state} {whole.words}")
    if taken:
        _took(one.send(Action.CLEAR, MAXIMUM_SLOT), "and cleared again", say)
    faults = [*one.road.subscribe([one.point.station]), *one.road.subscribe([one.point.station])]
    say(not faults, "it tells of the station by itself: " + ("; ".join(faults) or "subscribed"))


def _took(receipt: Receipt, words: str, say: Say) -> None:
    say(receipt.state is DispatchState.ACCEPTED, f"{words}: {receipt.state} {receipt.words}".rstrip())


def _follows(one: Trial, profile: Profile, slot: int, words: str, say: Say) -> None:
    said = one.verify()
    if said.refused:  # the station's report was asked for
        time.sleep(min(one.patience_s, 3))
        said = one.verify()
    if said.profile is None:
        say(said.answered, f"{words}: it cannot say ({said.words})")
        return
    found = compared(one.point, said.profile, [PossibleProfile(slot=slot, profile=profile, sure=True)])
    known = found.finding in (Agreement.AGREES, Agreement.BELOW)
    say(known, f"{words}: {found.finding}, {found.said_kw:,.2f} kW for {found.expected_kw:,.2f}")
