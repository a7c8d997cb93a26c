"""An operator proposes an offer that no DSO has asked for; it is priced, sent, and ordered like any other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.flexibility_states import OfferState, RequestState
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.flex_offers import OfferActions, trading_day
from agr.store import audit_log
from agr.trading.offering import Offering
from tests.builders.trading_day import POINT, PROGNOSIS, TradingWorld, at
from tests.builders.worlds import PERIOD

ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")


def agreed(folder: Path, version: str = "3.1.0") -> TradingWorld:
    world = TradingWorld(folder)
    cro, dso = world.settings.participants
    takes = dso.model_copy(update={"unsolicited_offers": True, "version": version})
    world.settings = world.settings.model_copy(update={"participants": (cro, takes)})
    world.offering = Offering(world.store, world.settings, world.clock, world.participants, world.pricer)
    return world


def actions(world: TradingWorld) -> OfferActions:
    return OfferActions(world.store, world.settings, world.clock, lambda: None, world.offering)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TradingWorld]:
    made = agreed(tmp_path)
    yield made
    made.store.close()


def test_a_proposed_offer_names_its_prognosis_and_is_ordered_like_any_other(world: TradingWorld) -> None:
    done = actions(world).propose(ANNA, POINT, PERIOD.day, 40, 4, -30_000, "the DSO called")
    assert "leaves by itself" in done.text
    world.trade()
    (offer,) = world.replies()
    assert (offer.tag, offer.get("Unsolicited"), offer.get("FlexRequestMessageID")) == ("FlexOffer", "true", None)
    assert offer.get("D-PrognosisMessageID") == PROGNOSIS
    world.answer(offer)
    world.tell(world.order(offer))
    assert world.verdict() == ("Accepted", None)
    assert world.offers()[0].state is OfferState.ORDERED
    (wish,) = world.pricer.seen
    assert (wish.unsolicited, [isp.isp for isp in wish.requested]) == (True, [40, 41, 42, 43])
    with world.store.reading() as tx:
        assert next(one.action for one in audit_log.entries(tx)) == "propose offer"
        found = trading_day(tx, PERIOD)
        assert found.offers_of(found.requests[0]) == found.offers


def test_a_wish_supersedes_no_request_of_the_dso_and_no_revision_counts_against_it(world: TradingWorld) -> None:
    world.tell(world.request(Revision="1"))
    assert world.verdict() == ("Accepted", None)
    actions(world).propose(ANNA, POINT, PERIOD.day, 60, 4, 10_000, "more sun than expected")
    assert {stored.state for stored in world.requests()} == {RequestState.ACCEPTED}
    world.tell(world.request(Revision="1"))
    assert world.verdict() == ("Accepted", None)
    states = {(one.request.unsolicited, one.state) for one in world.requests()}
    assert states == {
        (True, RequestState.ACCEPTED), (False, RequestState.ACCEPTED), (False, RequestState.SUPERSEDED),
    }  # fmt: skip


def test_nothing_is_proposed_to_a_dso_that_takes_no_such_offers(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path)
    with pytest.raises(ConflictError, match="takes no offers that it has not asked for"):
        actions(world).propose(ANNA, POINT, PERIOD.day, 40, 4, -30_000, "the DSO called")
    assert world.requests() == []
    world.store.close()


@pytest.mark.parametrize(
    ("point", "first", "count", "power_w", "fault", "words"),
    [
        (POINT, 90, 4, -1000, InputError, "are not all in"),
        (POINT, 40, 4, 0, InputError, "0 W is not an offer"),
        ("ea1.2024-01.example.dso:p9", 40, 4, -1000, MissingError, "not a congestion point of ours"),
    ],
)
def test_what_cannot_be_proposed_is_said(
    world: TradingWorld, point: str, first: int, count: int, power_w: int, fault: type[Exception], words: str
) -> None:
    with pytest.raises(fault, match=words):
        actions(world).propose(ANNA, point, PERIOD.day, first, count, power_w, "a test")
    world.clock.jump_to(at("22:30:00"))
    with pytest.raises(ConflictError, match="begins too soon"):
        actions(world).propose(ANNA, POINT, PERIOD.day, 1, 4, -1000, "too late")


def test_version_3_0_0_has_no_flag_for_it(tmp_path: Path) -> None:
    world = agreed(tmp_path)
    world.participants.learn("dso.example", "DSO", version="3.0.0")
    actions(world).propose(ANNA, POINT, PERIOD.day, 40, 4, -30_000, "the DSO called")
    world.trade()
    (offer,) = world.replies()
    assert (offer.get("Version"), offer.get("Unsolicited"), offer.get("D-PrognosisMessageID")) == (
        "3.0.0", None, PROGNOSIS,
    )  # fmt: skip
    world.store.close()
