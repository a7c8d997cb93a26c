"""Promises counted again by the reference formulation: the same days are kept as in `models.promises`, and by hand."""

import numpy as np
import pytest

from models.promises import Terms, count_on
from models.recount import missing_kw
from tests.models.builders import load, make, storage
from tests.models.obligation_builders import reservation
from tests.models.scenario_worlds import world


def test_a_call_lacks_what_a_load_draws_beyond_what_was_announced_less_what_is_reserved():
    option = reservation(2, [-4.0, 0.0], penalty=60.0)
    day = make(2, option, load(2, [9.0, 5.0]), storage(2, charge_kw=3.0, low=np.array([0.0, 2.0]), high=6.0), hours=1.0)
    announced = np.array([[11.0, 5.0]])
    # 11 - 4 = 7 may be drawn; the load draws 9, the car can wait until the second ISP
    assert missing_kw(day, announced) == pytest.approx(np.array([[2.0, 0.0]]), abs=1e-6)
    assert missing_kw(day, announced + 2.0) == pytest.approx(np.zeros((1, 2)), abs=1e-6)


def test_more_that_is_reserved_must_be_drawn():
    day = make(1, reservation(1, [3.0], penalty=60.0), load(1, 1.0), storage(1, charge_kw=2.0, high=1.0), hours=1.0)
    assert missing_kw(day, np.array([[0.5]])) == pytest.approx(np.array([[1.5]]), abs=1e-6)


@pytest.mark.parametrize("seed", [0, 3])
def test_it_agrees_with_the_count_of_the_promise(seed):
    days, price = world(seed, scenarios=6)
    rng = np.random.default_rng(seed)
    announced = rng.uniform(0, 14, (2, 6))
    counted = count_on(days, price, announced, Terms(deviation_eur_per_mwh=30.0))
    again = np.stack([missing_kw(day, announced).sum(axis=1) * day.isp_hours for day in days], axis=1)
    reserved = np.abs(days[0].reservations.reserved_kw).sum(axis=1) * days[0].isp_hours
    assert again == pytest.approx(counted.missing_kwh, abs=2e-3 * reserved.max())
    assert counted.delivered.any()
    assert not counted.delivered.all()


def test_how_far_a_program_is_off_is_what_its_units_cannot_make_up_for_in_reserved_isps():
    """11 kW are announced; loads of 9 and 14 kW with a car that may draw 3: 9 + 2 are drawn, and 3 too many."""
    option, car = reservation(2, [-4.0, 0.0], penalty=60.0), storage(2, charge_kw=3.0, low=np.zeros(2), high=6.0)
    days = [make(2, option, load(2, [kw, 50.0]), car, hours=1.0) for kw in (9.0, 14.0)]
    terms = Terms(deviation_eur_per_mwh=900.0)
    counted = count_on(days, np.array([80.0, 80.0]), np.array([[11.0, 5.0]]), terms)
    assert counted.away_kw == pytest.approx(np.array([[0.0, 3.0]]), abs=1e-6)
