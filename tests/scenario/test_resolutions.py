"""Where prices of several resolutions overlap, every moment has the price of the shortest interval."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.register import Price
from agr.scenario.downloads.resolutions import finest

START = datetime(2025, 9, 30, 22, tzinfo=UTC)


def price(at: int, minutes: int, value: float) -> Price:
    return Price(series="day_ahead", start=START + timedelta(minutes=at), minutes=minutes, value=value)


def spans(prices):
    return [((p.start - START) // timedelta(minutes=1), p.minutes, p.value) for p in prices]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([(0, 60, 1), (0, 30, 2), (30, 30, 3)], [(0, 30, 2), (30, 30, 3)]),
        ([(0, 30, 1), (0, 15, 2), (30, 30, 4)], [(0, 15, 2), (15, 15, 1), (30, 30, 4)]),
        ([(0, 60, 1), (30, 30, 2)], [(0, 30, 1), (30, 30, 2)]),
        ([(0, 15, 1), (5, 5, 2)], [(0, 5, 1), (5, 5, 2), (10, 5, 1)]),
        ([(0, 60, 1), (20, 20, 2)], [(0, 20, 1), (20, 20, 2), (40, 20, 1)]),
        ([(0, 60, 1), (0, 30, 2), (45, 15, 3)], [(0, 30, 2), (30, 15, 1), (45, 15, 3)]),
    ],
)
def test_products_of_less_than_an_hour_overlap_nothing(prices, expected):
    assert spans(finest(price(*one) for one in prices)) == expected


def test_two_prices_of_one_length_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlap; keep one price for every moment"):
        finest([price(0, 60, 1), price(30, 60, 2)])


@given(
    st.lists(
        st.sampled_from((5, 10, 15, 20, 30, 60)).flatmap(
            lambda minutes: st.tuples(st.integers(0, 239).map(lambda n: n * minutes % 240), st.just(minutes))
        ),
        unique=True,
        max_size=25,
    )
)
def test_every_minute_has_the_price_of_the_shortest_interval(drawn):
    prices = [price(at, minutes, n) for n, (at, minutes) in enumerate(drawn)]
    told: dict[int, float] = {}
    for one in sorted(prices, key=lambda p: -p.minutes):
        at = (one.start - START) // timedelta(minutes=1)
        told |= {at + n: one.value for n in range(one.minutes)}
    found: dict[int, float] = {}
    for at, minutes, value in spans(finest(prices)):
        assert not found.keys() & set(range(at, at + minutes)), "two prices of one moment"
        found |= {at + n: value for n in range(minutes)}
    assert found == told
