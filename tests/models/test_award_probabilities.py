"""Bids by probability: what free ones may earn is an expectation of its own, and awarded ones are money."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.audit.payers import payers
from models.audit.protocols import Payer
from models.decomposition.solve import solve as decompose
from models.errors import CaseError
from tests.models.builders import make, storage
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reserve
from tests.models.oracle import best_value
from tests.models.solved import solved

ISPS = 8


def case(award, *, price=(6.0, 6.0), committed=NAN):
    """A battery that can hold 4 kW up in two blocks, which costs what it cannot then sell in the dear ISPs."""
    battery = storage(
        ISPS, charge_kw=4.0, discharge_kw=4.0, high=10.0, start=5.0, wear=0.001, reserve_kw=4.0,
        low=np.append(np.zeros(ISPS - 1), 5.0),
    )  # fmt: skip
    product = reserve(ISPS, price, name="up", block=np.arange(ISPS) // 4, committed_mw=committed, award=award)
    prices = [60, 60, 60, 60, 60, 900, 60, 60]
    return make(ISPS, battery, hours=1.0, price=prices, reserves=(product,))


@pytest.mark.parametrize("award", [(0.9, 0.9), (1.0, 0.2), (0.05, 0.0)])
def test_reference_decomposition_and_oracle_agree_on_what_may_be_expected(award):
    one = case(award)
    exact = solved(one)
    assert exact.objective_eur == pytest.approx(best_value(one), abs=1e-6)
    other = decompose(one, relative_gap=1e-4)
    assert audit(one, other) == ()
    assert other.objective_eur <= exact.objective_eur + 1e-6
    assert other.bound_eur >= exact.objective_eur - 1e-6


def test_a_bid_earns_its_price_times_its_probability_until_it_is_awarded():
    free = solved(case((0.5, 0.5), price=(60.0, 60.0)))
    bid = free.bids_mw[0]
    assert bid[0] > 0
    assert free.terms_eur["expected capacity up"] == pytest.approx(0.5 * 60.0 * bid.sum())
    assert free.terms_eur["capacity up"] == 0.0
    one = case((0.5, 0.5), price=(60.0, 60.0), committed=(float(bid[0]), 0.0))
    awarded = solved(one)
    assert awarded.terms_eur["capacity up"] == pytest.approx(60.0 * bid[0])
    assert awarded.terms_eur["expected capacity up"] == 0.0
    assert (payers(one)["capacity up"], payers(one)["expected capacity up"]) == (Payer.COUNTERPARTY, Payer.NOBODY)


def test_an_expectation_that_does_not_cover_what_holding_costs_is_not_bid_for():
    """4 kW earn 8 EUR in the block with the dear ISP, and would sell for 3.6 there."""
    certain, unlikely = (solved(case(award, price=(6.0, 2000.0))) for award in ((1.0, 1.0), (1.0, 0.2)))
    assert certain.bids_mw[0][1] > 0.0 == unlikely.bids_mw[0][1]


def test_certain_awards_earn_what_bids_without_a_model_do():
    given, none = (solved(case(award)) for award in ((1.0, 1.0), ()))
    assert given.objective_eur == pytest.approx(none.objective_eur, abs=1e-9)
    assert "expected capacity up" not in none.terms_eur


@pytest.mark.parametrize("award", [(0.5,), (0.5, 1.5), (0.5, -0.1), (0.5, NAN)])
def test_probabilities_that_are_none_are_refused(award):
    with pytest.raises(CaseError, match="award_probability: must be nothing, or 2 numbers from 0 to 1"):
        case(award)


def test_the_audit_sees_an_expectation_that_is_stated_as_money():
    one = case((0.5, 0.5), price=(60.0, 60.0))
    outcome = solved(one)
    eur = outcome.terms_eur["expected capacity up"]
    moved = replace(outcome, terms_eur=outcome.terms_eur | {"expected capacity up": 0.0, "capacity up": eur})
    assert any("capacity up" in finding for finding in audit(one, moved))
