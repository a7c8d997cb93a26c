"""The demo's CSMS answers like CitrineOS 1.8.3: every exchange that was recorded is replayed against it, in order.

citrineos_1_8_3.json holds requests, answers and callbacks as they were seen; what differs by nature is masked: moments,
ids of messages, transactions and rows. What the stations did meanwhile was seen as well, and is done by `BEFORE`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.csms_site import CsmsSite, car

RECORDED = json.loads(Path(__file__).with_name("citrineos_1_8_3.json").read_text())
_TX, _TX2, _OPEN = (
    "7d9a0061-4213-446c-a51d-8fad45fee8ee", "f48a656d-f6b7-44c8-8184-c862668f34a3", "2994332692427682056",
)  # fmt: skip
MASKED = ("createdAt", "updatedAt", "startTime", "id", "scheduleStart", "_messageId", "totalKwh", "meterStart",
           "connectorId", "evseId", "authorizationId", "transactionId", "url", "chargingState")  # fmt: skip


class Replay:
    """Sends what was recorded, with the transactions of now."""

    def __init__(self, site: CsmsSite) -> None:
        self.site, self.transactions, self.clearings, self.since = site, dict[str, str](), 0, 0

    def visit(self, recorded: str, station: str, evse: int = 1, tag: str = "TAG1") -> None:
        self.transactions[recorded] = self.site.visit(station, car(tag), evse)

    def now(self, value: object) -> Any:
        text = json.dumps(value)
        for recorded, mine in self.transactions.items():
            text = text.replace(recorded, mine)
        return json.loads(text)

    def cleared(self, station: str) -> None:
        """Clear TxProfiles, as was done where the record does not say so (§5 to §6, §7 to §9)."""
        self.clearings += 1
        name, wanted = f"between-{self.clearings}", {"evseId": 1, "chargingProfilePurpose": "TxProfile"}
        path, body = "2.0.1/smartcharging/clearChargingProfile", {"chargingProfileCriteria": wanted}
        assert self.site.command(station, path, body, name)[0] == 200
        assert self.site.answer(name)["status"] in ("Accepted", "Unknown")

    def leaves(self, station: str) -> None:
        before = len(self.site.stations.events)
        self.site.stations.send("depart", station=station)
        self.site.told(station, "departed", before)

    def csms_tells(self, kind: str, station: str, after: int = 0, profile: int | None = None) -> None:
        self.site.csms.wait_for(
            lambda one: (
                (one.kind, one.text("station")) == (kind, station)
                and (profile is None or profile in one.numbers("profiles"))
            ),
            after=after,
        )

    def away(self, station: str) -> None:
        self.site.faults(station, away=True)
        self.csms_tells("closed", station)

    def back(self, station: str) -> None:
        before = len(self.site.stations.events)
        self.site.faults(station)
        self.site.online(station, before)

    def ignored(self, station: str) -> None:
        self.site.stations.wait_for(lambda one: (one.kind, one.text("station")) == ("ignored", station))

    def held(self, station: str) -> None:
        """From now on the station answers when it is told to."""
        self.since = len(self.site.stations.events)
        self.site.faults(station, answers="held")

    def waits(self, station: str, name: str) -> None:
        """Wait until the station holds its next answer back; nothing has come to that callback."""
        self.site.stations.wait_for(lambda one: (one.kind, one.text("station")) == ("held", station), after=self.since)
        assert self.site.answers(name) == []

    def answers_one(self, station: str, name: str) -> None:
        """Let the station give the answer that it holds back."""
        self.waits(station, name)
        self.since = len(self.site.stations.events)
        self.site.stations.send("answer", station=station)

    def given_up(self, station: str) -> None:
        """End the limit of the call that waits for the station's answer."""
        before = len(self.site.csms.events)
        self.site.csms.send("give_up", station=station)
        self.csms_tells("unanswered", station, before)

    def answered_late(self, station: str, name: str) -> None:
        """Let the station answer what it was asked before, and then a call that the CSMS has given up."""
        before = len(self.site.csms.events)
        self.answers_one(station, name)
        self.waits(station, name)
        self.given_up(station)
        self.site.faults(station)
        self.csms_tells("late", station, before)
        self.csms_tells("reported", station, before, 403)  # what it had accepted before; that waited as long

    def settled(self, one: dict[str, Any], before: int) -> None:
        """Wait for what follows an accepted command: reports of a 2.0.1 station."""
        done = one["callback"] == {"status": "Accepted"} or one["path"].endswith("getBaseReport")
        reports = {"SetChargingProfile": "ReportChargingProfiles", "GetBaseReport": "NotifyReport"}
        action = one["path"].rsplit("/", 1)[-1]
        action, station = action[:1].upper() + action[1:], one["query"].get("identifier", "")
        if done and "/2.0.1/" in one["path"] and action in reports and one["name"] != "t3-slow10":
            profile = (one["body"] or {}).get("chargingProfile", {}).get("id")
            wanted = ("reported", station, reports[action])
            self.site.csms.wait_for(
                lambda e: (
                    (e.kind, e.text("station"), e.text("action")) == wanted
                    and (profile is None or profile in e.numbers("profiles"))
                ),
                after=before,
            )

    def broken(self, state: str) -> None:
        self.site.csms.send("broker", state=state)


BEFORE: dict[str, Callable[[Replay], object]] = {
    "before-report": lambda it: it.visit(_TX, "CP201"),
    "rapid-1": lambda it: it.held("CP201"),
    "t3-rejected": lambda it: (it.cleared("CP201"), it.site.faults("CP201", answers="rejected")),
    "t3-callerror": lambda it: it.site.faults("CP201", answers="error"),
    "t3-slow10": lambda it: it.held("CP201"),
    "t4-silent": lambda it: (it.cleared("CP201"), it.site.faults("CP201", answers="silent")),
    "t4-offline": lambda it: it.away("CP201"),
    "x46": lambda it: it.back("CP201"),
    "t5-clearcrit": lambda it: it.cleared("CP201"),
    "t6-stop": lambda it: it.visit(_TX2, "CP201", 2, "TAG9"),
    "t6-16a": lambda it: it.site.visit("CP16", car("TAG1")),
    "t7-16a": lambda it: (it.leaves("CP16"), it.site.visit("CP16", car("TAG2"))),
    "t10-down": lambda it: it.broken("down"),
    "t10-up0-": lambda it: it.broken("half"),
    "x88": lambda it: it.broken("up"),
    "t14-w": lambda it: (it.visit(_OPEN, "OPEN201", 1, "TAG4"), it.site.faults("OPEN201", answers="tx_rejected")),
}
AT_ONCE: dict[str, Callable[[Replay], object]] = {
    "rapid-3": lambda it: it.site.faults("CP201"),
    "t3-slow10": lambda it: it.answers_one("CP201", "t3-slow10"),
    "t3-slow36": lambda it: it.answered_late("CP201", "t3-slow36"),
    "t4-silent": lambda it: (it.ignored("CP201"), it.site.faults("CP201")),
    "t4-behind": lambda it: it.given_up("CP201"),
}
"""What happens as soon as a command is confirmed: a station that was told to wait answers, before the CSMS gave up or
after it; a silent one answers again, for what comes behind."""
BEHIND = ("rapid-1", "rapid-2", "t4-silent")
"""After these the next command is sent without waiting for the station's answer."""
FORM_ONLY = ("t4-behind", "t4-other", "t6-16f")
"""Composite schedules depend on the minute; the form of the answer counts."""


@pytest.fixture(scope="module")
def replay(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    stations: list[dict[str, Any]] = [
        {"name": "CP201", "evses": [{"id": 1}, {"id": 2}]},
        {"name": "CP201A", "units": "A"},
        {"name": "CP16", "protocol": "1.6", "evses": [{"id": 1}, {"id": 2}]},
        {"name": "OPEN201", "units": "A", "periods": 5, "composite": False},
    ]
    with CsmsSite(python, tmp_path_factory.mktemp("csms"), stations) as site:
        yield Replay(site)


def masked(value: Any) -> Any:
    """Return a JSON value without what differs by nature."""
    if isinstance(value, dict):
        return {key: "…" if key in MASKED else masked(one) for key, one in value.items()}
    return [masked(one) for one in value] if isinstance(value, list) else value


def form(value: Any) -> Any:
    """Return the names of fields only, of lists the first element's."""
    if isinstance(value, dict):
        return {key: form(one) for key, one in value.items()}
    if isinstance(value, list) and value:
        return [form(value[0])]
    return "number" if isinstance(value, int | float) else type(value).__name__


def same_answer(name: str, answer: Any, wanted: Any) -> bool:
    if name == "x70":  # of the device model, what the station has reported
        [mine], [seen] = answer, wanted
        characteristics = [one["variable"]["variableCharacteristics"]["valuesList"] for one in (mine, seen)]
        return characteristics[0] == characteristics[1] and mine["stationId"] == seen["stationId"]
    return name == "x88" or bool(masked(answer) == masked(wanted))


def same_callback(name: str, heard: Any, wanted: Any) -> bool:
    if name in FORM_ONLY:
        return bool(form(heard) == form(wanted))
    shown = {key: one for key, one in heard.items() if key != "statusInfo" or key in wanted}
    return bool(masked(shown) == masked(wanted))


def test_every_recorded_exchange_comes_out_the_same(replay: Replay) -> None:
    site, different = replay.site, list[Any]()
    for one in RECORDED:
        name, wanted, expected = one["name"], replay.now(one["answer"]), one["callback"]
        BEFORE.get(name, lambda _: None)(replay)
        before = len(site.csms.events)
        callback = {"callbackUrl": site.callback(name)} if one["path"].startswith("/ocpp") else {}
        query = replay.now(one["query"]) | callback
        status, answer = site.ask(one["method"], one["path"], query, replay.now(one["body"]))
        if status != one["status"] or not same_answer(name, answer, wanted):
            different.append((name, status, answer, "recorded:", one["status"], wanted))
            continue
        AT_ONCE.get(name, lambda _: None)(replay)
        if name in BEHIND:
            continue
        if expected not in (None, "none") and not same_callback(name, site.answer(name), expected):
            different.append((name, "callback", site.answer(name), "recorded:", expected))
        replay.settled(one, before)
    assert different == []
    assert [site.answer(name) for name in ("rapid-1", "rapid-2")] == [{"status": "Accepted"}] * 2
    silent = {one["name"] for one in RECORDED if one["callback"] == "none"}
    assert [name for name in sorted(silent) if site.answers(name)] == []
    assert len(RECORDED) > 90
