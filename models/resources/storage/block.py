"""Storage: batteries, EV sessions, heat buffers. Source: docs/reference/formulation.md §2.3.

e[t] = a·e[t−1] + Δ·ηc·pc[t] − Δ/ηd·pd[t] − d[t] + unmet[t] − excess[t],  e_min <= e <= e_max,  p = pc − pd.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import (
    Discrete,
    Exclusive,
    Flow,
    Held,
    Known,
    ObjectiveTerm,
    Switches,
    Values,
    VariableArray,
    Variables,
    add_cells,
    add_column,
    add_rows,
    add_table,
    called_units,
    new_block,
)
from models.case import Bools, Case, Ints
from models.outcome import Fields
from models.resources.storage.reachability import charge_limit_kw, discharge_limit_kw, meetable
from models.resources.storage.reserve_block import hold, reserve_units


@dataclass(frozen=True, kw_only=True, eq=False)
class StorageBlock:
    """The variables of the class."""

    charge: VariableArray
    discharge: VariableArray
    energy: VariableArray
    unmet: VariableArray
    excess: VariableArray
    flow: Flow
    terms: tuple[ObjectiveTerm, ...]
    held: Held
    discrete: Discrete
    own: Bools  # (U,)

    def programs(self, case: Case, values: Values) -> Fields:
        """Return the programs (U,T), zero where there is no variable."""
        shape = (len(case.storage.point), case.isps)
        return {
            "charge_kw": self.charge.spread(values, *shape),
            "discharge_kw": self.discharge.spread(values, *shape),
            "energy_kwh": self.energy.spread(values, *shape),
            "unmet_kwh": self.unmet.spread(values, *shape),
            "excess_kwh": self.excess.spread(values, *shape),
        }


def add_storage(model: Any, case: Case, called: bool) -> StorageBlock:
    """Add the energy recursion, bands and reserve of units; pc, pd only where their limit is above zero.

    Money, EUR: wear −w·Δ·(pc + pd), stored energy v·e[T] + Σ_k step_k·max(e[T] − from_k, 0) less a constant, comfort
    shortfall −s·(unmet + excess); a called program only costs its own shortfall. unmet and excess exist only for units
    whose bands cannot be met.
    """
    block = new_block(model, "called_storage" if called else "storage")
    shape = (len(case.storage.point), case.isps)
    own = called_units(case, case.storage.point) if called else np.ones(shape[0], dtype=np.bool_)
    units, chosen = np.flatnonzero(own), own[:, None]
    charge, discharge = _add_power(block, case, chosen)
    energy = add_cells(
        block, "energy", np.broadcast_to(chosen, shape), case.storage.energy_min_kwh, case.storage.energy_max_kwh
    )
    slack = chosen & ~meetable(case.storage, case.isps, case.isp_hours)[:, None] & np.ones(shape, dtype=np.bool_)
    unmet = add_cells(block, "unmet", slack, 0.0, np.inf)
    excess = add_cells(block, "excess", slack, 0.0, np.inf)
    presence = (_presence(charge, shape), _presence(discharge, shape))
    recursion = _add_recursion(block, case, units, *presence, slack)
    held = hold(block, case, units, *presence)
    shortfall = _shortfall(case, (unmet, excess), "called comfort shortfall" if called else "comfort shortfall")
    return StorageBlock(
        charge=charge,
        discharge=discharge,
        energy=energy,
        unmet=unmet,
        excess=excess,
        flow=_flow(case, charge, discharge),
        terms=(shortfall,) if called else (_wear(case, charge, discharge), _worth(block, case, energy), shortfall),
        held=held,
        discrete=Discrete(
            exclusive=(_exclusive(case, charge, discharge),),
            held=(held,),
            reserve_units=(reserve_units(case, (charge, discharge), held),),
            switches=(_switch(block, case, charge),),
            energy=recursion,
            known=tuple(
                Known(variables=cells.variables, field=name, index=(cells.unit, cells.isp), called=called)
                for name, cells in (("charge_kw", charge), ("discharge_kw", discharge))
            ),
        ),
        own=own,
    )


def _presence(cells: VariableArray, shape: tuple[int, int]) -> Bools:
    present = np.zeros(shape, dtype=np.bool_)
    present[cells.unit, cells.isp] = True
    return present


def _add_power(block: Any, case: Case, chosen: Bools) -> tuple[VariableArray, VariableArray]:
    """Add 0 <= pc <= limit, 0 <= pd <= limit; where pinned, only a fixed variable in the pinned direction."""
    data = case.storage
    pinned = np.broadcast_to(data.pinned_kw, (len(data.point), case.isps))
    free = np.isnan(pinned)
    charge = np.where(free, charge_limit_kw(data, case.isps), np.fmax(pinned, 0.0))
    discharge = np.where(free, discharge_limit_kw(data, case.isps), np.fmax(-pinned, 0.0))
    return (
        add_cells(block, "charge", chosen & (charge > 0), np.where(free, 0.0, charge), charge),
        add_cells(block, "discharge", chosen & (discharge > 0), np.where(free, 0.0, discharge), discharge),
    )


def _switch(block: Any, case: Case, charge: VariableArray) -> Switches:
    """Let pc = 0 or floor <= pc <= limit, floor = min(charge_min, limit), where free, but for one ISP of each unit.

    floor·(on − partly) <= pc <= limit·on,  Σ_t partly <= 1.
    """
    data = case.storage
    shape = (len(data.point), case.isps)
    limit = charge_limit_kw(data, case.isps)
    floor = np.minimum(data.charge_min_kw[:, None], limit)
    there = _presence(charge, shape) & (floor > 0) & np.isnan(np.broadcast_to(data.pinned_kw, shape))
    on = add_cells(block, "on", there, 0.0, 1.0)
    partly = add_cells(block, "partly", there, 0.0, 1.0)
    for variable in on.variables + partly.variables:
        variable.domain = pyo.Binary
    mine: dict[int, list[Any]] = {}
    for unit, variable in zip(partly.unit.tolist(), partly.variables, strict=True):
        mine.setdefault(unit, []).append(variable)
    if mine:
        block.once_partly = pyo.Constraint(pyo.Set(initialize=list(mine)), rule=lambda _b, u: sum(mine[u]) <= 1)
    add_table(block, "charge_floor", there, floor)
    add_table(block, "charge_most", there, limit)
    add_rows(block, "least_charge", there, _least_rule)
    add_rows(block, "most_charge", there, lambda b, u, t: b.charge[u, t] - b.charge_most[u, t] * b.on[u, t] <= 0)
    power = np.flatnonzero(there[charge.unit, charge.isp])
    return Switches(
        on=on.variables,
        partly=partly.variables,
        power=[charge.variables[i] for i in power.tolist()],
        least_kw=floor[on.unit, on.isp],
        unit=on.unit,
    )


def _least_rule(b: Any, u: Any, t: Any) -> Any:
    return b.charge[u, t] - b.charge_floor[u, t] * b.on[u, t] + b.charge_floor[u, t] * b.partly[u, t] >= 0


def _add_recursion(block: Any, case: Case, units: Ints, charging: Bools, discharging: Bools, slack: Bools) -> Variables:
    data = case.storage
    everywhere = np.zeros(charging.shape, dtype=np.bool_)
    everywhere[units] = True
    inflow = -np.broadcast_to(data.demand_kwh, charging.shape)
    inflow = np.column_stack([inflow[:, :1] + (data.retention * data.energy_start_kwh)[:, None], inflow[:, 1:]])
    add_table(block, "inflow_kwh", everywhere, inflow)
    add_table(block, "gain", charging, case.isp_hours * data.charge_efficiency)
    add_column(block, "drain", units, case.isp_hours / data.discharge_efficiency)
    add_column(block, "retention", units, data.retention)
    parts = (np.arange(case.isps) == 0, charging, discharging, slack)
    code = sum(part.astype(np.int64) << bit for bit, part in enumerate(parts))
    rows: Variables = []
    for one in np.unique(code[units]).tolist():
        name, alike = f"recursion_{one}", everywhere & (code == one)
        first, has_charge, has_discharge, has_slack = (bool(one >> bit & 1) for bit in range(len(parts)))
        add_rows(block, name, alike, _recursion_rule(first, has_charge, has_discharge, has_slack))
        rows.extend(block.component(name).values())
    return rows


def _recursion_rule(first: bool, has_charge: bool, has_discharge: bool, has_slack: bool) -> Callable[..., Any]:
    def rule(b: Any, u: Any, t: Any) -> Any:
        balance = b.energy[u, t]
        if not first:
            balance = balance - b.retention[u] * b.energy[u, t - 1]
        if has_charge:
            balance = balance - b.gain[u, t] * b.charge[u, t]
        if has_discharge:
            balance = balance + b.drain[u] * b.discharge[u, t]
        if has_slack:
            balance = balance - b.unmet[u, t] + b.excess[u, t]
        return balance - b.inflow_kwh[u, t] == 0

    return rule


def _flow(case: Case, charge: VariableArray, discharge: VariableArray) -> Flow:
    unit = np.concatenate([charge.unit, discharge.unit])
    return Flow(
        variables=charge.variables + discharge.variables,
        kw_per_unit=np.repeat([1.0, -1.0], [len(charge.unit), len(discharge.unit)]),
        unit=unit,
        point=case.storage.point[unit],
        isp=np.concatenate([charge.isp, discharge.isp]),
    )


def _wear(case: Case, charge: VariableArray, discharge: VariableArray) -> ObjectiveTerm:
    moved = np.concatenate([charge.unit, discharge.unit])
    return ObjectiveTerm(
        term="wear",
        variables=charge.variables + discharge.variables,
        eur=-case.storage.wear_eur_per_kwh[moved] * case.isp_hours,
    )


def _worth(block: Any, case: Case, energy: VariableArray) -> ObjectiveTerm:
    """Return the worth of energy at the end; over[u,k] = max(e[T] − from_k, 0), since its step is never above 0."""
    data, end = case.storage, case.isps - 1
    last = np.flatnonzero(energy.isp == end)
    beyond = np.zeros(data.worth_from_kwh.shape, dtype=np.bool_)
    beyond[energy.unit[last]] = data.worth_step_eur_per_kwh[energy.unit[last]] < 0
    over = add_cells(block, "over", beyond, 0.0, np.inf)
    add_table(block, "worth_from", beyond, data.worth_from_kwh)
    add_rows(block, "beyond", beyond, lambda b, u, k: b.over[u, k] - b.energy[u, end] + b.worth_from[u, k] >= 0)
    units = energy.unit[last]
    return ObjectiveTerm(
        term="stored energy",
        variables=[energy.variables[i] for i in last.tolist()] + over.variables,
        eur=np.concatenate([data.end_value_eur_per_kwh[units], data.worth_step_eur_per_kwh[over.unit, over.isp]]),
        constant_eur=float(data.worth_eur(units, np.zeros(len(units))).sum()),
    )


def _shortfall(case: Case, slacks: tuple[VariableArray, VariableArray], term: str) -> ObjectiveTerm:
    unit = np.concatenate([cells.unit for cells in slacks])
    variables = slacks[0].variables + slacks[1].variables
    return ObjectiveTerm(term=term, variables=variables, eur=-case.storage.shortfall_eur_per_kwh[unit])


def _exclusive(case: Case, charge: VariableArray, discharge: VariableArray) -> Exclusive:
    """Return the pairs (pc, pd) that both exist; a mixture keeps the direction of its change of energy."""
    data = case.storage
    charge_at = {cell: i for i, cell in enumerate(zip(charge.unit.tolist(), charge.isp.tolist(), strict=True))}
    both = [
        (charge_at[cell], j)
        for j, cell in enumerate(zip(discharge.unit.tolist(), discharge.isp.tolist(), strict=True))
        if cell in charge_at
    ]
    first, second = ([pair[side] for pair in both] for side in (0, 1))
    efficiency = np.broadcast_to(data.charge_efficiency, (len(data.point), case.isps))
    return Exclusive(
        first=[charge.variables[i] for i in first],
        second=[discharge.variables[j] for j in second],
        gain_first=efficiency[charge.unit[first], charge.isp[first]] if both else np.zeros(0),
        gain_second=1 / data.discharge_efficiency[discharge.unit[second]] if both else np.zeros(0),
    )
