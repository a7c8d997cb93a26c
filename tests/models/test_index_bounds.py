"""Compiled functions check no index: here they run as plain Python, which does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.instances import make_case
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, load, make, storage
from tests.models.obligation_builders import reserve

PROJECT = Path(__file__).parents[2]
CASES = ("worth_in_many_steps", "sustained_in_many_steps", "typical")
SOLVE = """
from models.decomposition.solve import solve
from tests.models import test_index_bounds as cases
for name in cases.CASES:
    outcome = solve(getattr(cases, name)(), relative_gap=1e-3, time_limit_s=200, threads=1)
    print(outcome.objective_eur, outcome.bound_eur)
"""
MANY = 300


def worth_in_many_steps(sustain_h=None):
    """A store whose kWh are worth less and less, in many steps, in a Period of two ISPs."""
    steps = [(0.01 * k, -0.0001) for k in range(1, MANY + 1)]
    store = storage(
        2, charge_kw=1.0, discharge_kw=1.0, high=5.0, start=2.5, end_value=0.1, worth_steps=steps, reserve_kw=1.0
    )
    reserves = () if sustain_h is None else (reserve(2, 5.0, sustain_h=sustain_h),)
    return make(2, store, load(2, 1.0), day_ahead=day_ahead(2, [80.0, 70.0]), reserves=reserves)


def sustained_in_many_steps():
    return worth_in_many_steps(sustain_h=0.5)


def typical():
    return make_case(6, "typical")


@pytest.fixture(scope="module")
def solved():
    """Return value and bound of every case, from one process without compiled functions."""
    done = subprocess.run(
        [sys.executable, "-c", SOLVE],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, cwd=PROJECT, capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return {case: tuple(map(float, line.split())) for case, line in zip(CASES, done.stdout.splitlines(), strict=True)}


@pytest.mark.parametrize("case", CASES)
def test_no_index_leaves_its_array(case, solved):
    value, bound = solved[case]
    best = reference(globals()[case](), relative_gap=1e-5)
    slack = 1e-4 * best.gross_cost_eur
    assert value - slack <= best.objective_eur <= bound + slack
    assert value >= best.objective_eur - 0.02 * best.gross_cost_eur
