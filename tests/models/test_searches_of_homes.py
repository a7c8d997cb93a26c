"""Searches of prices ask connections that answer as a whole only where their answers can matter."""

import numpy as np
import pytest

from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.congestion_point_prices import search_point_prices
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.proximal_bundle import search_prices
from models.decomposition.prices.search_state import first_state
from models.decomposition.tuning import DEFAULT
from tests.models.builders import behind, intraday, make
from tests.models.oracle import best_value
from tests.models.test_joint_connections import car


class Counting(LocalPricing):
    """Counts the answers that groups are asked for."""

    def __init__(self, case, grouping):
        super().__init__(case, grouping)
        self.answers, self.groups = 0, len(grouping.group_point)

    def respond(self, prices, groups=None, *, prove=True):
        self.answers += self.groups if groups is None else int(groups.sum())
        return super().respond(prices, groups, prove=prove)


def homes(seed):
    """Return four homes of two cars each behind a fuse, at one feeder."""
    rng = np.random.default_rng(seed)
    needs = rng.uniform(4, 9, 8)
    cars = [car(4, charge_kw=power, low=[0, 0, 0, power], high=12.0) for power in needs]
    price = rng.uniform(20, 90, 4)
    case = make(4, *cars, price=price, intraday=intraday(4, price + 4, price - 4, depth_kw=2.0))
    fuses = [{"import_kw": 7 + n, "parent": 4} for n in range(4)]
    return behind(case, *fuses, {"import_kw": 22}, storage=[0, 0, 1, 1, 2, 2, 3, 3])


@pytest.mark.parametrize("seed", range(4))
def test_a_search_asks_connections_less_often_and_proves_as_much(seed):
    case, found = homes(seed), []
    for slight in (0.0, DEFAULT.joint.slight):
        grouping = group_units(case)
        master, pricing = RestrictedMaster(case, grouping), Counting(case, grouping)
        state = first_state(master, pricing)
        search_prices(
            master, pricing, state, aim_eur=1e-3, rounds=40, patience=15, tuning=DEFAULT.search, slight=slight,
            interrupted=lambda: None,
        )  # fmt: skip
        found.append((pricing.answers / state.rounds, state.bound_eur))
    best = -best_value(case)
    assert found[1][0] < found[0][0]
    assert found[1][1] <= best + 1e-6
    assert found[1][1] == pytest.approx(best, abs=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_a_search_of_points_asks_connections_less_often_and_proves_as_much(seed):
    case, found = homes(seed), []
    for slight in (0.0, DEFAULT.joint.slight):
        grouping = group_units(case)
        master, pricing = RestrictedMaster(case, grouping), Counting(case, grouping)
        state = first_state(master, pricing)
        first = state.centre_eur
        search_point_prices(
            master, pricing, state, aim_eur=1e-4, rounds=40, patience=15, points=DEFAULT.points, search=DEFAULT.search,
            slight=slight, interrupted=lambda: None,
        )  # fmt: skip
        found.append((pricing.answers / state.rounds, state.centre_eur))
        true = master.bound(state.centre, float(pricing.respond(state.centre.scenario()).bound_eur.sum()))
        assert first < state.centre_eur <= true + 1e-6
    assert found[1][0] < found[0][0]
    assert found[1][1] == pytest.approx(found[0][1], abs=5e-3)
