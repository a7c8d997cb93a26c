"""Units that stand for many: at any prices they can do whatever their members can, at no higher cost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.case import Direction
from models.reference.reserve_only import state_reserve
from models.resources.storage.together import together
from models.solver import solve_mixed
from tests.models.builders import joined, make, storage
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reserve

ISPS = 4


def least_cost(case, price):
    """The least cost of energy at a price per ISP, EUR/kWh, less what reserve earns."""
    stated = state_reserve(case)
    cost = stated.matrix.cost.copy()
    for columns, flow in stated.planned:
        np.add.at(cost, columns, price[flow.isp] * flow.kw_per_unit * case.isp_hours)
    run = solve_mixed(
        replace(stated.matrix, cost=cost), start=np.zeros(0), absolute_gap=1e-9, time_limit_s=600, threads=1
    )
    return run.objective


def least_costs(stores, products, price):
    """The least cost of the stores, and of one that stands for all of them."""
    case = make(ISPS, *stores, reserves=tuple(products))
    group = np.arange(len(stores))
    one = replace(case, storage=together(case, [group], np.zeros(1, dtype=np.int64)))
    return least_cost(case, price), least_cost(one, price)


@pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN])
def test_a_store_that_misses_its_band_takes_no_reserve_from_those_beside_it(direction):
    """100 kW are sold for 100,000 EUR, although the other store is 50 kWh below or above what it must hold."""
    able = storage(ISPS, charge_kw=100.0, discharge_kw=100.0, high=1000.0, start=400.0, reserve_kw=100.0)
    stuck = {
        Direction.UP: storage(ISPS, charge_kw=1.0, low=[0.0, 900.0, 900.0, 900.0], high=1000.0, start=0.0),
        Direction.DOWN: storage(ISPS, discharge_kw=1.0, high=[3000.0, 100.0, 100.0, 100.0], start=3000.0),
    }[direction]
    product = reserve(ISPS, 1e6, direction=direction, sustain_h=1.0, step_mw=0.1)
    own, together_ = least_costs([able, stuck], [product], np.zeros(ISPS))
    alone, _ = least_costs([able], [product], np.zeros(ISPS))
    missed, _ = least_costs([stuck], [product], np.zeros(ISPS))
    assert alone == pytest.approx(-1e5)
    assert own == pytest.approx(alone + missed)
    assert together_ <= own + 1e-6


powers = st.sampled_from([0.0, 5.0, 10.0, 40.0])
energies = st.sampled_from([0.0, 5.0, 10.0, 20.0, 40.0, 80.0])


@st.composite
def stores(draw):
    high = np.array([draw(st.sampled_from([40.0, 60.0, 80.0])) for _ in range(ISPS)])
    low = np.minimum(np.array([draw(energies) for _ in range(ISPS)]), high)
    charge, discharge = draw(powers), draw(powers)
    pins = [draw(st.sampled_from([NAN, NAN, NAN, charge, -discharge, 0.0])) for _ in range(ISPS)]
    return storage(
        ISPS,
        charge_kw=charge,
        discharge_kw=discharge,
        eta_c=draw(st.sampled_from([0.9, 1.0, 3.0])),
        eta_d=draw(st.sampled_from([0.8, 1.0])),
        retention=draw(st.sampled_from([0.95, 1.0])),
        low=low,
        high=high,
        start=draw(energies),
        demand=np.array([draw(st.sampled_from([0.0, 0.0, 2.0, 15.0])) for _ in range(ISPS)]),
        wear=draw(st.sampled_from([0.0, 0.01])),
        end_value=draw(st.sampled_from([0.0, 0.05])),
        reserve_kw=draw(powers),
        pinned_kw=pins,
    )


@st.composite
def products(draw, name):
    return reserve(
        ISPS,
        draw(st.sampled_from([20.0, 1e6])),
        name=name,
        direction=draw(st.sampled_from(list(Direction))),
        sustain_h=draw(st.sampled_from([0.0, 0.5, 1.0, 1.5])),
        step_mw=draw(st.sampled_from([0.005, 0.01])),
    )


@settings(deadline=None, max_examples=60)
@given(
    st.lists(stores(), min_size=1, max_size=3),
    st.tuples(products("fcr")) | st.tuples(products("fcr"), products("afrr")),
    st.lists(st.sampled_from([-0.1, 0.0, 0.05, 0.2]), min_size=ISPS, max_size=ISPS),
)
def test_one_for_all_costs_no_more_than_each_for_itself(units, traded, price):
    own, one = least_costs(units, traded, np.array(price))
    assert one <= own + 1e-6


def test_joined_stores_keep_their_order():
    """What stands for a group takes the group's members and no others."""
    small, large = storage(ISPS, charge_kw=1.0), storage(ISPS, charge_kw=10.0)
    case = make(ISPS, small, large, small)
    pair = together(case, [np.array([0, 2]), np.array([1])], np.zeros(2, dtype=np.int64))
    assert pair.charge_kw[:, 0].tolist() == [2.0, 10.0]
    assert len(joined(type(pair), [small, large], ISPS).point) == 2
