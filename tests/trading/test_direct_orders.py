"""A DSO orders what a contract reserves, without an offer, where that is agreed."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.plan import ReasonKind
from agr.messaging.process import Processor
from agr.store import day, flex_orders, plans, register
from agr.store.plans import Sent
from agr.trading import handlers
from agr.trading.offering import Offering
from tests.builders.trading_day import BASELINE_W, CONTRACT, POINT, PROGNOSIS, TradingWorld, at
from tests.builders.worlds import OTHER_POINT, PERIOD

EVENING = '<ISP Power="-40000" Start="70" Duration="4"/>'
PRICE = "12.00"  # 300 EUR/MWh of 40 kWh


class Agreed(TradingWorld):
    """A world in which the DSO may order directly, at 300 EUR/MWh, and has accepted a D-Prognosis."""

    def __init__(self, folder: Path, *, accepted: bool = True) -> None:
        super().__init__(folder)
        cro, dso = self.settings.participants
        agreed = dso.model_copy(update={"direct_orders": True})
        self.settings = self.settings.model_copy(update={"participants": (cro, agreed)})
        self.processor = Processor(self.store, self.settings, self.clock, self.participants, handlers.ALL)
        self.offering = Offering(self.store, self.settings, self.clock, self.participants, self.pricer)
        with self.store.transaction() as tx:
            known = register.load(tx)
            (contract,) = known.contracts
            register.replace(tx, replace(known, contracts=(replace(contract, price_eur_per_mwh=300.0),)))
            sent = Sent(
                congestion_point=POINT, dso="dso.example", revision=1, plan=1, message_id=PROGNOSIS,
                power_w=(BASELINE_W,) * PERIOD.isp_count, at=self.clock.now(), state="sent", reason=None,
            )  # fmt: skip
            plans.put_prognosis(tx, PERIOD.day, sent)
            if accepted:
                plans.answer_prognosis(tx, PROGNOSIS, "accepted", None)

    def direct(self, isps: str = EVENING, **more: str) -> str:
        values = {
            "ISP_Duration": "PT15M", "TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "CongestionPoint": POINT,
            "Unsolicited": "true", "ContractID": CONTRACT, "Price": PRICE, "Currency": "EUR", "OrderReference": "d-1",
            "D_PrognosisMessageID": PROGNOSIS,
        } | more  # fmt: skip
        return self.dso.message("FlexOrder", isps, **{k: v for k, v in values.items() if v})

    def triggers(self) -> list[str]:
        with self.store.reading() as tx:
            return [t.reason.text for t in day.open_triggers(tx) if t.reason.kind is ReasonKind.ORDER]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Agreed]:
    made = Agreed(tmp_path)
    yield made
    made.store.close()


def test_a_direct_order_binds_at_once_against_the_accepted_prognosis(world: Agreed) -> None:
    world.tell(world.direct())
    assert world.verdict() == ("Accepted", None)
    (stored,) = world.orders()
    assert (stored.state, stored.order.direct, stored.order.contract_id) == (OrderState.ACCEPTED, True, CONTRACT)
    assert stored.obligation.program_w[68:74] == (20_000, *(-20_000,) * 4, 20_000)
    assert len(world.triggers()) == 1


@pytest.mark.parametrize(
    ("isps", "more", "reason"),
    [
        (EVENING, {"ContractID": ""}, "Unknown ContractID"),
        (EVENING, {"ContractID": "FO-9"}, "Unknown ContractID"),
        (EVENING, {"CongestionPoint": OTHER_POINT}, "ContractID does not cover this CongestionPoint"),
        (EVENING, {"Price": "11.98"}, "Price mismatch"),
        (EVENING, {"Currency": "SEK"}, "Price mismatch"),
        (EVENING, {"D_PrognosisMessageID": str(uuid.uuid4())}, "Reference D-Prognosis mismatch"),
        ('<ISP Power="40000" Start="70" Duration="4"/>', {}, "Power value rejection"),
        ('<ISP Power="-100001" Start="70"/>', {"Price": "7.50"}, "Power value rejection"),
        ('<ISP Power="0" Start="70" Duration="4"/>', {"Price": "0.00"}, "Power value rejection"),
        ('<ISP Power="-40000" Start="90" Duration="4"/>', {}, "ISPs out of bounds"),
    ],
)
def test_a_bad_direct_order_is_rejected_with_the_reason(
    world: Agreed, isps: str, more: dict[str, str], reason: str
) -> None:
    world.tell(world.direct(isps, **more))
    result, why = world.verdict()
    assert result == "Rejected"
    assert reason in str(why).split("; ")
    assert world.orders() == []


def test_what_is_released_or_ordered_already_cannot_be_ordered_again(world: Agreed) -> None:
    world.tell(world.dso.update('<ISP Power="-50000" Start="1" Duration="92"/>'))
    world.replies()
    world.tell(world.direct())
    assert world.verdict() == ("Accepted", None)
    world.tell(world.direct('<ISP Power="-20000" Start="70" Duration="4"/>', Price="6.00", OrderReference="d-2"))
    assert world.verdict() == ("Rejected", "Power value rejection")
    world.tell(world.direct('<ISP Power="-10000" Start="70" Duration="4"/>', Price="3.00", OrderReference="d-2"))
    assert world.verdict() == ("Accepted", None)
    world.tell(world.direct('<ISP Power="-10000" Start="80"/>', Price="0.75", OrderReference="d-2"))
    assert world.verdict() == ("Rejected", "OrderReference already used")


def test_without_an_accepted_prognosis_there_is_no_baseline(tmp_path: Path) -> None:
    world = Agreed(tmp_path, accepted=False)
    world.tell(world.direct(D_PrognosisMessageID=""))
    assert world.verdict() == ("Rejected", "No baseline")
    world.store.close()


def test_a_direct_order_comes_an_hour_before_its_first_isp_at_the_latest(world: Agreed) -> None:
    world.clock.jump_to(PERIOD.isp_start(70) - timedelta(minutes=59))
    world.tell(world.direct())
    assert world.verdict() == ("Rejected", "Deadline expired")
    world.tell(world.direct('<ISP Power="-40000" Start="75" Duration="4"/>'))
    assert world.verdict() == ("Accepted", None)


def test_an_open_offer_gives_way_to_a_direct_order(world: Agreed) -> None:
    offer = world.offered()
    world.answer(offer)
    world.clock.jump_to(at("06:05:00"))
    world.tell(world.direct())
    assert world.verdict() == ("Accepted", None)
    world.trade()
    (revocation,) = world.replies()
    assert revocation.tag == "FlexOfferRevocation"
    assert world.offers()[0].state is OfferState.REVOKING
    before = len(world.triggers())
    world.answer(revocation)
    assert world.offers()[0].state is OfferState.REVOKED
    assert len(world.triggers()) == before + 1  # its place is free now


def test_an_offer_made_after_the_order_stays(world: Agreed) -> None:
    world.tell(world.direct())
    world.replies()
    world.clock.jump_to(at("06:05:00"))
    world.answer(world.offered())
    world.trade()
    assert world.offers()[0].state is OfferState.OPEN
    with world.store.reading() as tx:
        assert len(flex_orders.of_period(tx, PERIOD)) == 1
