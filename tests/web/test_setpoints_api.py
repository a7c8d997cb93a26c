"""Setpoints over HTTP: a back-end that asks with the last revision knows the programs in force."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agr.domain.plan import Reason, ReasonKind
from agr.store import day, plans
from tests.builders.operators_side import Desk
from tests.builders.worlds import NOW, OTHER_POINT, PERIOD, World

URL = "/api/v1/setpoints"
WHY = "because of a test"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(World(tmp_path))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(World(tmp_path_factory.mktemp("planned")))
    opened.plan()
    yield opened
    opened.close()


class BackEnd:
    """Keeps what it was told, as a back-end does."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.revision = desk, ""
        self.kw: dict[tuple[str, str, int], float] = {}

    def ask(self, **more: str) -> list[dict[str, Any]]:
        answer = self.desk.as_("operator").get(URL, params={"since": self.revision} | more)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        self.revision = found["revision"]
        for row in found["setpoints"]:
            for place, kw in enumerate(row["power_kw"] or ()):
                self.kw[row["resource"], row["period"], row["isp"] + place] = kw
        return found["setpoints"]

    def knows_the_program(self) -> bool:
        told = self.desk.as_("operator").get(f"/api/v1/days/{PERIOD}/programs").json()
        wanted = {
            (row["resource"], str(PERIOD), isp): round(kw, 3)
            for row in told["programs"]
            for isp, kw in enumerate(row["power_kw"], start=1)
        }
        return self.kw == {key: pytest.approx(kw, abs=6e-4) for key, kw in wanted.items()}


def test_a_back_end_is_told_everything_first_and_then_only_what_changed(desk: Desk) -> None:
    one = BackEnd(desk)
    assert one.ask() == []
    assert one.revision == "0"
    desk.plan()
    first = one.ask()
    assert {row["resource"] for row in first} == {"battery", "load-1", "load-2"}
    assert {(row["plan"], row["isp"], row["isp_minutes"]) for row in first} == {(1, 1, 15)}
    assert first[0]["start"] == PERIOD.start.isoformat().replace("+00:00", "Z")
    assert one.knows_the_program()
    assert one.ask() == []
    operator = desk.as_("operator")
    wanted = {"contract": "FO-1", "period": str(PERIOD), "keep_share": 0.0, "why": WHY}
    assert operator.post("/api/v1/reservations", json=wanted).status_code == 200
    desk.daemon.planner.run_due()
    second = one.ask()
    assert {row["resource"] for row in second} == {"battery"}
    assert second[0]["plan"] == 2
    assert one.knows_the_program()
    assert one.ask() == []


def test_setpoints_are_searched_and_name_the_d_prognosis(planned: Desk) -> None:
    found = BackEnd(planned).ask(search="LOAD-2")
    assert [(row["resource"], row["connection"], row["congestion_point"]) for row in found] == [
        ("load-2", "ean.2", OTHER_POINT)
    ]
    assert found[0]["revision"] is None  # nothing was sent yet
    with planned.world.store.transaction() as tx:
        sent = plans.Sent(
            congestion_point=OTHER_POINT, dso="dso.example", revision=3, plan=1, message_id="m", power_w=(0,), at=NOW,
            state="sent", reason=None,
        )  # fmt: skip
        plans.put_prognosis(tx, PERIOD.day, sent)
    assert BackEnd(planned).ask(search=OTHER_POINT)[0]["revision"] == 3


def test_isps_that_are_over_are_left_out_and_midnight_changes_nothing(desk: Desk) -> None:
    desk.plan()
    one = BackEnd(desk)
    one.ask()
    desk.world.clock.jump_to(PERIOD.isp_start(41) + timedelta(minutes=5))  # it is today now
    assert one.ask() == []
    late = BackEnd(desk).ask()
    assert {row["isp"] for row in late} == {41}
    assert {len(row["power_kw"]) for row in late} == {PERIOD.isp_count - 40}
    desk.world.clock.jump_to(PERIOD.end + timedelta(minutes=5))
    assert one.ask() == []
    assert one.revision == "0"


def test_an_instant_tells_what_came_into_force_after_it(desk: Desk) -> None:
    desk.plan()
    client = desk.as_("operator")

    def since(instant: Any) -> list[str]:
        told = client.get(URL, params={"since": instant.isoformat()}).json()["setpoints"]
        return sorted({row["resource"] for row in told})

    assert len(since(NOW - timedelta(minutes=1))) == 3
    later = desk.world.clock.now() + timedelta(minutes=10)
    assert since(later) == []
    with desk.world.store.transaction() as tx:  # a preview, made now, sent later
        reason = Reason(kind=ReasonKind.OPERATOR)
        day.put_reservation(tx, "FO-1", PERIOD.day, (0,) * 92, "m", desk.world.clock.now())
        day.put_trigger(tx, PERIOD.day, reason, desk.world.clock.now(), preview=True)
    desk.daemon.planner.run_due()
    desk.world.clock.jump_to(later + timedelta(minutes=10))
    assert since(later) == []
    assert client.post("/api/v1/plans/2/send", json={"why": WHY}).status_code == 200
    assert since(later) == ["battery"]


def test_a_revision_of_another_store_is_answered_with_everything(planned: Desk) -> None:
    found = planned.as_("operator").get(URL, params={"since": "1-5.2-7"}).json()
    assert len(found["setpoints"]) == 3


@pytest.mark.parametrize("since", ["yesterday", "12", "2026-03-29T00:15:00", "1-2." * 9, "-1-2"])
def test_what_is_neither_revision_nor_instant_is_refused(planned: Desk, since: str) -> None:
    answer = planned.as_("viewer").get(URL, params={"since": since})
    assert answer.status_code == 422
    assert "is neither a revision" in answer.json()["error"]
    assert planned.anybody().get(URL).status_code == 401
