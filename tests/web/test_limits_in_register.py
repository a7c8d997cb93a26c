"""Limits of connections and groups on the register's pages: the tree's rules hold row by row, as in a whole import."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from agr.domain.register import Connection, ConnectionLimit, LimitGroup
from agr.store import register
from tests.builders.operators_side import Desk
from tests.builders.worlds import World
from tests.web.register_desk import ONE, Person, stored

FIRST = date(2026, 1, 1)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(World(tmp_path))
    opened.world.know_register(connections=(Connection(address=ONE, first_day=FIRST),))
    groups = (
        LimitGroup(group="street", parent="station"),
        LimitGroup(group="station"),
        LimitGroup(group="ean.299000000000000039"),
    )
    with opened.world.store.transaction() as tx:
        register.replace(tx, register.load(tx).with_table("limit_groups", groups))
    yield opened
    opened.close()


@pytest.fixture
def anna(desk: Desk) -> Person:
    return Person(desk, "anna", "operator")


LIMIT = {"at": ONE, "first_day": "2026-01-01", "import_kw": "17.25", "penalty_eur_per_mwh": "1000"}


def limits(desk: Desk) -> tuple[ConnectionLimit, ...]:
    with desk.world.store.transaction() as tx:
        return register.load(tx).connection_limits


def test_a_fuse_and_a_limit_of_a_group_are_entered(desk: Desk, anna: Person) -> None:
    assert anna.enter("connection_limits", LIMIT).status_code == 200
    assert anna.enter("connection_limits", LIMIT | {"at": "street", "import_kw": "120"}).status_code == 200
    assert [(one.at, one.import_kw) for one in limits(desk)] == [(ONE, 17.25), ("street", 120.0)]
    assert f"limit of {ONE}" in anna.get("/log").text
    connection = {"address": ONE, "first_day": "2026-01-01", "limit_group": "street"}
    anna.enter("connections", connection, key=ONE)
    assert stored(desk, "connections", ONE).row.limit_group == "street"


def test_the_same_limit_is_entered_once_only(desk: Desk, anna: Person) -> None:
    assert anna.enter("connection_limits", LIMIT).status_code == 200
    again = anna.enter("connection_limits", LIMIT)
    assert again.status_code == 422
    assert "the whole row is the same as that in row 1" in again.text
    assert len(limits(desk)) == 1
    assert anna.enter("connection_limits", LIMIT | {"import_kw": "16"}).status_code == 200


@pytest.mark.parametrize("at", [ONE, "street"])
def test_a_limit_in_w_and_one_that_costs_nothing_are_doubted(desk: Desk, anna: Person, at: str) -> None:
    wrong = LIMIT | {"at": at, "import_kw": "17250", "penalty_eur_per_mwh": "0"}
    looked = anna.enter("connection_limits", wrong, step="look").text
    assert "did you mean 17.25 kW" in looked
    assert "breaking the limit would cost nothing" in looked
    assert not limits(desk)
    right = anna.enter("connection_limits", LIMIT | {"at": at}, step="look").text
    assert "did you mean" not in right


@pytest.mark.parametrize(
    ("table", "cells", "words"),
    [
        ("connection_limits", LIMIT | {"at": "stret"}, "did you mean street?"),
        ("connection_limits", LIMIT | {"import_kw": ""}, "both empty"),
        ("limit_groups", {"group": "house", "parent": "nowhere"}, "is not in the table of limit_groups"),
        ("limit_groups", {"group": ONE}, "is a connection too"),
        ("limit_groups", {"group": "street"}, "appears twice"),
        ("connections", {"address": "ean.299000000000000039", "first_day": "2026-01-01"}, "is a group of limits too"),
        (
            "connections",
            {"address": "ean.299000000000000022", "first_day": "2026-01-01", "limit_group": "x"},
            "add it there",
        ),
    ],
)
def test_a_row_that_does_not_fit_the_tree_is_refused(
    desk: Desk, anna: Person, table: str, cells: dict[str, str], words: str
) -> None:
    assert words in anna.enter(table, cells).text
    assert limits(desk) == ()


def test_a_group_cannot_be_put_into_itself_nor_taken_from_those_in_it(desk: Desk, anna: Person) -> None:
    assert "lies in itself" in anna.enter("limit_groups", {"group": "station", "parent": "street"}, key="station").text
    page = anna.post("/register/limit_groups/remove", {"step": "remove", "why": "a test"}, key="station").text
    assert "group street" in page
    assert stored(desk, "limit_groups", "station") is not None
