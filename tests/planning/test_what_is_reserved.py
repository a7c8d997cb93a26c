"""What of a contract must stay deliverable, and what earns its fee: after orders, and where nothing can be called."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.flexibility import FlexOrder, Obligation
from agr.domain.kinds.battery import Battery
from agr.domain.register import Contract
from agr.domain.reserved import after_orders
from agr.planning.case import Inputs, Previous, build
from agr.planning.case_audit import audit_case
from models.audit import audit
from models.method import Method, solve
from tests.builders.case_inputs import FIRST, PERIOD, inputs

ISPS = PERIOD.isp_count
EVENING = range(68, 80)
CONTRACT = Contract(
    contract="FO", dso="dso.example", congestion_point="p", first_day=FIRST, last_day=date(2026, 12, 31),
    window_start=time(17), window_end=time(20), power_w=-4_000, availability_eur_per_mw_h=25.0,
    penalty_eur_per_mwh=2_000.0,
)  # fmt: skip
BATTERY = Battery(
    resource="battery", connection="a", charge_kw=10, discharge_kw=10, capacity_kwh=40, initial_kwh=20, end_kwh=20
)
EMPTY = replace(BATTERY, charge_kw=0, initial_kwh=0, end_kwh=0)
REGISTER = inputs(contracts=(CONTRACT,)).register
FEE_EUR = 25.0 * 0.004 * 3


def order(powers: dict[int, int], contract: str | None = "FO", **more: Any) -> Obligation:
    now = datetime(2026, 1, 14, 12, tzinfo=UTC)
    made = FlexOrder(
        message_id="m", conversation_id="c", dso="dso.example", congestion_point="p", period=PERIOD,
        offer_message_id="o", order_reference=f"{powers} {contract}", option_reference="1",
        activation_factor=Decimal(1), power_w=tuple(powers.get(isp, 0) for isp in range(ISPS)), price=Decimal(1),
        currency="EUR", stamped_at=now, received_at=now, contract_id=contract,
    )  # fmt: skip
    return Obligation(order=made, baseline_w=(0,) * ISPS, **more)  # type: ignore[arg-type]


def world(**more: Any) -> Inputs:
    return inputs(contracts=(CONTRACT,), resources=(BATTERY,), order_shortfall_eur_per_mwh=5_000.0, **more)


@given(
    st.lists(st.integers(-9, 9), min_size=ISPS, max_size=ISPS),
    st.lists(st.tuples(st.lists(st.integers(-9, 9), min_size=ISPS, max_size=ISPS), st.booleans()), max_size=3),
)
@settings(max_examples=25, deadline=None)
def test_of_every_kw_reserved_one_is_callable_or_ordered(
    reserved: list[int], orders: list[tuple[list[int], bool]]
) -> None:  # fmt: skip
    """Counted kW by kW: each kW of an order in the direction of the reservation takes one that is still there."""
    found = after_orders(
        "FO", reserved, [order(dict(enumerate(powers)), "FO" if mine else "other") for powers, mine in orders]
    )
    for isp in range(ISPS):
        kws = abs(reserved[isp])
        for powers, mine in orders:
            for _ in range(abs(powers[isp]) if mine and powers[isp] * reserved[isp] > 0 else 0):
                kws = max(kws - 1, 0)
        assert abs(found.callable_w[isp]) == kws
        assert found.callable_w[isp] + found.ordered_w[isp] == reserved[isp]


@pytest.mark.parametrize("method", [Method.REFERENCE, Method.DECOMPOSITION])
@pytest.mark.parametrize(
    ("more", "held_kw"),
    [
        ({}, -4.0),
        ({"orders": (order(dict.fromkeys(EVENING, -3_000)),)}, -1.0),
        ({"orders": (order(dict.fromkeys(EVENING, -9_000)),)}, 0.0),
        ({"orders": (order(dict.fromkeys(EVENING, -3_000), None),)}, -4.0),
        ({"orders": (order(dict.fromkeys(EVENING, 3_000)),)}, -4.0),
    ],
)
def test_what_is_ordered_earns_the_fee_and_need_not_be_callable(method: Method, more: dict, held_kw: float) -> None:
    named = build(world(**more))
    np.testing.assert_allclose(named.case.reservations.reserved_kw[0, EVENING], held_kw)
    assert audit_case(world(**more), named) == ()
    outcome = solve(named.case, method=method, relative_gap=1e-3, time_limit_s=60)
    assert audit(named.case, outcome) == ()
    assert outcome.terms_eur["availability"] == pytest.approx(FEE_EUR)


def test_what_a_dso_released_earns_no_fee_though_it_had_ordered_it() -> None:
    found = build(world(reserved_w={"FO": (0,) * ISPS}, orders=(order(dict.fromkeys(EVENING, -3_000)),)))
    assert found.case.reservations.name == ()


@pytest.mark.parametrize(
    "more", [{"closed_isps": 76}, {"frozen_points": frozenset({"p"}), "uncallable_points": frozenset({"p"})}]
)
def test_what_can_no_longer_be_called_is_no_promise_at_risk(more: dict) -> None:
    """The battery has nothing left to give in the evening: while it could be called, that is a shortfall."""
    kept = Previous(programs_kw={"battery": np.zeros(ISPS)})
    asked = replace(world(previous=kept, closed_isps=68), register=replace(REGISTER, resources=(EMPTY,)))
    before = solve(build(asked).case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=60)
    np.testing.assert_allclose(before.reservation_shortfall_kw[0, EVENING], 4.0)
    now = replace(asked, **more)
    named = build(now)
    over = ISPS if "frozen_points" in more else 76
    assert not named.case.reservations.reserved_kw[0, :over].any()
    np.testing.assert_allclose(named.case.reservations.reserved_kw[0, over:80], -4.0)
    assert audit_case(now, named) == ()
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=60)
    assert outcome.reservation_shortfall_kw[0, :over].max() == 0
    assert outcome.terms_eur["availability"] == pytest.approx(FEE_EUR)


@pytest.mark.parametrize(
    "wrong",
    [
        {"orders": ()},
        {"orders": (order(dict.fromkeys(EVENING, -2_000)),)},
        {"closed_isps": 70},
        {"uncallable_points": frozenset({"p"})},
        {"orders": (order(dict.fromkeys(EVENING, -3_000), None),)},
    ],
)
def test_the_audit_finds_whatever_else_is_reserved(wrong: dict) -> None:
    right = world(orders=(order(dict.fromkeys(EVENING, -3_000)),))
    assert audit_case(right, build(right)) == ()
    assert any("contract FO" in words for words in audit_case(right, build(replace(right, **wrong))))
    held = build(right)
    unpaid = replace(held.case.reservations, fee_only_kw=np.zeros((1, ISPS)))
    found = audit_case(right, replace(held, case=replace(held.case, reservations=unpaid)))
    assert any("contract FO" in words and "fee_only_kw" in words for words in found)
