"""Promises by probability: proven against the whole problem in one linear program, kept, and counted on fresh days."""

from dataclasses import replace

import numpy as np
import pytest

from models.case import Anchor
from models.errors import CaseError
from models.promises import Effort, Terms, calibrated, count_on, promise, scenarios
from models.promises.scenarios import Scenarios
from models.reference.problem import solve as solve_reference
from tests.models.builders import behind, day_ahead, load, make, storage
from tests.models.obligation_builders import balanced, reservation, reserve
from tests.models.scenario_worlds import least_cost, world

FINE = Effort(relative_gap=1e-6, rounds=400)


@pytest.mark.parametrize("seed", range(6))
def test_the_value_is_that_of_all_scenarios_in_one_program_and_the_bound_proves_it(seed):
    days, price = world(seed, limits=seed % 2 == 0)
    weight = np.array([0.5, 0.3, 0.2])
    terms = Terms(deviation_eur_per_mwh=90.0, tolerance_kw=float(seed % 3))
    lenient = promise(
        Scenarios(cases=days, weight=weight, price_eur_per_mwh=price), terms, probability=0.001, effort=FINE
    )
    value, bound = (sum(getattr(one, name) for one in lenient.points) for name in ("value_eur", "bound_eur"))
    expected = least_cost(days, weight, price, deviation=90.0, tolerance=float(seed % 3))
    assert value == pytest.approx(expected, abs=1e-4)
    assert bound <= expected + 1e-7
    assert bound == pytest.approx(expected, abs=1e-4)


def test_one_scenario_costs_what_the_formulation_says_of_that_day():
    """With one scenario what is announced is what is planned: the reference's plan, at energy that is bought freely."""
    days, price = world(3, scenarios=1)
    found = promise(scenarios(days, price), Terms(deviation_eur_per_mwh=900.0), effort=FINE)
    for one in found.points:
        assert one.announced_kw == pytest.approx(one.planned_kw[0], abs=1e-6)
    assert sum(one.value_eur for one in found.points) == pytest.approx(-Reference(days[0], price).maximum(), abs=1e-4)


class Reference:
    """The day as models/reference states it, with a day-ahead market at the price of energy."""

    def __init__(self, case, price):
        self.case = replace(case, day_ahead=day_ahead(case.isps, price))

    def maximum(self):
        outcome = solve_reference(self.case, relative_gap=0.0)
        assert outcome.gap_eur <= 1e-6
        return outcome.objective_eur


def test_a_call_that_the_mean_day_answers_is_missed_on_others_and_the_promise_hedges_it():
    """Many cars on one of two days: by themselves they charge in the dear ISP on no day, and then cannot be lowered.

    The price is highest in ISP 2, so nothing is planned there unless it is promised. To lower 2 kW there, at least 2 kW
    must be announced, and be drawn on both days, or it costs a deviation.
    """
    isps, option = 3, reservation(3, [0.0, -2.0, 0.0], penalty=5000.0)
    few = make(isps, option, _car(isps, need=3.0), hours=1.0)
    many = make(isps, option, _car(isps, need=3.0), _car(isps, need=8.0), hours=1.0)
    price = np.array([50.0, 90.0, 50.0])
    one = promise(scenarios([few, many], price), Terms(deviation_eur_per_mwh=1000.0), effort=FINE).points[0]
    assert one.announced_kw[1] == pytest.approx(2.0, abs=1e-6)
    assert one.delivered.all()
    # 2 kWh move from 50 to 90 EUR/MWh on both days
    assert one.hedge_eur == pytest.approx(2 * 0.040, abs=1e-6)
    assert one.binding is not None
    assert one.binding.isp == 1


def test_scenarios_that_may_be_missed_keep_the_price_of_the_contract_and_others_pay_more():
    """With 3 of 4 promised, the one day whose cars cannot be lowered is given up; with all promised, it is not."""
    isps, option = 2, reservation(2, [-4.0, 0.0], penalty=60.0)
    calm = make(isps, option, load(isps, [5.0, 0.0]), _car(isps, need=2.0), hours=1.0)
    stuck = make(isps, option, load(isps, [9.0, 0.0]), _car(isps, need=2.0), hours=1.0)
    price, terms = np.array([80.0, 80.0]), Terms(deviation_eur_per_mwh=50.0)
    world_ = scenarios([calm, calm, calm, stuck], price)
    lenient, strict = (promise(world_, terms, probability=p, effort=FINE).points[0] for p in (0.75, 1.0))
    assert lenient.delivered.tolist() == [True, True, True, False]
    assert strict.delivered.all()
    assert strict.announced_kw[0] >= 13.0 - 1e-6 > lenient.announced_kw[0]
    assert strict.expected_eur > lenient.expected_eur


def test_the_margin_keeps_as_many_of_the_days_that_it_was_made_from_as_one_more_day_needs():
    """Of 12 days ⌈13 · 0.8⌉ = 11 must be kept, so that one more of the kind is with a probability of at least 0.8."""
    days, price = world(4, scenarios=15)
    terms, planned_for = Terms(deviation_eur_per_mwh=30.0, tolerance_kw=1.0), scenarios(days[:3], price)
    found = promise(planned_for, terms, probability=0.8)
    safer = calibrated(planned_for, found, days[3:], terms)
    announced = found.announced_kw(2, 6)
    before, after = (
        count_on(days[3:], price, kw, terms).delivered.sum(axis=1) for kw in (announced, safer.announced_kw)
    )
    assert (after >= 11).all()
    assert before.min() < 11
    more = safer.announced_kw - announced
    reserved = days[0].reservations.reserved_kw
    assert more == pytest.approx(-np.sign(reserved) * safer.margin_kw[:, None])
    assert (safer.hedge_eur >= [one.hedge_eur - 1e-3 for one in found.points]).all()


def test_answers_do_not_depend_on_threads_and_repeat_to_the_bit():
    days, price = world(1)
    first, second = (
        promise(scenarios(days, price), Terms(deviation_eur_per_mwh=90.0), effort=Effort(threads=threads))
        for threads in (1, 2)
    )
    for one, other in zip(first.points, second.points, strict=True):
        assert np.array_equal(one.announced_kw, other.announced_kw)
        assert (one.value_eur, one.bound_eur) == (other.value_eur, other.bound_eur)


def test_days_without_reservations_promise_nothing():
    days = [make(4, load(4, 2.0)), make(4, load(4, 3.0))]
    found = promise(scenarios(days, np.full(4, 50.0)), Terms(deviation_eur_per_mwh=90.0))
    assert found.points == ()
    assert np.isnan(found.announced_kw(1, 4)).all()


def _refusals():
    option, isps = reservation(4, -1.0), 4
    plain = make(isps, option, storage(isps, charge_kw=3.0, high=5.0))
    limited = behind(plain, {"import_kw": 2.0}, storage=[0])
    return {
        "scenarios: at least one": [],
        "scenario 2: has other ISPs": [plain, make(5, reservation(5, -1.0))],
        "scenario 2: has other limits or reservations": [plain, make(isps, reservation(isps, -2.0))],
        "has balancing capacity": [make(isps, option, reserves=(reserve(isps, 5.0),))],
        "storage at a promised congestion point has a connection limit": [limited],
        "has balancing groups": [balanced(plain, {}, {})],
        "has a program that was announced": [
            replace(plain, anchor=Anchor(point_kw=np.zeros((1, isps)), eur_per_mwh=1.0))
        ],
    }


@pytest.mark.parametrize("words", list(_refusals()))
def test_what_is_not_planned_by_probability_is_refused_by_name(words):
    with pytest.raises(CaseError, match=words):
        scenarios(_refusals()[words], np.full(4, 50.0))


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("probability", {"probability": 0.0}),
        ("probability", {"probability": 1.5}),
        ("deviation_eur_per_mwh", {"terms": Terms(deviation_eur_per_mwh=0.0)}),
        ("tolerance_kw", {"terms": Terms(deviation_eur_per_mwh=1.0, tolerance_kw=-1.0)}),
    ],
)
def test_terms_that_promise_nothing_are_refused(words, asked):
    days, price = world(0)
    terms = asked.pop("terms", Terms(deviation_eur_per_mwh=1.0))
    with pytest.raises(CaseError, match=words):
        promise(scenarios(days, price), terms, **asked)


def test_too_few_days_for_a_probability_are_refused_with_how_many_it_takes():
    days, price = world(0)
    terms, planned_for = Terms(deviation_eur_per_mwh=90.0), scenarios(days, price)
    with pytest.raises(CaseError, match="needs 19 or more"):
        calibrated(planned_for, promise(planned_for, terms), days, terms)


def _car(isps, *, need):
    low = np.append(np.zeros(isps - 1), need)
    return storage(isps, charge_kw=11.0, low=low, high=need)
