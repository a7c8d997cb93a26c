"""Small copies of plans that once ended wrongly, with their right values worked out by hand."""

import numpy as np
import pytest

from models.audit import audit
from models.decomposition.solve import solve as decompose
from models.method import solve
from models.outcome import Termination
from tests.models.builders import limit, make, storage, switched

PRICES = [
    160.0, 161.5, 163.0, 164.5, 70.0, 71.5, 73.0, 74.5, 130.0, 131.5, 133.0, 134.5, 40.0, 41.5, 43.0, 44.5,
    100.0, 101.5, 103.0, 104.5, 160.0, 161.5, 163.0, 164.5, 70.0, 71.5,
]  # fmt: skip


def t14_min20():
    """`t14_min200` with a tenth of its cars and limit: 20 kWh by 23:30 with 4.14 to 11 kW, 100 kW for all."""
    need = [0.0] * 25 + [20.0]
    car = storage(26, charge_kw=11.0, charge_min_kw=4.14, eta_c=0.9, low=need, high=20.0)
    return make(26, *[car] * 20, limit(26, import_kw=100.0), hours=0.25, price=PRICES)


def test_t14_min200_cars_with_a_minimum_power_share_the_cheapest_hours():
    """20 · 20 / 0.9 = 444.4 kWh at 25 kWh per ISP: the 17 cheapest ISPs and 19.4 kWh in the 18th cost 37.69 EUR."""
    cheapest, kwh = np.sort(PRICES), 20 * 20 / 0.9
    least_eur = (25 * cheapest[:17].sum() + (kwh - 17 * 25) * cheapest[17]) / 1000
    assert least_eur == pytest.approx(37.690, abs=5e-4)
    case = t14_min20()
    outcome = solve(case, relative_gap=0.01, time_limit_s=600.0)
    assert audit(case, outcome) == ()
    assert -39.25 <= outcome.objective_eur <= -least_eur + 1e-6


def test_t14_min200_without_any_time_there_is_a_program_that_every_car_can_run():
    case = t14_min20()
    outcome = solve(case, time_limit_s=0.0)
    assert outcome.termination is Termination.TIME_LIMIT
    assert audit(case, outcome) == ()


def test_t28_sw60_a_search_that_has_not_used_its_time_does_not_end_by_it():
    """Six boilers of 2.5 kW for 3 of 6 hours behind 7.6 kW, three at a time. 45 kWh at 50, six starts at 0.10."""
    boiler = switched(24, (0, 24, 12, 24), on_kw=2.5, min_run=2, start_eur=0.1)
    case = make(24, *[boiler] * 6, limit(24, import_kw=7.6), hours=0.25, price=50.0)
    outcome = solve(case, time_limit_s=600.0)
    assert outcome.objective_eur == pytest.approx(-(45 * 0.05 + 0.6))
    assert outcome.termination is Termination.OPTIMAL
    apart = decompose(case, relative_gap=0.0, time_limit_s=600.0)
    assert apart.termination is (Termination.GAP_OPEN if apart.gap_eur > 0 else Termination.OPTIMAL)
