"""Answers of parties that we do not control: what of them is kept, and that they cost a limited time."""

from collections.abc import Iterator
from itertools import repeat
from time import sleep

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.connectors.posting import post
from agr.domain.foreign_text import not_a_formula, one_line
from agr.uftp.transport import beginning
from tests.builders.http_server import Told, serving


@given(st.text())
def test_one_line_has_nothing_that_cannot_be_printed_and_is_stable(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert one_line(line) == line
    assert [c for c in line if c != " "] == [c for c in text if c.isprintable() and c != " "]


def test_a_text_that_begins_with_a_carriage_return_is_no_formula_either() -> None:
    assert not_a_formula("\r=1") == "'\r=1"
    assert not_a_formula("") == ""


def test_the_beginning_of_a_long_answer_is_kept() -> None:
    with serving(lambda _: Told(status=202, body=b"taken\x00 \n" + b"x" * 1_000_000)) as url, httpx.Client() as client:
        answered = post(client, url, b"body", {}, timeout_s=60, shown=10)
    assert (answered.status, answered.good, answered.text) == (202, True, "taken xxxx")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with (
        serving(lambda _: Told(status=307, headers={"Location": "http://127.0.0.1:9/"})) as url,
        httpx.Client() as client,
    ):
        assert not post(client, url, b"body", {}, timeout_s=60).good


class Endless(httpx.SyncByteStream):
    """A body that comes a byte at a time and never ends."""

    def __iter__(self) -> Iterator[bytes]:
        for byte in repeat(b"x"):
            sleep(0.001)
            yield byte


@pytest.mark.parametrize("patience_s", [0.0, 0.05])
def test_an_answer_that_never_ends_is_left_with_what_has_come(patience_s: float) -> None:
    read = beginning(httpx.Response(200, stream=Endless()), patience_s=patience_s)
    assert 0 < len(read) < 4096
    assert set(read) == {"x"}
