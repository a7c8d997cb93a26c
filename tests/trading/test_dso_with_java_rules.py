"""A DSO with the published rules of the Java library accepts our default offer, and its orders are what we expect."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from agr.domain.flexibility import FlexRequest, NoOffer, OfferOption, Quote
from agr.domain.flexibility_states import OfferState
from agr.trading.offer_message import runs_of
from agr.trading.offering import Offering
from models.flexibility.pricing import with_one_whole_element
from tests.builders.trading_day import PROGNOSIS, TradingWorld
from tests.trading.java_rules import JavaDso

ONE = '<ISP Disposition="Requested" MinPower="-50000" MaxPower="0" Start="40" Duration="4"/>'
EACH = "".join(
    f'<ISP Disposition="Requested" MinPower="-50000" MaxPower="0" Start="{isp}"/>' for isp in range(40, 44)
)  # fmt: skip
TWO = ONE + '<ISP Disposition="Requested" MinPower="0" MaxPower="20000" Start="60" Duration="8"/>'
ROOM = '<ISP Disposition="Available" MinPower="0" MaxPower="80000" Start="44" Duration="8"/>'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TradingWorld]:
    made = TradingWorld(tmp_path)
    yield made
    made.store.close()


def offered(world: TradingWorld, dso: JavaDso, isps: str) -> "etree._Element":
    world.tell(dso.sends(world.request(isps)))
    world.replies()
    world.trade()
    (offer,) = world.replies()
    return offer


@pytest.mark.parametrize("isps", [ONE, EACH, TWO, ONE + ROOM, ROOM + EACH, TWO + ROOM])
def test_our_default_offer_is_accepted_whatever_elements_the_request_has(world: TradingWorld, isps: str) -> None:
    dso = JavaDso()
    assert dso.judge(offered(world, dso, isps), world.clock.now()) == []


@pytest.mark.parametrize("price", ["12", "12.3", "12.3456", "0.001", "1000000"])
def test_prices_have_exactly_the_decimals_of_the_currency(world: TradingWorld, price: str) -> None:
    dso = JavaDso()
    world.pricer.price_eur = Decimal(price)
    assert dso.judge(offered(world, dso, ONE), world.clock.now()) == []


def test_its_order_is_accepted_and_so_is_none_of_what_it_could_not_have_sent(world: TradingWorld) -> None:
    dso = JavaDso()
    offer = offered(world, dso, ONE + ROOM)
    assert dso.judge(offer, world.clock.now()) == []
    world.answer(offer)
    world.tell(world.order(offer, **dso.order("j-1")))
    assert world.verdict() == ("Accepted", None)
    assert world.offers()[0].state is OfferState.ORDERED


def test_the_rules_find_what_they_should(world: TradingWorld) -> None:
    """What peers are known to send is refused: four decimals, merged Durations, another conversation, a D-Prognosis."""
    dso = JavaDso()
    offer = offered(world, dso, ONE)
    now = world.clock.now()

    def spoilt(**changes: str) -> list[str]:
        other = etree.fromstring(etree.tostring(offer))
        option = other.find("OfferOption")
        assert option is not None
        for name, value in changes.items():
            part = option[0] if name in ("Start", "Duration") else option if name == "Price" else other
            part.set(name.replace("_", "-"), value)
        return dso.judge(other, now)

    assert spoilt(Price="12.3500") == ["Price is not valid for the currency"]
    assert spoilt(Duration="3") == ["None of the requested ISPs is mentioned"]
    assert spoilt(ConversationID=PROGNOSIS) == ["Unknown reference FlexRequestMessageID"]
    assert spoilt(D_PrognosisMessageID=PROGNOSIS) == ["Unknown reference D-PrognosisMessageID"]
    assert spoilt(ExpirationDateTime="2026-03-30T00:00:00Z") == ["ExpirationDateTime out of bounds"]
    late = now + timedelta(days=1)
    assert "Reference message expired" in dso.judge(offer, late)


def test_one_element_has_the_same_power_throughout_for_the_least_that_is_given_up() -> None:
    volume = -np.array([5.0, 4.0, 3.0, 3.0, 0.0, 9.0, 8.0, 2.0])
    kept = with_one_whole_element(volume, ((0, 4), (5, 3)))
    assert kept.tolist() == [-3.0, -3.0, -3.0, -3.0, 0.0, -9.0, -8.0, -2.0]
    assert with_one_whole_element(volume, ((2, 2), (5, 3))).tolist() == volume.tolist()  # one is constant already
    assert with_one_whole_element(volume, ((3, 2),)).tolist() == volume.tolist()  # nothing of it would be left
    assert with_one_whole_element(volume, ()).tolist() == volume.tolist()


class Uneven:
    """Offers what a battery that runs empty could, made fit as the pricing does it."""

    at_once = 1

    def price_together(self, requests: Sequence[FlexRequest]) -> list[Quote | NoOffer | Exception]:
        return [self.price(request) for request in requests]

    def price(self, request: FlexRequest) -> Quote:
        volume = np.zeros(request.period.isp_count)
        volume[39:43] = [-30.0, -30.0, -20.0, -5.0]
        volume = with_one_whole_element(volume, tuple((first - 1, count) for first, count in request.spans))
        power = tuple(round(1000 * kw) if 39 <= at < 43 else None for at, kw in enumerate(volume.tolist()))
        option = OfferOption(reference="1", power_w=power, price=Decimal("5.00"))
        return Quote(
            options=(option,), baseline_w=(20_000,) * request.period.isp_count, prognosis_message_id=PROGNOSIS, plan=1,
            costs=(),
        )  # fmt: skip


def test_an_uneven_volume_is_offered_so_that_it_is_accepted(world: TradingWorld) -> None:
    world.offering = Offering(world.store, world.settings, world.clock, world.participants, Uneven())
    dso = JavaDso()
    assert dso.judge(offered(world, dso, ONE), world.clock.now()) == []
    assert [run.power_w for run in runs_of((None,) * 39 + (-1,) * 4, ((40, 4),))] == [-1]
