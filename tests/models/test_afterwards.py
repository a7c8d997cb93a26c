"""What a store holds at a Period's end is worth what it saves of the least cost of all that follows, by HiGHS."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from models.resources.storage.afterwards import LEVELS, Afterwards, worth_afterwards

HOURS = 0.25


def store(isps, **more: Any) -> Afterwards:
    values: dict[str, Any] = {
        "charge_kw": np.full(isps, 4.0), "discharge_kw": np.full(isps, 4.0), "charge_efficiency": np.ones(isps),
        "demand_kwh": np.zeros(isps), "low_kwh": np.zeros(isps), "high_kwh": np.full(isps, 10.0),
        "discharge_efficiency": 1.0, "retention": 1.0, "wear_eur_per_kwh": 0.0, "end_value_eur_per_kwh": 0.0,
        "shortfall_eur_per_kwh": 10.0,
    }  # fmt: skip
    return Afterwards(**(values | more))


def worth_eur(found, energy):
    first, changes, begins = found
    return first * energy + sum(d * max(energy - e, 0.0) for d, e in zip(changes, begins, strict=True))


def least_cost(one, price, held):
    """Return the least cost; columns per ISP: kW in, kW out, content, missing and too much energy."""
    isps, same = len(price), np.eye(len(price))
    rows = np.hstack([
        -HOURS * same * one.charge_efficiency, HOURS / one.discharge_efficiency * same,
        same - one.retention * np.eye(isps, k=-1), -same, same,
    ])  # fmt: skip
    due = -one.demand_kwh
    due[0] += one.retention * held
    both = (one.charge_kw > 0) & (one.discharge_kw > 0)
    shared = np.zeros((isps, 5 * isps))
    for t in np.flatnonzero(both):
        shared[t, t], shared[t, isps + t] = 1 / one.charge_kw[t], 1 / one.discharge_kw[t]
    cost = np.concatenate([
        HOURS * (one.wear_eur_per_kwh + price), HOURS * (one.wear_eur_per_kwh - price), np.zeros(isps),
        np.full(2 * isps, one.shortfall_eur_per_kwh),
    ])  # fmt: skip
    cost[3 * isps - 1] -= one.end_value_eur_per_kwh
    low = np.concatenate([np.zeros(2 * isps), one.low_kwh, np.zeros(2 * isps)])
    high = np.concatenate([one.charge_kw, one.discharge_kw, one.high_kwh, np.full(2 * isps, np.inf)])
    found = linprog(cost, shared, np.ones(isps), rows, due, np.column_stack([low, high]))
    assert found.success, found.message
    return found.fun


@st.composite
def stores(draw):
    isps = draw(st.integers(1, 24))
    there = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 1.0]), min_size=isps, max_size=isps)))
    high = draw(st.sampled_from([1.0, 4.0, 12.0]))
    low = np.full(isps, draw(st.sampled_from([0.0, 0.2])) * high)
    low[-1] = max(low[-1], draw(st.sampled_from([0.0, 0.6])) * high)
    need = draw(st.sampled_from([0.0, 0.3, 2.0]))
    one = store(
        isps, charge_kw=draw(st.sampled_from([0.0, 2.0, 7.0])) * there,
        discharge_kw=draw(st.sampled_from([0.0, 3.0])) * np.ones(isps),
        charge_efficiency=np.full(isps, draw(st.sampled_from([1.0, 0.9, 3.0]))), demand_kwh=need * there,
        low_kwh=low, high_kwh=np.full(isps, high), discharge_efficiency=draw(st.sampled_from([1.0, 0.9])),
        retention=draw(st.sampled_from([1.0, 0.99, 0.7])), wear_eur_per_kwh=draw(st.sampled_from([0.0, 0.02])),
        end_value_eur_per_kwh=draw(st.sampled_from([0.0, 0.05])),
        shortfall_eur_per_kwh=draw(st.sampled_from([0.1, 10.0])),
    )  # fmt: skip
    return one, np.array(draw(st.lists(st.integers(-5, 30), min_size=isps, max_size=isps))) / 100


@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(stores())
def test_worth_is_what_highs_finds_wherever_it_changes(drawn):
    one, price = drawn
    high = one.high_kwh[0]
    found = worth_afterwards(one, price, HOURS, 0.0, high)
    free = least_cost(one, price, 0.0)
    for energy in (*found[2].tolist(), high):
        assert worth_eur(found, energy) == pytest.approx(free - least_cost(one, price, energy), abs=1e-7)
    assert (found[1] <= 0).all()
    assert len(found[1]) < LEVELS


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.floats(-0.05, 0.3), min_size=92, max_size=100), st.sampled_from([0.0, 2.0]))
def test_what_is_joined_never_counts_more_than_it_is_worth(quarters, need):
    """A day of 92 to 100 different prices, of which a battery of 10 h can use more than there are levels."""
    price = np.array(quarters)
    one = store(len(price), charge_kw=np.full(len(price), 1.0), demand_kwh=np.full(len(price), need / 96))
    found = worth_afterwards(one, price, HOURS, 0.0, 10.0)
    free = least_cost(one, price, 0.0)
    for energy in np.linspace(0.0, 10.0, 9).tolist():
        due = free - least_cost(one, price, energy)
        assert worth_eur(found, energy) <= due + 1e-7
        assert worth_eur(found, energy) >= 0.97 * due - 0.02


def test_by_hand():
    # A kWh an ISP. Empty, it buys two kWh for 5 c each and earns 50 c. With 4 kWh it sells one in each ISP: 60 c.
    first, changes, begins = worth_afterwards(store(4), np.array([0.05, 0.30, 0.05, 0.20]), HOURS, 0.0, 10.0)
    # So each of four saves 5 c, bought or sold, and more than that cannot be sold.
    assert first == pytest.approx(0.05)
    np.testing.assert_allclose(changes, [-0.05])
    np.testing.assert_allclose(begins, [4.0])


def test_by_hand_with_a_need_and_losses():
    # A pump of COP 2 gives 2 kWh of heat an ISP; 3 are needed in the second.
    one = replace(
        store(2), discharge_kw=np.zeros(2), charge_efficiency=np.full(2, 2.0), demand_kwh=np.array([0.0, 3.0])
    )
    first, changes, begins = worth_afterwards(one, np.array([0.08, 0.30]), HOURS, 0.0, 10.0)
    # Empty, it makes 2 kWh in the first for 4 c each, and the third in the second for 15 c. The first kWh that is held
    # saves that, the next two save 4 c.
    assert first == pytest.approx(0.15)
    np.testing.assert_allclose(changes, [-0.11, -0.04])
    np.testing.assert_allclose(begins, [1.0, 3.0])


def test_what_nobody_can_bring_is_worth_its_shortfall():
    # No power: 0.5 kWh are needed in each of two ISPs, half of what is held is lost in each.
    one = store(2, charge_kw=np.zeros(2), discharge_kw=np.zeros(2), demand_kwh=np.full(2, 0.5), retention=0.5)
    first, changes, begins = worth_afterwards(one, np.zeros(2), HOURS, 0.0, 10.0)
    # 1 kWh covers the first need: 5 EUR a kWh; 2 more the second one: 2.50 EUR.
    assert first == pytest.approx(5.0)
    np.testing.assert_allclose(changes, [-2.5, -2.5])
    np.testing.assert_allclose(begins, [1.0, 3.0])
