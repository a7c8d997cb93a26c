"""The master LP's own interior-point method against HiGHS, on random programs of that shape and on real columns."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from benchmarks.instances import make_case
from models.decomposition.master import master_lp, mixture_lp
from models.decomposition.master.block_columns import pack
from models.decomposition.master.block_elimination import BlockMatrix
from models.decomposition.master.interior_point import block_lp, solve_block_lp
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.proximal_bundle import search_prices
from models.decomposition.prices.search_state import first_state
from models.decomposition.tuning import DEFAULT
from models.solver import solve_interior
from models.solver_log import SolverLog
from tests.models.builders import day_ahead, load, make, paying
from tests.models.worlds import portfolio


def program(seed, blocks, groups_each, columns, quantities, twins, scale):
    """Return a feasible program: rows of quantities (some counted twice), rows of blocks, and pieces on every row.

    What its weights have in the rows is returned as well.
    """
    rng = np.random.default_rng(seed)
    group_block = np.repeat(np.arange(-1, blocks - (seed % 3 == 0 and blocks > 0)), groups_each)  # one without groups
    plain = np.where(group_block < 0, rng.random(len(group_block)) < 0.5, group_block % 2 == 0)
    group = np.repeat(np.arange(len(group_block)), rng.integers(1, columns + 1, len(group_block)))
    block = np.concatenate([np.full(quantities + twins, -1), np.repeat(np.arange(blocks), 2)])
    twin = np.concatenate([np.arange(quantities), np.arange(quantities - twins, quantities), np.zeros(2 * blocks, int)])
    power = rng.normal(0, scale, (len(group), quantities)) * (rng.random((len(group), quantities)) < 0.8)
    rows = np.zeros((len(block), len(group)))
    for w, g in enumerate(group):
        rows[:quantities, w] = power[w]
        again = power[w, quantities - twins :] if plain[g] else rng.normal(0, scale, twins)
        rows[quantities : quantities + twins, w] = again
        if group_block[g] >= 0:
            rows[block == group_block[g], w] = rng.normal(0, scale, 2)
    n = len(block)
    pieces = sparse.hstack([sparse.eye_array(n), -sparse.eye_array(n), -sparse.eye_array(n)])
    right = rng.normal(0, scale, n)
    slope = np.sort(rng.normal(0, 1, (3, n)), axis=0)
    return sparse.csc_array(rows), block_lp(
        cost=np.concatenate([rng.normal(0, scale, len(group)), -slope[0], slope[1], slope[2]]),
        upper=np.concatenate([np.full(len(group) + n, np.inf), rng.uniform(0.1, scale, n), np.full(n, np.inf)]),
        moves=sparse.csc_array(rows), others=sparse.csc_array(pieces), right=right, block=block, twin=twin, group=group,
        group_block=group_block, plain=plain,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), blocks=st.integers(0, 4), groups_each=st.integers(1, 3), columns=st.integers(1, 6),
    quantities=st.integers(1, 8), twins=st.integers(0, 1), scale=st.sampled_from([1.0, 30.0, 1000.0]),
)  # fmt: skip
def test_it_finds_what_highs_finds(seed, blocks, groups_each, columns, quantities, twins, scale):
    rows, shape = program(seed, blocks, groups_each, columns, quantities, twins, scale)
    weights, groups = len(shape.group), shape.group.max() + 1
    convex = sparse.csr_array((np.ones(weights), (shape.group, np.arange(weights))), shape=(groups, len(shape.cost)))
    oracle = linprog(
        shape.cost, A_eq=sparse.vstack([sparse.hstack([rows, shape.others]), convex]),
        b_eq=np.concatenate([shape.right, np.ones(groups)]),
        bounds=[(0, None if np.isinf(u) else u) for u in shape.upper],
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    mixed = rng.random(weights) ** 3
    mixed /= np.bincount(shape.group, mixed)[shape.group]
    start, prices = np.append(mixed, np.zeros(len(shape.cost) - weights)), rng.normal(0, 1, len(shape.right))
    size = 1.0 + abs(oracle.fun)
    found = solve_block_lp(shape, start, prices, gap=1e-6 * size, time_left_s=3600.0)
    assert oracle.status == 0
    assert found.solved
    assert found.objective == pytest.approx(oracle.fun, abs=1e-4 * size)
    assert (found.x > 0).all()
    assert np.add.reduceat(found.x[:weights], np.searchsorted(shape.group, np.arange(groups))) == (
        pytest.approx(1.0, abs=1e-4)
    )


def searched(case):
    grouping = group_units(case)
    master, pricing = RestrictedMaster(case, grouping), LocalPricing(case, grouping)
    found = first_state(master, pricing)
    search_prices(
        master, pricing, found, aim_eur=1e-3, rounds=20, patience=15, tuning=DEFAULT.search, interrupted=lambda: None
    )  # fmt: skip
    return master


def with_peaks(case, units=30):
    """Return the case in which the first stores pay for what they draw, two behind each connection, and for peaks."""
    homes = [
        {"import_eur": 90.0, "export_eur": 10.0, "point": int(case.storage.point[2 * n])} for n in range(units // 2)
    ]
    at = np.full(len(case.storage.point), -1)
    at[:units] = np.arange(units) // 2
    peaks = [{"at": n, "eur_per_kw": 0.1 + 0.02 * n} for n in range(len(homes))]
    return paying(case, *homes, peaks=peaks, storage=at)


@pytest.mark.parametrize(
    "case", [portfolio(240, 24, points=4), portfolio(60, 96, points=2), with_peaks(portfolio(120, 24, points=4))]
)
def test_columns_of_a_search_mix_as_well_as_highs_mixes_them(case):
    master = searched(case)
    stated = mixture_lp.state_lp(master, master.columns.weight > 1e-3)
    oracle = solve_interior(stated.matrix(), time_limit_s=600.0, threads=1)
    shape, start, prices = master_lp.block_lp_of(master, stated)
    size = 1.0 + abs(oracle.objective)
    mine = solve_block_lp(shape, start, prices, gap=1e-7 * size, time_left_s=3600.0)
    assert mine.solved
    assert mine.objective + stated.cost @ stated.lower == pytest.approx(oracle.objective, abs=1e-5 * size)


def test_whether_shares_are_handed_to_threads_changes_no_bit():
    master = searched(portfolio(60, 24, points=2))
    shape, start, prices = master_lp.block_lp_of(master, mixture_lp.state_lp(master, master.columns.weight > 1e-3))
    in_threads, in_turn = (
        solve_block_lp(
            shape, start, prices, gap=1e-6, time_left_s=600.0, tuning=replace(DEFAULT.interior, alone=products)
        )
        for products in (0.0, np.inf)
    )
    assert in_threads.solved
    assert in_threads.x.tobytes() == in_turn.x.tobytes()


@pytest.mark.parametrize("case", [portfolio(240, 24, points=4), make_case(500, "typical")])
def test_rows_of_the_mixture_add_up_to_what_the_master_adds_up(case):
    master = searched(case)
    master.recount()
    stated = mixture_lp.state_lp(master, master.columns.weight > 0)
    free = stated.others[:, : len(master.free.value)] @ master.free.value
    rows = stated.moves @ master.columns.weight[stated.group, stated.column] + free
    moved = [(coupling.s - const).ravel() for coupling, const in zip(master.couplings, master.constants, strict=True)]
    assert master.groups.is_called.any()
    assert master.groups.reserved.any()
    assert (master.groups.reserve_row >= 0).any()
    np.testing.assert_allclose(rows, np.concatenate(moved)[stated.used], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "case", [portfolio(60, 24, points=2), make(3, load(3, [4.0, 5.0, 6.0]), day_ahead=day_ahead(3, np.full(3, 10.0)))],
    ids=["portfolio", "without groups"],
)  # fmt: skip
def test_where_the_own_method_breaks_off_highs_finds_the_same(case, monkeypatch):
    def found(own):
        monkeypatch.setattr(master_lp, "solve_block_lp", own)
        log = SolverLog()
        mixture = master_lp.solve_master_lp(searched(case), aim_eur=1e-4, time_left_s=3600.0, threads=1, log=log)
        return mixture.cost_eur, str(log.lines())

    def refuse(*_, **__):
        raise np.linalg.LinAlgError("no")

    (mine, _), (highs, said) = found(solve_block_lp), found(refuse)
    assert "HiGHS takes over" in said
    assert mine == pytest.approx(highs, abs=2e-4)


def test_without_time_there_is_no_mixture():
    case = portfolio(60, 24, points=2)
    grouping = group_units(case)
    master, pricing = RestrictedMaster(case, grouping), LocalPricing(case, grouping)
    first_state(master, pricing)
    assert master_lp.solve_master_lp(master, aim_eur=1.0, time_left_s=0.0, threads=1, log=SolverLog()) is None


@pytest.mark.parametrize(("few", "base"), [(3, 32), (700, 40)], ids=["few wide columns", "many"])
def test_blocks_are_multiplied_and_eliminated_as_dense_algebra_does_it(few, base):
    """Few and many columns, one and several widths, with and without rows of their own, one block without columns."""
    rng = np.random.default_rng(1)
    size, local = 40, 8
    quantity = np.concatenate([np.full(local, -1), np.arange(size), [-1]])  # the last row counts a quantity once more
    block = np.array([0, 0, 2, 2, 2, 3, 4, 4, *([-1] * (size + 1))])
    worlds = ((0, [(few, 40), (1500, 20)]), (-1, [(600, 40)]), (2, [(5, 20)]), (4, [(few, 40), (9, 20), (1, 0)]))
    columns: list[Any] = []
    group: Any = []
    group_block: Any = []
    for home, sizes in worlds:
        for count, width in sizes:
            values = np.zeros((count, len(quantity)))
            values[:, local : local + width] = rng.normal(size=(count, width))
            if home >= 0:
                values[:, block == home] = rng.normal(size=(count, (block == home).sum()))
            names = np.unique(np.sort(rng.integers(0, 3, count)), return_inverse=True)[1]
            columns.append(values)
            group.append(len(group_block) + names)
            group_block += [home] * (names.max() + 1)
    # one group of all belongs to the other arrow
    columns.append(rng.normal(size=(4, len(quantity))))
    group.append(np.full(4, len(group_block)))
    group_block.append(-1)
    moves, group, group_block = np.vstack(columns).T, np.concatenate(group), np.array(group_block)
    chosen = np.arange(len(group_block)) < len(group_block) - 1
    packed = pack(sparse.csc_array(moves), quantity, block, group, group_block, chosen, np.array([3]), 32)
    assert packed.base == base
    arrow, mine = BlockMatrix(packed, size), chosen[group]
    theta, diagonal = rng.uniform(0.1, 2.0, len(group)), rng.uniform(1.0, 2.0, len(block))
    centred = moves[:-1].copy()
    for g in range(len(group_block)):
        centred[:, group == g] -= np.average(centred[:, group == g], axis=1, weights=theta[group == g])[:, None]
    normal = centred[:, mine] * theta[mine] @ centred[:, mine].T
    own, shared = slice(0, local), slice(local, local + size)
    inner = normal[own, own] + np.diag(diagonal[:local])
    right, prices = rng.normal(size=len(block)), rng.normal(size=size)
    with ThreadPoolExecutor() as pool:
        left = normal[shared, shared] - normal[shared, own] @ np.linalg.solve(inner, normal[own, shared])
        assert arrow.factor(theta, diagonal, pool) == pytest.approx(left, rel=1e-9, abs=1e-9)
        known, pull = arrow.forward(right, pool)
        assert pull == pytest.approx(normal[shared, own] @ np.linalg.solve(inner, right[own]), rel=1e-9, abs=1e-9)
        y = np.full(len(block), 7.0)
        arrow.back(known, prices, y, pool)
        assert y[own] == pytest.approx(np.linalg.solve(inner, right[own] - normal[own, shared] @ prices), rel=1e-8)
        assert (y[local:] == 7.0).all()
        x, out = rng.normal(size=len(group)), np.ones(len(block))
        assert arrow.times(x, out, pool) == pytest.approx(moves[shared][:, mine] @ x[mine])
        assert out == pytest.approx(1.0 + np.append(moves[own][:, mine] @ x[mine], np.zeros(size + 1)))
        worth = np.full(len(group), 7.0)
        arrow.along(prices, right, worth, pool)
        assert worth[mine] == pytest.approx(prices @ moves[shared][:, mine] + right[own] @ moves[own][:, mine])
        assert (worth[~mine] == 7.0).all()
