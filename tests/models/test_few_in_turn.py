"""Many cars with a minimum power behind limits: a few at a time are planned around all others."""

import numpy as np
import pytest

from models.audit import audit
from models.decomposition.solve import solve as decompose
from models.few_in_turn import improved
from models.method import HARD, Method, choices, chosen, solve
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.builders import behind, intraday, limit, load, make, paying, storage
from tests.models.streets import streets
from tests.models.test_needless_breaches import breached_kwh
from tests.models.test_small_copies_of_plans import PRICES

GAP = 1e-3


def cars(rng, count, isps, *, points=1):
    """Return cars of three sizes that stay for 10 to 20 ISPs, with needs that they can meet."""
    found = []
    for number in range(count):
        least, most = [(1.38, 7.4), (4.14, 11.0), (4.14, 22.0)][int(rng.integers(3))]
        first = int(rng.integers(0, isps - 20))
        last = first + int(rng.integers(10, 20))
        there = np.zeros(isps)
        there[first:last] = most
        need = float(rng.uniform(0.2, 0.6)) * 0.9 * most * 0.25 * (last - first)
        low = np.where(np.arange(isps) >= last - 1, need, 0.0)
        found.append(
            storage(isps, point=number % points, charge_kw=there, charge_min_kw=least, eta_c=0.9, low=low, high=need)
        )
    return found


def grouped(seed, *, groups, each, share_kw):
    """Return cars in groups with a limit each, in a limit around all of them, beside a load."""
    rng, isps = np.random.default_rng(seed), 32
    case = make(
        isps, *cars(rng, groups * each, isps), load(isps, 20.0), hours=0.25, price=rng.uniform(20, 120, isps),
        intraday=intraday(isps, 80.0, 60.0, depth_kw=500.0),
    )  # fmt: skip
    inner = [{"import_kw": share_kw * each, "point": 0, "parent": groups} for _ in range(groups)]
    around = {"import_kw": 0.9 * share_kw * each * groups + 20.0, "point": 0}
    return behind(case, *inner, around, storage=np.arange(groups * each) // each, fixed=np.array([groups]))


def both(case, most):
    found = decompose(case, relative_gap=GAP, time_limit_s=20.0, overtime_s=0.0)
    return found, improved(case, found, relative_gap=GAP, time_limit_s=120.0, threads=1, most=most)


def test_like_cars_of_several_points_share_the_cheapest_hours_of_each():
    """As t14_min200 at three points: each twenty cars cost 37.690 EUR at least (test_small_copies_of_plans)."""
    need = [0.0] * 25 + [20.0]
    parts = [
        storage(26, point=p, charge_kw=11.0, charge_min_kw=4.14, eta_c=0.9, low=need, high=20.0)
        for p in range(3) for _ in range(20)
    ]  # fmt: skip
    limits = [limit(26, point=p, import_kw=100.0) for p in range(3)]
    case = make(26, *parts, *limits, hours=0.25, points=3, price=PRICES)
    found, better = both(case, 20)
    assert found.gap_eur > 0.05 * found.gross_cost_eur
    assert better.objective_eur == pytest.approx(-3 * 37.690, abs=GAP * better.gross_cost_eur)
    assert better.termination is Termination.OPTIMAL
    assert better.bound_eur == found.bound_eur
    assert breached_kwh(case, better) == pytest.approx(0.0, abs=1e-6)
    assert audit(case, better) == ()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_unlike_cars_in_groups_are_planned_as_well_as_all_together(seed):
    case = grouped(seed, groups=4, each=6, share_kw=4.0)
    found, better = both(case, 12)
    exact = reference(case, relative_gap=1e-4, time_limit_s=60.0)
    slack = GAP * exact.gross_cost_eur
    assert better.objective_eur >= exact.objective_eur - slack
    assert better.objective_eur <= exact.bound_eur + 1e-6 * exact.gross_cost_eur
    assert better.objective_eur >= found.objective_eur
    assert audit(case, better) == ()


def test_homes_that_pay_for_their_peaks_are_planned_with_their_tariffs():
    rng, isps, homes = np.random.default_rng(3), 32, 12
    case = make(
        isps, *cars(rng, homes, isps), *[load(isps, kw) for kw in rng.uniform(0.5, 3.0, homes)], hours=0.25,
        price=rng.uniform(20, 120, isps),
    )  # fmt: skip
    of = np.arange(homes)
    case = behind(case, *[{"import_kw": 12.0}] * homes, storage=of, fixed=of)
    case = paying(
        case, *[{"import_eur": 30.0}] * homes, peaks=[{"at": home, "eur_per_kw": 0.05} for home in range(homes)],
        storage=of, fixed=of,
    )  # fmt: skip
    found, better = both(case, 5)
    exact = reference(case, relative_gap=1e-4, time_limit_s=60.0)
    assert better.objective_eur >= max(found.objective_eur, exact.objective_eur - GAP * exact.gross_cost_eur)
    assert better.objective_eur <= exact.bound_eur + 1e-6 * exact.gross_cost_eur
    assert audit(case, better) == ()


@pytest.mark.parametrize("seed", [0, 1])
def test_streets_whose_reservations_may_be_called_stay_as_they_are_and_others_are_no_worse(seed):
    case = streets(seed, points=4, batteries=4, cars=6, reserved=True, least_kw=4.14)
    found, better = both(case, 10)
    called = case.storage.point % 2 == 0  # every other street has a reservation
    programs, before = better.programs.charge_kw - better.programs.discharge_kw, found.programs
    assert np.array_equal(programs[called], (before.charge_kw - before.discharge_kw)[called])
    assert better.objective_eur >= found.objective_eur
    assert audit(case, better) == ()


def test_without_time_or_when_cancelled_the_program_stays():
    case = grouped(0, groups=4, each=6, share_kw=3.0)
    found = decompose(case, relative_gap=GAP, time_limit_s=20.0, overtime_s=0.0)
    assert improved(case, found, relative_gap=GAP, time_limit_s=0.0, threads=1) is found
    assert improved(case, found, relative_gap=GAP, time_limit_s=60.0, threads=1, cancelled=lambda: True) is found


def test_portfolios_too_large_for_one_model_are_planned_so():
    """1,640 cars of 4.14 to 11 kW at 41 points. A car needs 9.9 kWh, which take 11 kWh at 0.9.

    A point carries 70 kWh per ISP, and its 40 cars take 440: six of the cheapest ISPs and 20 kWh in the seventh.
    """
    need, points = [0.0] * 7 + [9.9], 41
    parts = [
        storage(8, point=p, charge_kw=11.0, charge_min_kw=4.14, eta_c=0.9, low=need, high=9.9)
        for p in range(points) for _ in range(40)
    ]  # fmt: skip
    limits = [limit(8, point=p, import_kw=280.0) for p in range(points)]
    case = make(8, *parts, *limits, hours=0.25, points=points, price=PRICES[:8])
    assert choices(case) > HARD
    assert chosen(case, Method.AUTO) is Method.DECOMPOSITION
    cheapest = np.sort(PRICES[:8])
    least_eur = points * (70.0 * cheapest[:6].sum() + 20.0 * cheapest[6]) / 1000
    found = solve(case, relative_gap=GAP, time_limit_s=120.0)
    assert -found.objective_eur == pytest.approx(least_eur, rel=2 * GAP)
    assert -found.objective_eur >= least_eur - 1e-6
    assert breached_kwh(case, found) == pytest.approx(0.0, abs=1e-6)
    assert audit(case, found) == ()
