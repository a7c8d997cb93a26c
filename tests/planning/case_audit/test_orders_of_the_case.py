"""The audit of a case computes again what orders bind programs to, from baseline and deviation."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from agr.domain.flexibility import FlexOrder, Obligation
from agr.domain.obligations import in_turn
from agr.planning.case import build
from agr.planning.case.orders import orders_of
from agr.planning.case_audit import audit_case
from models.case import Orders, no_orders
from tests.builders.case_inputs import inputs


def obligation(facts, **values):
    period, isps = facts.period, facts.period.isp_count
    power = [-5_000 if 70 <= isp < 74 else 2_000 if isp == 80 else 0 for isp in range(isps)]
    order = FlexOrder(
        message_id="m", conversation_id="c", dso="dso.example", congestion_point=facts.portfolio.points[0].address,
        period=period, offer_message_id="o", order_reference="7", option_reference="all",
        activation_factor=Decimal(1), power_w=tuple(power), price=Decimal(3), currency="EUR",
        stamped_at=period.start, received_at=period.start,
    )  # fmt: skip
    return Obligation(order=replace(order, **values), baseline_w=(20_000,) * isps)


@pytest.fixture
def facts():
    plain = inputs()
    return replace(plain, orders=(obligation(plain),), order_shortfall_eur_per_mwh=5000.0)


def test_orders_are_bounds_in_their_isps_only(facts):
    orders = build(facts).case.orders
    assert orders.name == ("7 of dso.example",)
    np.testing.assert_allclose(orders.most_kw[0, 70:74], 15.0, atol=5e-4)
    assert orders.least_kw[0, 80] == pytest.approx(22.0, abs=5e-4)
    assert np.isfinite(orders.most_kw).sum() == 4
    assert np.isfinite(orders.least_kw).sum() == 1
    assert audit_case(facts, build(facts)) == ()


def test_not_to_deliver_is_dearer_than_any_imbalance_it_could_save(facts):
    case = build(facts).case
    dear = max(case.imbalance.short_eur_per_mwh.max(), case.imbalance.long_eur_per_mwh.max())
    assert case.orders.penalty_eur_per_mwh[0] == max(5000.0, 3 * dear)
    cheap = orders_of(facts.orders, {case.points[0]: 0}, case.isps, 1.0, case.imbalance)
    assert cheap.penalty_eur_per_mwh[0] == 3 * dear


@pytest.mark.parametrize("field", ["most_kw", "least_kw", "penalty_eur_per_mwh", "price_eur"])
def test_a_wrong_bound_or_price_is_found(facts, field):
    named = build(facts)
    wrong = replace(named.case.orders, **{field: getattr(named.case.orders, field) * 0.9})
    found = audit_case(facts, replace(named, case=replace(named.case, orders=wrong)))
    assert any(field in finding and "order 7 of dso.example" in finding for finding in found)


def test_an_order_that_is_missing_or_not_ours_is_found(facts):
    named = build(facts)
    assert isinstance(named.case.orders, Orders)
    lost = audit_case(facts, replace(named, case=replace(named.case, orders=no_orders())))
    assert any("has 0 orders, 1 bind" in finding for finding in lost)
    elsewhere = replace(facts, orders=(obligation(facts, congestion_point="ea1.2024-01.example:none"),))
    assert build(elsewhere).case.orders.name == ()


@pytest.mark.parametrize("named_kw", [20, 15])
def test_an_order_of_the_other_direction_takes_back_what_lies_between_in_case_and_audit(facts, named_kw):
    """Of 20 kW 5 less, then 1 more: 16 kW, whichever of both programs the second order names; the third ends both."""
    plain = inputs()
    isps = plain.period.isp_count
    more = tuple(1_000 if 70 <= isp < 74 else 0 for isp in range(isps))
    second = replace(obligation(plain, order_reference="8", power_w=more), baseline_w=(1000 * named_kw,) * isps)
    less = tuple(-9_000 if isp == 71 else 0 for isp in range(isps))
    third = replace(obligation(plain, order_reference="9", power_w=less), baseline_w=(16_000,) * isps)
    both = replace(facts, orders=in_turn([*facts.orders, second, third]))
    orders = build(both).case.orders
    np.testing.assert_allclose(orders.most_kw[:, 70], [16.0, np.inf, np.inf], atol=5e-4)
    np.testing.assert_allclose(orders.least_kw[:, 70], [-np.inf, 16.0, -np.inf], atol=5e-4)
    np.testing.assert_allclose(orders.most_kw[:, 71], [16.0, np.inf, 7.0], atol=5e-4)
    assert np.isneginf(orders.least_kw[:, 71]).all()
    assert audit_case(both, build(both)) == ()
    alone = replace(both, orders=(*facts.orders, second, third))  # each judged alone: 15 at most and more at least
    assert any("kw" in finding for finding in audit_case(both, build(alone)))
