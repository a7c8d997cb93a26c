"""A plan in force goes on under new facts: mended, as good as a search, and proven by the prices it began with."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.decomposition.solve import solve as decompose
from models.evaluation import Earlier
from models.outcome import Termination
from models.resources.storage.mended import mended
from models.resources.storage.programs import FIELDS
from models.resumption import resume
from tests.models.builders import make, storage
from tests.models.solved import near
from tests.models.worlds import portfolio

GAP = 1e-3


def going_on(case, now, outcome, **rows):
    """Return the plan in force of units in the same order, unless rows are given, resumed in another case."""
    every = {
        name: np.arange(len(now.units(name).point)) for name in ("storage", "curtailable", "shiftable", "switched")
    }
    earlier = Earlier(case=case, outcome=outcome, rows=every | rows)
    return resume(replace(now, start=outcome.duals), earlier, relative_gap=GAP, threads=1)


def programs_of(charge, discharge, energy):
    zeros = np.zeros((1, len(charge)))
    values = [np.array([charge], dtype=float), np.array([discharge], dtype=float), np.array([energy], dtype=float)]
    return dict(zip(FIELDS, [*values, zeros, zeros.copy()], strict=True))


@pytest.fixture(scope="module")
def planned():
    """A portfolio of all classes and couplings, with its plan."""
    case = portfolio(150, 24, seed=3, points=5)
    return case, decompose(case, relative_gap=GAP, threads=1)


def test_a_store_that_holds_less_charges_what_it_lacks_as_soon_as_it_can():
    """10 kW; it was to hold 5, 15, 5 kWh and begins with 2 instead of 5. It idles in hour 1, where 3 kWh are missing:
    2 + 3 = 5, 5 + 10 = 15, 15 − 10 = 5.
    """
    case = make(3, storage(3, charge_kw=10.0, discharge_kw=10.0, high=20.0, start=2.0))
    found, fits = mended(
        case, np.array([0]), programs_of([0, 10, 0], [0, 0, 10], [5, 15, 5]), np.zeros((2, 1, 3))
    )  # fmt: skip
    assert fits.all()
    assert near(found["charge_kw"], [[3.0, 10.0, 0.0]])
    assert near(found["discharge_kw"], [[0.0, 0.0, 10.0]])
    assert near(found["energy_kwh"], [[5.0, 15.0, 5.0]])


def test_coming_back_leaves_the_room_of_the_reserve_that_is_held():
    """9 kW are held down, so that only 1 kW charges beside them: it is back after three hours, not after one."""
    case = make(4, storage(4, charge_kw=10.0, discharge_kw=10.0, high=20.0, start=2.0))
    held = np.stack([np.zeros((1, 4)), np.full((1, 4), 9.0)])
    found, _ = mended(case, np.array([0]), programs_of([0] * 4, [0] * 4, [5] * 4), held)
    assert near(found["energy_kwh"], [[3.0, 4.0, 5.0, 5.0]])


def test_a_need_comes_before_the_reserve_that_is_held():
    """It must hold 12 kWh after hour 2 and begins with 0: 10 kW and 2 kW at least, whatever is held down."""
    case = make(2, storage(2, charge_kw=10.0, high=20.0, low=[0.0, 12.0]))
    held = np.stack([np.zeros((1, 2)), np.full((1, 2), 10.0)])
    found, _ = mended(case, np.array([0]), programs_of([6, 6], [0, 0], [6, 12]), held)
    assert near(found["energy_kwh"], [[2.0, 12.0]])
    assert near(found["unmet_kwh"], 0.0)


def test_what_cannot_be_reached_is_missed_and_no_more():
    """5 kW for an hour, 12 kWh are needed: 7 kWh are missed."""
    case = make(1, storage(1, charge_kw=5.0, high=20.0, low=[12.0]))
    found, fits = mended(case, np.array([0]), programs_of([12], [0], [12]), np.zeros((2, 1, 1)))
    assert fits.all()
    assert near(found["unmet_kwh"], [[7.0]])


def test_where_nothing_has_changed_the_program_stays_and_is_proven_at_once(planned):
    case, outcome = planned
    found = going_on(case, case, outcome)
    assert found.replaced == {}
    assert found.outcome.termination is Termination.OPTIMAL
    assert found.outcome.objective_eur >= outcome.objective_eur - 1e-4
    assert near(found.outcome.programs.charge_kw, outcome.programs.charge_kw)
    assert audit(case, found.outcome) == ()


def changed(case, seed):
    """Other states of a fifth of the stores, other needs of a tenth, and prices up to a tenth away."""
    rng = np.random.default_rng(seed)
    data, count = case.storage, len(case.storage.point)
    start = data.energy_start_kwh * np.where(rng.random(count) < 0.2, rng.uniform(0.7, 1.3, count), 1.0)
    start = np.clip(start, data.energy_min_kwh[:, 0], data.energy_max_kwh[:, 0])
    floor = data.energy_min_kwh * np.where(rng.random(count) < 0.1, rng.uniform(0.8, 1.1, count), 1.0)[:, None]
    price = case.intraday.buy_eur_per_mwh * rng.uniform(0.9, 1.1, case.isps)
    return replace(
        case, storage=replace(data, energy_start_kwh=start, energy_min_kwh=np.minimum(floor, data.energy_max_kwh)),
        intraday=replace(case.intraday, buy_eur_per_mwh=np.maximum(price, case.intraday.sell_eur_per_mwh)),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_under_new_facts_it_is_as_good_as_a_search_within_the_gap(planned, seed):
    """Whatever it ends with passes the audit and is no better than proven; where it is proven, no search is better."""
    case, outcome = planned
    now = changed(case, seed)
    found, cold = going_on(case, now, outcome).outcome, decompose(now, relative_gap=GAP, threads=1)
    assert audit(now, found) == ()
    assert found.objective_eur <= cold.bound_eur + 1e-4
    assert cold.objective_eur <= found.bound_eur + 1e-4
    assert (found.termination is Termination.OPTIMAL) == (found.gap_eur <= GAP * found.gross_cost_eur)
    if found.termination is Termination.OPTIMAL:
        assert found.objective_eur >= cold.objective_eur - GAP * found.gross_cost_eur


def test_units_that_had_no_program_answer_the_prices_in_force(planned):
    """Ten stores and five runs are new; all others are found by their rows."""
    case, outcome = planned
    stores, runs = np.arange(len(case.storage.point)), np.arange(len(case.shiftable.point))
    stores[::15], runs[::4] = -1, -1
    found = going_on(case, case, outcome, storage=stores, shiftable=runs).outcome
    assert audit(case, found) == ()
    assert found.objective_eur <= outcome.bound_eur + 1e-4


def test_without_prices_in_force_there_is_nothing_to_go_on_with(planned):
    case, outcome = planned
    assert going_on(case, case, replace(outcome, duals=None)) is None
