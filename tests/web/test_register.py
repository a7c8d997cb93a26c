"""The register on the operators' page: searched, looked at, changed by the rules of `agr import`, and downloaded."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agr.domain.register import PointMember
from agr.store import audit_log, portfolio, register, register_rows
from agr.store.own_portfolio import OWN_LIST
from tests.builders.operators_side import Desk
from tests.builders.worlds import NOW, OTHER_POINT, PERIOD, POINT
from tests.web.register_desk import BATTERY, FREE, ONE, SEEN, TWO, Person, battery, opened, stored, triggers


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def anna(desk: Desk) -> Person:
    return Person(desk, "anna", "operator")


def test_a_battery_is_added_without_a_file_and_planned(desk: Desk, anna: Person) -> None:
    desk.plan()
    cells = BATTERY | {"resource": "battery-2", "connection": TWO, "wear_eur_per_mwh": "5"}
    look = anna.enter("batteries", cells, step="look")
    assert look.status_code == 200
    assert "Nothing is entered yet" in look.text
    assert stored(desk, "batteries", "battery-2") is None
    done = anna.enter("batteries", cells)
    assert "battery-2 was added to batteries; a plan follows" in done.text
    assert stored(desk, "batteries", "battery-2").row == replace(battery("battery-2", TWO), wear_eur_per_mwh=5.0)
    assert triggers(desk) == ["anna: battery-2 was added to batteries (a test)"]
    with desk.world.store.transaction() as tx:
        (entry, *_) = audit_log.entries(tx)
    assert (entry.who, entry.action, entry.subject, entry.why) == (
        "anna", "add row", "batteries battery-2", "a test"
    )  # fmt: skip
    assert "capacity_kwh: empty → 200.0" in entry.detail


FAULTS = [
    ("batteries", BATTERY, "'battery' appears twice, first in batteries, row 1"),
    ("batteries", BATTERY | {"resource": "load-1"}, "'load-1' appears twice, first in fixed_loads, row 1"),
    ("batteries", BATTERY | {"resource": "b", "connection": "ean.299000000000000039"}, "is not in the table of conn"),
    ("batteries", BATTERY | {"resource": "#b"}, "'#b' is not a name"),
    ("connections", {"address": "299", "first_day": "2026-01-01"}, "'299' is not an entity address"),
    ("batteries", BATTERY | {"resource": "b", "charge_kw": "1,5"}, "write a decimal point"),
    ("batteries", BATTERY | {"resource": "b", "end_kwh": "300"}, "300 is more than capacity_kwh 200"),
    ("batteries", BATTERY | {"resource": "b", "charge_kw": " "}, "charge_kw: is empty; a value is needed"),
    ("batteries", BATTERY | {"resource": "b", "charge_w": "1"}, "charge_kw is: convert the values to that unit"),
    ("connections", {"address": ONE, "first_day": "2026-01-01"}, "appears twice"),
    ("connections", {"address": FREE + "2", "first_day": "1.1.2026"}, "write YYYY-MM-DD"),
    ("limits", {"congestion_point": POINT, "first_day": "2026-01-01", "last_day": "2026-02-01", "window_start": "00:00",
                "window_end": "00:00", "penalty_eur_per_mwh": "500"}, "give at least one bound"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "cells", "words"), FAULTS)
def test_what_import_would_refuse_is_refused_and_kept_in_the_form(
    desk: Desk, anna: Person, table: str, cells: dict[str, str], words: str
) -> None:
    with desk.world.store.transaction() as tx:
        before = register.load(tx)
    for step in ("look", "enter"):
        refused = anna.enter(table, cells, step=step)
        assert refused.status_code == 422
        assert words in refused.text.replace("&#39;", "'")
        assert all(
            f'value="{text}"' in refused.text for text in cells.values() if text != " " and "charge_w" not in cells
        )
    with desk.world.store.transaction() as tx:
        assert register.load(tx) == before
    assert not triggers(desk)


def test_doubtful_values_are_shown_before_they_are_entered(anna: Person) -> None:
    look = anna.enter("batteries", BATTERY | {"charge_kw": "100000"}, key="battery", step="look")
    assert look.status_code == 200
    assert "Doubtful" in look.text
    assert "did you mean 100 kW?" in look.text.replace("&#39;", "'")


def test_a_change_writes_both_values_and_a_second_one_is_refused_with_both(desk: Desk, anna: Person) -> None:
    form = anna.get("/register/batteries/edit", key="battery")
    seen = SEEN.search(form.text)
    assert seen is not None
    assert 'name="cell charge_kw" value="100"' in form.text
    bert = Person(desk, "bert", "operator")
    first = bert.enter("batteries", BATTERY | {"charge_kw": "80"}, key="battery", seen=seen[1])
    assert "battery was changed in batteries" in first.text
    with desk.world.store.transaction() as tx:
        assert audit_log.entries(tx)[0].detail == "charge_kw: 100.0 → 80.0"
    for step in ("look", "enter"):
        late = anna.enter("batteries", BATTERY | {"charge_kw": "90"}, key="battery", seen=seen[1], step=step)
        assert late.status_code == 409
        assert "has changed meanwhile" in late.text
        assert '<tr><th scope="row">charge_kw</th><td>80</td><td><b>90</b></td></tr>' in late.text
        assert stored(desk, "batteries", "battery").row.charge_kw == 80
    again = SEEN.search(late.text)
    assert again is not None
    anna.enter("batteries", BATTERY | {"charge_kw": "90"}, key="battery", seen=again[1])
    assert stored(desk, "batteries", "battery").row.charge_kw == 90
    assert "80.0 → 90.0" in anna.get("/register/batteries/row", key="battery").text


def test_a_row_that_was_removed_meanwhile_can_be_added_again(desk: Desk, anna: Person) -> None:
    seen = stored(desk, "batteries", "battery").seen
    bert = Person(desk, "bert", "operator")
    assert bert.post("/register/batteries/remove", {"seen": seen, "why": "sold"}, key="battery").status_code == 200
    late = anna.enter("batteries", BATTERY | {"charge_kw": "90"}, key="battery", seen=seen)
    assert late.status_code == 409
    assert "battery has been removed from batteries meanwhile" in late.text
    assert "Add to batteries" in late.text
    assert 'value="90"' in late.text


def test_a_name_stays_and_what_changes_nothing_is_not_entered(desk: Desk, anna: Person) -> None:
    renamed = anna.enter("batteries", BATTERY | {"resource": "other"}, key="battery")
    assert renamed.status_code == 422
    assert "add a row with the new name, then remove this one" in renamed.text
    same = anna.enter("batteries", BATTERY, key="battery", step="look")
    assert "nothing differs from what is in the register" in same.text
    assert anna.enter("batteries", BATTERY, key="battery").status_code == 422


def test_a_connection_is_not_removed_from_under_its_resources(desk: Desk, anna: Person) -> None:
    refused = anna.post("/register/connections/remove", {"why": "moved"}, key=ONE)
    assert refused.status_code == 409
    assert "2 rows refer to connection" in refused.text
    assert "load-1 (fixed_loads), battery (batteries)" in refused.text
    assert anna.post("/register/connections/remove", {"why": "moved"}, key=FREE).status_code == 200
    assert stored(desk, "connections", FREE) is None
    with desk.world.store.transaction() as tx:
        assert audit_log.entries(tx)[0].detail == f"address: {FREE}; first_day: 2026-01-01"


def test_only_who_may_change_the_register_changes_it(desk: Desk) -> None:
    vera = Person(desk, "vera", "viewer")
    assert "Add…" not in vera.get("/register/batteries").text
    assert "Edit…" not in vera.get("/register/batteries/row", key="battery").text
    for answer in (
        vera.get("/register/batteries/new"), vera.get("/register/batteries/edit", key="battery"),
        vera.enter("batteries", BATTERY | {"charge_kw": "1"}, key="battery"),
        vera.post("/register/batteries/remove", {"why": "a test"}, key="battery"),
    ):  # fmt: skip
        assert answer.status_code == 403
        assert "needs the permission &#39;register&#39;" in answer.text
    forged = vera.client.post("/register/batteries/remove", params={"key": "battery"}, data={"why": "x"})
    assert forged.status_code == 403
    assert desk.anybody().get("/register/batteries").status_code == 303, "to the log-in"
    assert stored(desk, "batteries", "battery") is not None


def test_a_change_that_concerns_no_planned_day_asks_for_no_plan(desk: Desk, anna: Person) -> None:
    desk.plan()
    later = {"address": FREE, "first_day": "2026-06-01"}
    anna.enter("connections", later | {"last_day": "2026-12-31"}, key=FREE)
    assert len(triggers(desk)) == 1, "it was valid until now"
    desk.daemon.planner.run_due()
    anna.enter("connections", later | {"last_day": "2027-12-31"}, key=FREE)
    assert not triggers(desk)


def test_a_charge_point_is_entered_and_changed_without_a_new_plan(desk: Desk, anna: Person) -> None:
    desk.plan()
    cells = {
        "charge_point": "pole-7", "connection": ONE, "road": "citrine", "station": "CP1", "max_kw": "11",
        "protocol": "1.6",
    }  # fmt: skip
    assert "plans are carried out so from now on" in anna.enter("charge_points", cells).text
    assert anna.enter("charge_points", {**cells, "fallback_kw": "4.2"}, key="pole-7").status_code == 200
    assert stored(desk, "charge_points", "pole-7").row.fallback_kw == 4.2
    assert triggers(desk) == []


def test_our_own_congestion_points_follow_a_change(desk: Desk, anna: Person) -> None:
    cells = {"congestion_point": POINT, "dso": "dso.example", "connection": ONE, "first_day": "2026-01-01"}
    with desk.world.store.transaction() as tx:
        portfolio.replace(tx, PERIOD.day, "cro.example", (), ())
        portfolio.replace(tx, PERIOD.day, OWN_LIST, (), ())
        portfolio.set_answer(tx, PERIOD.day, OWN_LIST, "answered", NOW)
    anna.enter("congestion_points", cells)
    with desk.world.store.transaction() as tx:
        assert [(p.address, p.connections) for p in portfolio.load(tx, PERIOD).points] == [(POINT, (ONE,))]
    twice = anna.enter("congestion_points", cells | {"congestion_point": OTHER_POINT})
    assert f"is already at {POINT} on these days" in twice.text.replace("&#39;", "'")
    other = anna.enter("congestion_points", cells | {"connection": TWO, "dso": "other.example"})
    assert "other.example is not dso.example, the DSO of" in other.text
    assert anna.enter("congestion_points", cells | {"connection": TWO}).status_code == 200
    (first, second) = _members(desk)
    moved = anna.enter("congestion_points", cells | {"congestion_point": OTHER_POINT}, key=first)
    assert moved.status_code == 200, moved.text
    with desk.world.store.transaction() as tx:
        points = {p.address: p.connections for p in portfolio.load(tx, PERIOD).points}
    assert points == {POINT: (TWO,), OTHER_POINT: (ONE,)}
    assert second in _members(desk)


def _members(desk: Desk) -> list[str]:
    with desk.world.store.transaction() as tx:
        found = register_rows.page(tx, "congestion_points").rows
    assert all(isinstance(one.row, PointMember) for one in found)
    return [one.key for one in found]


def test_a_change_by_api_keeps_what_is_left_out_and_tells_what_is_doubtful(desk: Desk) -> None:
    client, path = desk.as_("operator", "read", "register"), "/api/v1/register/enter"
    change = {"table": "batteries", "key": "battery", "why": "a test"}
    first = client.post(path, json={**change, "cells": {"charge_efficiency": "0.95"}})
    assert first.status_code == 200, first.text
    assert first.json()["warnings"] == []
    answer = client.post(path, json={**change, "cells": {"charge_kw": "100000"}})
    assert answer.status_code == 200, answer.text
    warnings = answer.json()["warnings"]
    assert any(words.startswith("charge_kw: ") for words in warnings), warnings
    assert len(set(warnings)) == len(warnings)
    row = stored(desk, "batteries", "battery").row
    assert (row.charge_kw, row.discharge_kw, row.charge_efficiency) == (100_000, 100, 0.95)
    client.post(path, json={**change, "cells": {"charge_kw": "100", "charge_efficiency": ""}})
    assert stored(desk, "batteries", "battery").row.charge_efficiency == 1, "an empty cell has its default"
    numbers = {"charge_kw": 99.5, "discharge_kw": 50, "charge_efficiency": 0.9}
    assert client.post(path, json={**change, "cells": numbers}).status_code == 200, "a number is a cell, too"
    row = stored(desk, "batteries", "battery").row
    assert (row.charge_kw, row.discharge_kw, row.charge_efficiency) == (99.5, 50, 0.9)
    assert client.post(path, json={**change, "cells": {"charge_efficiency": None}}).status_code == 200
    assert stored(desk, "batteries", "battery").row.charge_efficiency == 1, "null is an empty cell"
    assert client.post(path, json={**change, "cells": {"charge_kw": True}}).status_code == 422
