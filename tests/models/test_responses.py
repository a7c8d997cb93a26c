"""Best responses of curtailable units and runs are the best programs, and the totals of every class are their sums."""

from dataclasses import fields

import numpy as np
import pytest

from models.errors import CaseError
from models.resources.curtailable.response import CurtailableResponder
from models.resources.shiftable.response import ShiftableResponder
from models.resources.storage.response import StorageResponder
from models.response import Prices, Rows
from tests.models.builders import make, run, solar, storage
from tests.models.case_arrays import NAN
from tests.models.random_units import HOURS, products, random_prices, random_storage, rows, total_eur
from tests.models.unit_programs import solar_cost, traded


@pytest.mark.parametrize("seed", range(12))
def test_curtailable_answers_are_the_best_programs(seed):
    rng = np.random.default_rng(seed)
    isps = int(rng.choice([1, 5, 24, 96]))
    parts = [
        solar(
            isps,
            -rng.uniform(0, 9, isps) * (rng.random(isps) < 0.7),
            cost=float(rng.choice([0.0, 30.0])),
            reserve_kw=float(rng.choice([0.0, 2.0, 20.0])),
            pinned_kw=np.where(rng.random(isps) < 0.2, rng.uniform(-9, 0, isps) * (rng.random(isps) < 0.7), NAN),
        )
        for _ in range(6)
    ]
    case = make(
        isps, *parts, hours=HOURS, reserves=products(rng, isps, count=int(rng.integers(0, 4)), sustain=(0.0, 1.0))
    )
    prices, called = random_prices(rng, case), bool(rng.random() < 0.3)
    answers = CurtailableResponder.of(case, np.arange(6), called=called).answers(prices, rows(6), np.arange(6))
    reached = total_eur(answers, prices)
    np.testing.assert_allclose(answers.bound_eur, reached, rtol=1e-12, atol=1e-12)
    for unit in range(6):
        least = solar_cost(case, unit, prices.power_eur_per_kw[0], prices.held_eur_per_kw[0], called=called)
        assert reached[unit] == pytest.approx(least, rel=1e-7, abs=1e-7)
    for r, product in enumerate(case.reserves):
        closed = ~np.array([traded(product, t) for t in range(isps)])
        assert (answers.held_kw[r][:, closed] == 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_runs_start_where_they_are_cheapest(seed):
    rng = np.random.default_rng(seed)
    isps, parts = 24, []
    for _ in range(8):
        length = int(rng.integers(1, 8))
        first = int(rng.integers(0, isps - length + 1))
        last = int(rng.integers(first, isps + 1))
        parts.append(run(rng.uniform(-1, 3, length), first, last, later=rng.uniform(-0.1, 0.3, length).tolist()))
    case = make(isps, *parts, hours=HOURS)
    prices = random_prices(rng, case)
    answers = ShiftableResponder.of(case, np.arange(8)).answers(prices, rows(8), np.arange(8))
    data, price = case.shiftable, prices.power_eur_per_kw[0]
    for unit in range(8):
        costs = {}
        for start in range(data.first_start[unit], data.last_start[unit] + 1):
            program, after = np.zeros(isps), start + data.length[unit] - isps
            inside = data.length[unit] - max(after, 0)
            program[start : start + inside] = data.profile_kw[unit, :inside]
            costs[start] = program @ price + (data.later_eur[unit, after - 1] if after > 0 else 0.0)
            if start == answers.start[unit]:
                np.testing.assert_array_equal(answers.power_kw[unit], program)
        assert costs[answers.start[unit]] == pytest.approx(min(costs.values()), abs=1e-12)
        assert answers.bound_eur[unit] == pytest.approx(min(costs.values()), abs=1e-12)


def many_units(rng, isps=24, units=700):
    parts = [random_storage(rng, isps) for _ in range(units)]
    parts += [solar(isps, -rng.uniform(0, 5, isps), reserve_kw=1.0) for _ in range(units)]
    parts += [run(rng.uniform(0, 3, 4), 2, 15) for _ in range(units)]
    return make(isps, *parts, hours=HOURS, reserves=products(rng, isps, count=3))


@pytest.mark.parametrize("kind", [StorageResponder, CurtailableResponder, ShiftableResponder])
def test_totals_are_the_sums_of_the_answers_however_many_threads(kind):
    rng = np.random.default_rng(7)
    case, units, count = many_units(rng), 700, 4
    several = [random_prices(rng, case) for _ in range(3)]
    prices = Prices(
        power_eur_per_kw=np.concatenate([p.power_eur_per_kw for p in several]),
        held_eur_per_kw=np.concatenate([p.held_eur_per_kw for p in several]),
    )
    # One total of nearly all, one of a few, one of none: blocks that are added up and blocks that are not.
    where = Rows(
        power=rng.integers(0, 3, units),
        held=rng.integers(0, 3, units),
        total=rng.choice([0, 1, 3], units, p=[0.9, 0.05, 0.05]),
    )
    chosen = rng.permutation(units)
    one, three = (kind.of(case, chosen, threads=threads) for threads in (1, 3))
    totals, again = one.respond(prices, where, count), three.respond(prices, where, count)
    for item in fields(totals):
        np.testing.assert_array_equal(getattr(totals, item.name), getattr(again, item.name))
    answers = three.answers(prices, where, np.arange(units))
    for total in range(count):
        mine = where.total == total
        np.testing.assert_allclose(totals.power_kw[total], answers.power_kw[mine].sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(totals.held_kw[total], answers.held_kw[:, mine].sum(axis=1), atol=1e-9)
        assert totals.cost_eur[total] == pytest.approx(answers.cost_eur[mine].sum())
        assert totals.bound_eur[total] == pytest.approx(answers.bound_eur[mine].sum())
    few = one.answers(prices, where, np.array([5, 699, 3]))
    np.testing.assert_array_equal(few.power_kw, answers.power_kw[[5, 699, 3]])


def test_prices_that_do_not_fit_are_refused():
    case = make(4, storage(4, charge_kw=1.0), hours=HOURS)
    responder, none = StorageResponder.of(case, np.arange(1)), np.zeros((1, 0, 4))
    with pytest.raises(CaseError, match="expected 4 ISPs"):
        responder.respond(Prices(power_eur_per_kw=np.zeros((1, 5)), held_eur_per_kw=none), rows(1), 1)
    with pytest.raises(CaseError, match="not a finite number"):
        responder.respond(Prices(power_eur_per_kw=np.full((1, 4), NAN), held_eur_per_kw=none), rows(1), 1)
    with pytest.raises(CaseError, match=r"rows\.total names total 0, there are 0"):
        responder.respond(Prices(power_eur_per_kw=np.zeros((1, 4)), held_eur_per_kw=none), rows(1), 0)
    with pytest.raises(CaseError, match=r"rows\.power has shape"):
        responder.respond(Prices(power_eur_per_kw=np.zeros((1, 4)), held_eur_per_kw=none), rows(2), 2)
