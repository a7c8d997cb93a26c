"""What the JSON API says of bodies that it cannot read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.operators_side import Desk
from tests.builders.worlds import World


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(World(tmp_path))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text/plain", '{"why": "a test"}', "the body was not read as JSON: send the header Content-Type"),
        ("application/json", '{"why": "a test"', "the body is no JSON: Expecting ',' delimiter at character 16"),
        ("application/json", '["a test"]', "body: Input should be a valid dictionary"),
        ("application/json", '{"why": 7}', "why: Input should be a valid string"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_words(desk: Desk, kind: str, body: str, words: str) -> None:
    answer = desk.as_("operator").post("/api/v1/hold", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(words)
