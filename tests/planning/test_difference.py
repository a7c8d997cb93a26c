"""What a plan takes over from its predecessor: start prices and differences."""

from dataclasses import replace

import numpy as np

from agr.planning.case import NamedCase
from agr.planning.difference import Solved, begun_from
from models.decomposition.precompile import tiny
from models.decomposition.solve import solve


def named(case):
    names = tuple(f"unit {i}" for i in range(2))
    return NamedCase(
        case=case,
        names={"fixed": names[:1], "curtailable": names[:1], "storage": names, "shiftable": names[:1]},
        dsos=("dso.example",) * len(case.points), notes=(),
    )  # fmt: skip


def test_a_search_begins_from_the_prices_of_the_plan_before_by_congestion_point():
    case = tiny()
    outcome = solve(case, relative_gap=1e-3, time_limit_s=240)
    before = Solved(named=named(case), outcome=outcome)
    parts = {
        name: getattr(case, name) for name in ("fixed", "curtailable", "storage", "shiftable", "switched", "limits")
    }
    parts["reservations"] = case.reservations
    moved = {name: replace(part, point=np.where(part.point == 0, 1, part.point)) for name, part in parts.items()}
    two = replace(case, points=("new", "here"), **moved)
    start = begun_from(before, named(two)).case.start
    assert start is not None
    assert np.array_equal(start.program[1], outcome.duals.program[0])
    assert np.array_equal(start.call[1], outcome.duals.call[0])
    assert not start.program[0].any()
    assert np.array_equal(start.balance, outcome.duals.balance)


def test_other_products_or_another_day_begin_anew():
    case = tiny()
    before = Solved(named=named(case), outcome=solve(case, relative_gap=1e-3, time_limit_s=240))
    fewer = named(replace(case, reserves=case.reserves[:1]))
    assert begun_from(before, fewer).case.start is None
    assert begun_from(None, named(case)).case.start is None
