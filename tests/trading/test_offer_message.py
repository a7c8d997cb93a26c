"""Offers as they are written: every Requested ISP named, the request's elements kept, nothing lost."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agr.domain.flexibility import Disposition, FlexOffer, FlexRequest, OfferOption, RequestedIsp
from agr.domain.isp import Period
from agr.domain.program import IspRun, expand
from agr.trading.offer_message import flex_offer, latest_order, option_of, runs_of

PERIOD = Period(date(2026, 6, 10))
NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
POWERS = st.lists(st.none() | st.integers(-2, 2), min_size=1, max_size=100)
SPANS = st.lists(st.tuples(st.integers(1, 100), st.integers(1, 12)), max_size=8)


def apart(spans: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Return those of the spans that lie in the day and do not overlap, as rules see to it."""
    taken: set[int] = set()
    kept = []
    for first, length in spans:
        isps = set(range(first, first + length))
        if first + length - 1 <= count and not isps & taken:
            taken |= isps
            kept.append((first, length))
    return kept


@given(POWERS, SPANS)
def test_elements_say_what_was_offered_and_never_overlap(
    power_w: list[int | None], spans: list[tuple[int, int]]
) -> None:
    runs = runs_of(power_w, apart(spans, len(power_w)))
    assert expand(runs, len(power_w)) == tuple(power_w)
    assert all(before.stop <= after.start for before, after in pairwise(runs))


@given(POWERS, SPANS)
def test_an_element_of_the_request_is_kept_where_the_power_in_it_is_the_same(
    power_w: list[int | None], spans: list[tuple[int, int]]
) -> None:
    kept = apart(spans, len(power_w))
    runs = runs_of(power_w, kept)
    for first, length in kept:
        inside = power_w[first - 1 : first - 1 + length]
        if inside[0] is not None and set(inside) == {inside[0]}:
            assert IspRun(first, inside[0], length) in runs


def request(*isps: int) -> FlexRequest:
    return FlexRequest(
        message_id="m", conversation_id="c", dso="dso.example", congestion_point="ean.123456789012", period=PERIOD,
        revision=1, expires_at=NOW, received_at=NOW,
        isps=tuple(RequestedIsp(isp=i, disposition=Disposition.REQUESTED, min_w=-9, max_w=0) for i in isps),
    )  # fmt: skip


@given(st.decimals(0, 10_000, places=6))
def test_prices_are_rounded_up_to_cents(price: Decimal) -> None:
    offered = option_of(OfferOption(reference="1", power_w=(None,) * 96, price=price), request(5)).price
    assert 0 <= offered - price < Decimal("0.01")
    assert offered == round(offered, 2)


def test_every_requested_isp_is_named_though_nothing_is_offered_in_it() -> None:
    power = tuple(-5 if isp == 5 else None for isp in range(1, 97))
    option = option_of(OfferOption(reference="1", power_w=power, price=Decimal(1)), request(5, 6, 90))
    assert {isp: p for isp, p in enumerate(option.power_w, start=1) if p is not None} == {5: -5, 6: 0, 90: 0}


def test_an_offer_can_be_ordered_until_so_long_before_its_first_isp_with_power() -> None:
    power = tuple(0 if isp == 5 else 7 if isp == 9 else None for isp in range(1, 97))
    option = OfferOption(reference="1", power_w=power, price=Decimal(1))
    assert latest_order([option], PERIOD, 3600) == PERIOD.isp_start(9) - timedelta(hours=1)


def test_only_an_unsolicited_offer_names_its_prognosis_and_only_in_3_1_0_that_it_is_one() -> None:
    option = OfferOption(reference="1", power_w=(5,) * 96, price=Decimal("1.00"))
    number = "0a0b0c0d-1111-4222-8333-444455556666"
    offer = FlexOffer(
        message_id=number, conversation_id=number, dso="dso.example", congestion_point="ean.123456789012",
        period=PERIOD, expires_at=NOW, options=(option,), request_message_id=number, prognosis_message_id=number,
    )  # fmt: skip
    common = {"spans": (), "sender": "agr.example", "now": NOW}
    solicited = flex_offer(offer, version="3.1.0", **common)  # type: ignore[arg-type]
    assert (solicited.unsolicited, solicited.prognosis, solicited.flex_request) == (None, None, number)
    free = replace(offer, request_message_id=None)
    new, old = (flex_offer(free, version=version, **common) for version in ("3.1.0", "3.0.0"))  # type: ignore[arg-type]
    assert (new.unsolicited, new.prognosis, old.unsolicited, old.prognosis) == (True, number, None, number)
