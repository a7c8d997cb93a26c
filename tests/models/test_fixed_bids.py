"""The whole problem with given bids: stated once for all patterns, and solved again around units that mix."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from models.arrays import of_rows
from models.decomposition.bids.fixed_bids import FixedBids
from models.matrix import Matrix
from models.outcome import Termination
from models.reference.around import directed_around
from models.reference.problem import solve as reference
from models.reference.rounding import DiscreteColumns
from models.solver import Relaxation, Status
from models.solver_log import SolverLog
from tests.models.test_formulation_oracle import world

GAP = 1e-9


def patterns(case):
    """Yield bids: none, the least, and a step more, of every product in every block."""
    for more in (None, 0, 1):
        steps = [0 if more is None else np.ceil(one.minimum_mw / one.step_mw) + more for one in case.reserves]
        yield {
            (r, block): steps[r] * reserve.step_mw
            for r, reserve in enumerate(case.reserves)
            for block in range(len(reserve.committed_mw))
        }


def divisible(case):
    """Return the case without least powers and switched units."""
    storage = replace(case.storage, charge_min_kw=np.zeros_like(case.storage.charge_min_kw))
    return replace(case, storage=storage, switched=of_rows(case.switched, np.zeros(0, dtype=np.int64)))


def awarded(case, bids):
    made = tuple(
        replace(reserve, committed_mw=np.array([bids[r, block] for block in range(len(reserve.committed_mw))]))
        for r, reserve in enumerate(case.reserves)
    )
    return replace(case, reserves=made)


@pytest.mark.parametrize("seed", [800, 801, 802, 805, 806])
def test_no_pattern_costs_less_than_the_whole_with_any_bids(seed):
    case = divisible(world(seed, reserves=1 + seed % 3, reserved=seed % 2 == 0))
    whole = FixedBids(case, threads=1, log=SolverLog())
    first = whole.with_any(time_left_s=600).bound_eur
    assert np.isfinite(first)
    for bids in patterns(case):
        if whole.knows(bids):
            found = whole.best(bids, relative_gap=GAP, time_left_s=600)
            if not (found.reserve_shortfall_mw > 1e-6).any():
                assert first <= -found.objective_eur + 1e-6 * max(1.0, found.gross_cost_eur)
    assert whole.with_any(time_left_s=600).bound_eur == pytest.approx(first, abs=1e-6), "bids tried stay fixed"
    best = reference(case, relative_gap=GAP, time_limit_s=600, threads=1)
    assert first <= -best.objective_eur + 1e-6 * max(1.0, best.gross_cost_eur)


@pytest.mark.parametrize("seed", [800, 801, 802, 805, 806])
def test_one_statement_solves_every_pattern_as_its_own_award_would(seed):
    case = divisible(world(seed, reserves=1 + seed % 3, reserved=seed % 2 == 0))
    whole, compared = FixedBids(case, threads=1, log=SolverLog()), 0
    assert whole.simple
    for bids in patterns(case):
        if not whole.knows(bids):
            continue
        found = whole.best(bids, relative_gap=GAP, time_left_s=600)
        own = reference(awarded(case, bids), relative_gap=GAP, time_limit_s=600, threads=1)
        short = (own.reserve_shortfall_mw > 1e-6).any()
        assert (found.reserve_shortfall_mw > 1e-6).any() == short
        if not short:
            compared += 1
            slack = 1e-6 * max(1.0, own.gross_cost_eur)
            assert found.objective_eur - slack <= own.objective_eur <= found.bound_eur + slack
            assert found.termination is not Termination.OPTIMAL or found.objective_eur >= own.objective_eur - slack
            assert np.isfinite(found.shadow.balance_eur_per_mwh).all()
    assert compared > 0


def uncharged(case):
    """Return the case with reservations that cost nothing where they are missed: calls ask for nothing."""
    free = np.zeros_like(case.reservations.penalty_eur_per_mwh)
    return replace(case, reservations=replace(case.reservations, penalty_eur_per_mwh=free))


@pytest.mark.parametrize("seed", [800, 803, 805, 806])
@pytest.mark.parametrize("calls_cost", [False, True])
def test_planned_programs_first_and_called_ones_beside_find_what_the_whole_does(seed, calls_cost):
    """Also where called programs cost something: then the whole is solved as if nothing had been tried."""
    case = divisible(world(seed, reserves=1 + seed % 3, reserved=True))
    case = case if calls_cost else uncharged(case)
    whole, compared = FixedBids(case, threads=1, log=SolverLog()), 0
    for bids in patterns(case):
        apart = FixedBids(case, threads=1, log=SolverLog(), apart=True, large_from=0)
        assert apart.apart
        if not whole.knows(bids):
            continue
        one, other = (each.best(bids, relative_gap=GAP, time_left_s=600) for each in (whole, apart))
        assert apart.apart != calls_cost
        slack = 1e-6 * max(1.0, one.gross_cost_eur)
        assert np.isfinite(one.bound_eur) == np.isfinite(other.bound_eur)
        if np.isfinite(one.bound_eur):
            compared += 1
            assert other.bound_eur == pytest.approx(one.bound_eur, abs=slack)
            assert other.objective_eur <= one.bound_eur + slack
    assert compared > 0


@pytest.mark.parametrize("seed", [800, 802, 806])
def test_planned_programs_alone_bound_the_whole_with_any_bids(seed):
    case = divisible(world(seed, reserves=1 + seed % 3, reserved=True))
    whole = FixedBids(case, threads=1, log=SolverLog())
    apart = FixedBids(case, threads=1, log=SolverLog(), apart=True, large_from=0)
    found, all_of_it = apart.with_any(time_left_s=600), whole.with_any(time_left_s=600)
    assert np.isfinite(found.bound_eur)
    assert found.bound_eur <= all_of_it.bound_eur + 1e-6 * max(1.0, abs(all_of_it.bound_eur))
    for near in (found, all_of_it):
        assert whole.knows(near.nearest)
        for (product, _), mw in near.nearest.items():
            assert mw == 0 or mw >= case.reserves[product].minimum_mw - 1e-9
    own = whole.best(all_of_it.nearest, relative_gap=GAP, time_left_s=600)
    anew = FixedBids(case, threads=1, log=SolverLog()).best(all_of_it.nearest, relative_gap=GAP, time_left_s=600)
    assert own.objective_eur == pytest.approx(anew.objective_eur, abs=1e-6 * max(1.0, own.gross_cost_eur))


OTHERS = 18


def mixed(*, charge, least):
    """Return a pair that mixes, discharging 9, beside 18 columns at 1, in a row of all that must add up to `least`.

    The energy that the pair changes by is fixed: 0.95 and 1.05 of its powers.
    """
    x = np.array([charge, 9.0, *np.ones(OTHERS)])
    rows = np.array([[0.95, -1.05, *np.zeros(OTHERS)], [1, -1, *np.ones(OTHERS)]])
    changed = float(rows[0] @ x)
    matrix = Matrix(
        cost=np.zeros(len(x)), offset=0.0, lower=np.zeros(len(x)), upper=np.full(len(x), 20.0),
        whole=np.zeros(len(x), dtype=bool), rows=sparse.csc_array(rows), row_lower=np.array([changed, least]),
        row_upper=np.array([changed, np.inf]), column_of={}, row_of={},
    )  # fmt: skip
    none = np.zeros(0, dtype=np.int64)
    columns = DiscreteColumns(
        first=np.array([0]), second=np.array([1]), gain_first=np.array([0.95]), gain_second=np.array([1.05]),
        choices=[], whole=none, switch=none, least=none, on=none, partly=none, power=none, least_kw=np.zeros(0),
        unit=none, states=[], called=none, planned=none,
    )  # fmt: skip
    relaxation = Relaxation(matrix, threads=1)
    run = replace(relaxation.solve(10.0, "simplex"), x=x, objective=0.0, status=Status.OPTIMAL)
    return directed_around(relaxation, matrix, columns, run, threads=1, deadline=np.inf)


def test_a_pair_that_mixes_takes_the_direction_of_its_change_while_all_others_stay():
    found = mixed(charge=10.0, least=0.0)
    np.testing.assert_allclose(found.x, [0.05 / 0.95, 0, *np.ones(OTHERS)], atol=1e-6)


def test_where_others_would_have_to_move_the_whole_is_solved_again():
    """It discharges 0.948 alone, where the mixture discharged 0.1: the others would have to make up for 0.848."""
    assert mixed(charge=8.9, least=17.0) is not None
    assert mixed(charge=8.9, least=17.5) is None
