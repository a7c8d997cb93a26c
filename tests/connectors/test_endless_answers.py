"""An answer of a source that never ends is given up."""

import time
from datetime import date

import httpx
import pytest

from agr.connectors.http import HttpSource
from agr.domain.errors import FeedError
from agr.domain.isp import Period
from agr.settings import HttpFeed

DAY = Period(date(2026, 6, 1))


def price_feed(url, **changes):
    return HttpFeed(**{"name": "prices", "url": url, "kind": "price", "series": "day_ahead", "minutes": 60} | changes)


class Endless(httpx.SyncByteStream):
    """A body that never ends: a part of this size again and again, each after a pause."""

    def __init__(self, size: int, pause_s: float) -> None:
        self.size, self.pause_s = size, pause_s

    def __iter__(self):
        while True:
            time.sleep(self.pause_s)
            yield b" " * self.size


@pytest.mark.parametrize(
    ("stream", "words"),
    [(Endless(1, 0.001), "did not answer in full within 0.05 s"), (Endless(8 << 20, 0.0), "answered more than 64 MiB")],
)
def test_an_answer_that_never_ends_is_given_up(stream: Endless, words: str) -> None:
    timeout_s = 0.05 if stream.pause_s else 60.0
    feed = price_feed("http://prices.example.org", timeout_s=timeout_s, attempts=1)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    with pytest.raises(FeedError, match=words):
        HttpSource(feed=feed, transport=transport).fetch(DAY)
