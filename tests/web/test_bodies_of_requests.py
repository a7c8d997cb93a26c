"""What the JSON API says of bodies and addresses that it cannot read."""

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
        ("application/json", '{"why": "a test"', "the body is not JSON: Expecting ',' delimiter at character 16"),
        ("application/json", '["a test"]', "body: Input should be a valid dictionary"),
        ("application/json", '{"why": 7}', "why: Input should be a valid string"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_words(desk: Desk, kind: str, body: str, words: str) -> None:
    answer = desk.as_("operator").post("/api/v1/hold", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(words)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "/api/v1/log?searched=hold",
            "/log does not take the query parameter 'searched' (did you mean search?)",
        ),
        (
            "/api/v1/days/2026-03-29/points?limit=5&q=x",
            "'q' (known are descending, limit, offset, search, sort, state)",
        ),
        ("/api/v1/me?who=x", "/api/v1/me does not take the query parameter 'who' (there is none)"),
        ("/api/v1/openapi.json?x=1", "does not take the query parameter 'x'"),
    ],
)
def test_an_unknown_query_parameter_is_refused_with_what_was_meant(desk: Desk, path: str, words: str) -> None:
    answer = desk.as_("viewer").get(path)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_known_query_parameters_and_stray_ones_of_actions(desk: Desk) -> None:
    assert desk.as_("viewer").get("/api/v1/log?search=hold&limit=5").status_code == 200
    answer = desk.as_("operator").post("/api/v1/hold?why=x", json={"why": "a test"})
    assert answer.status_code == 422
    assert "hold" not in {action for _, action, _ in desk.done()}
