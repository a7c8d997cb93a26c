"""Balancing capacity of storage in the Pyomo block: what units hold, its room in power and its margins in energy.

Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from models.block import Held, ReserveUnits, VariableArray, add_rows, add_table
from models.case import Bools, Case, Direction, Floats, Ints, Reserve
from models.headroom import add_held, has_margins, row_name, side_patterns
from models.reserve_room import SIDES
from models.resources.storage.margin_rows import add_margins, owed_rows
from models.resources.storage.owed import CEILING, FLOOR, PER_KW
from models.resources.storage.reachability import charge_limit_kw, discharge_limit_kw, meetable


def reserve_units(case: Case, power: tuple[VariableArray, VariableArray], held: Held) -> ReserveUnits:
    """Return the power variables of units that hold reserve, and which of them may rest at zero."""
    data = case.storage
    resting = replace(data, pinned_kw=np.nan_to_num(data.pinned_kw))
    rests = meetable(resting, case.isps, case.isp_hours)
    holds = np.zeros(len(data.point), dtype=np.bool_)
    holds[held.unit] = True
    mine = [np.flatnonzero(holds[cells.unit]) for cells in power]
    return ReserveUnits(
        variables=[cells.variables[i] for cells, rows in zip(power, mine, strict=True) for i in rows.tolist()],
        rests=np.concatenate([rests[cells.unit[rows]] for cells, rows in zip(power, mine, strict=True)]),
    )


def hold(block: Any, case: Case, units: Ints, charging: Bools, discharging: Bools) -> Held:
    """Add held[r,u,t], kW, with its room in power (see _room_rule) and its margins in energy (see margins).

    `units` (n,): positions of the units stated. `charging`, `discharging` (U,T): where a unit has that power.
    """
    data = case.storage
    charge, discharge = charge_limit_kw(data, case.isps), discharge_limit_kw(data, case.isps)
    chosen = np.zeros(len(data.point), dtype=np.bool_)
    chosen[units] = True
    takers = np.flatnonzero(chosen & (data.reserve_kw > 0))
    owed, able = owed_rows(case, takers) if has_margins(case) else (None, np.ones((1, 1), dtype=np.bool_))

    def most(reserve: Reserve, side: Direction) -> Floats:
        room = np.where(able & chosen[:, None], charge + discharge, 0.0)
        if owed is None or reserve.sustain_h <= 0:
            return room
        energy = np.maximum(owed[CEILING] - owed[FLOOR], 0.0) / owed[PER_KW]
        most: Floats = np.minimum(room, energy / reserve.sustain_h)
        return most

    held = add_held(block, case, data.point, data.reserve_kw, most)
    there = np.zeros(charging.shape, dtype=np.bool_)
    there[held.unit, held.isp] = True
    add_table(block, "charge_limit", there, charge)
    add_table(block, "discharge_limit", there, discharge)
    for side in SIDES:
        for products, where in side_patterns(case, held, len(data.point), side):
            _add_rooms(block, side, products, where, charging, discharging)
    if owed is not None:
        add_margins(block, case, held, owed)
    return held


def _add_rooms(
    block: Any, side: Direction, products: tuple[int, ...], where: Bools, charging: Bools, discharging: Bools
) -> None:
    for has_charge, has_discharge in product((True, False), repeat=2):
        here = where & (charging == has_charge) & (discharging == has_discharge)
        name = row_name(f"room_{int(has_charge)}{int(has_discharge)}", side, products)
        add_rows(block, name, here, _room_rule(products, side, has_charge, has_discharge))


def _room_rule(products: tuple[int, ...], side: Direction, has_charge: bool, has_discharge: bool) -> Callable[..., Any]:
    """Up: Σ held <= (pc − pd) + pd_max. Down: Σ held <= pc_max − (pc − pd)."""

    def rule(b: Any, u: Any, t: Any) -> Any:
        sign = 1 if side is Direction.UP else -1
        total = sum(b.held[r, u, t] for r in products)
        if has_charge:
            total = total - sign * b.charge[u, t]
        if has_discharge:
            total = total + sign * b.discharge[u, t]
        return total <= (b.discharge_limit[u, t] if sign > 0 else b.charge_limit[u, t])

    return rule
