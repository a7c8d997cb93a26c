"""Energy margins of the reserve that storage holds, as rows of the reference formulation.

Source: docs/reference/formulation.md §3.5.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import Held, add_rows, add_table, linear_sum
from models.case import Bools, Case, Direction, Floats, Ints
from models.headroom import duration, row_name, side_patterns, takes
from models.reserve_room import SIDES
from models.resources.storage.owed import (
    BEFORE_CEILING,
    BEFORE_FLOOR,
    CEILING,
    FLOOR,
    PER_KW,
    owed_of,
)


def owed_rows(case: Case, takers: Ints) -> tuple[Floats, Bools]:
    """Return `owed` (5,U,T) with the rows of takers (n,), and where a unit may hold reserve (U,T)."""
    owed, first = owed_of(case, takers)
    wide = np.zeros((5, len(case.storage.point), case.isps))
    wide[PER_KW] = 1.0
    wide[:, takers] = owed.transpose(1, 0, 2)
    able = np.zeros(wide.shape[1:], dtype=np.bool_)
    able[takers] = np.arange(case.isps) >= first[:, None]
    return wide, able


def add_margins(block: Any, case: Case, held: Held, owed: Floats) -> None:
    """Add the rows of reserve that is held, `owed` (5,U,T).

    Up: Σ d·held·γ <= e − floor at the end of the ISP and, for products that must be sustained and where the unit can
    discharge, at its start; and the sum over the ISPs that an activation reaches back into <= e − floor at its end.
    Down likewise. Holding nothing is always possible.
    """
    units = owed.shape[1]
    there = np.zeros(owed.shape[1:], dtype=np.bool_)
    there[held.unit, held.isp] = True
    start = case.storage.energy_start_kwh[:, None]
    first = {Direction.UP: start - owed[BEFORE_FLOOR, :, :1], Direction.DOWN: owed[BEFORE_CEILING, :, :1] - start}
    add_table(block, "per_kw", there, owed[PER_KW])
    for side, end, before in ((Direction.UP, FLOOR, BEFORE_FLOOR), (Direction.DOWN, CEILING, BEFORE_CEILING)):
        add_table(block, f"owed_{side.value}", there, owed[end])
        reversible = there & np.isfinite(owed[before])
        add_table(block, f"before_{side.value}", reversible, owed[before])
        add_table(block, f"first_{side.value}", reversible[:, :1], np.maximum(first[side], 0.0))
        for products, where in side_patterns(case, held, units, side):
            lasts = {r: duration(case.reserves[r], case.isp_hours) for r in products}
            hours = tuple((r, of_product.hours) for r, of_product in lasts.items() if of_product.hours > 0)
            if not hours:
                continue
            first_isp = where & reversible
            first_isp[:, 1:] = False
            for moment, cells in (("first", first_isp), ("start", where & reversible & ~first_isp), ("end", where)):
                add_rows(block, row_name(f"margin_{moment}", side, products), cells, _margin_rule(hours, side, moment))
    for side in SIDES:
        _add_windows(block, case, held, owed, side)


def _margin_rule(hours: tuple[tuple[int, float], ...], side: Direction, moment: str) -> Callable[..., Any]:
    """Σ d·held·γ <= the energy beyond what is owed at one moment of the ISP."""

    def rule(b: Any, u: Any, t: Any) -> Any:
        needed = sum(d * b.held[r, u, t] for r, d in hours) * b.per_kw[u, t]
        up = side is Direction.UP
        if moment == "first":
            return needed <= (b.first_up if up else b.first_down)[u, t]
        if moment == "start":
            energy = b.energy[u, t - 1]
            return needed <= (energy - b.before_up[u, t] if up else b.before_down[u, t] - energy)
        return needed <= (b.energy[u, t] - b.owed_up[u, t] if up else b.owed_down[u, t] - b.energy[u, t])

    return rule


def _add_windows(block: Any, case: Case, held: Held, owed: Floats, side: Direction) -> None:
    """State at the end of each ISP what activations that began in earlier ISPs have taken until then."""
    terms: dict[tuple[int, int], list[tuple[Any, float]]] = {}
    earlier: set[tuple[int, int]] = set()
    cells = zip(held.product.tolist(), held.unit.tolist(), held.isp.tolist(), held.variables, strict=True)
    for r, u, s, variable in cells:
        reserve = case.reserves[r]
        if not takes(reserve, side):
            continue
        lasts = duration(reserve, case.isp_hours)
        for t in range(s, min(s + lasts.isps, case.isps)):
            terms.setdefault((u, t), []).append((variable, lasts.most_h * float(owed[PER_KW, u, s])))
            if t > s:
                earlier.add((u, t))
    if not earlier:
        return
    sign, bound = (1.0, owed[FLOOR]) if side is Direction.UP else (-1.0, owed[CEILING])

    def rule(b: Any, u: Any, t: Any) -> Any:
        variables, coefficients = zip(*terms[u, t], (b.energy[u, t], -sign), strict=True)
        return linear_sum(list(variables), np.array(coefficients)) <= -sign * float(bound[u, t])

    block.add_component(
        f"activated_{side.value}", pyo.Constraint(pyo.Set(initialize=sorted(earlier), dimen=2), rule=rule)
    )
