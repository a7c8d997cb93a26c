"""The LP of a whole portfolio behind connections, as flat arrays: one chain in time for each connection.

Variables lie chain after chain, and within a chain ISP after ISP; so do rows and energies.
Source: docs/explanation/optimisation.md §3.9.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from models.case import Bools, Floats, Ints
from models.decomposition.joint.responder import JointResponder
from models.decomposition.joint.shared import NOTHING, Shared, Workspace, new_workspace
from models.decomposition.joint.stating import state
from models.decomposition.whole.chains import Chains
from models.decomposition.whole.linking import Families
from models.headroom import products_traded
from models.parameter_views import load
from models.resources.storage.kernel_call import respond_address
from models.resources.storage.layout import PINNED, STEPS
from models.response import best_sides

_NEXT_TO_NOTHING = 1e-30
"""Reward of reserve, EUR per kW of one ISP: enough to state a side of reserve in a program, too little to matter in its
cost."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchWorkspace:
    """The working arrays of a batch of connections, in which one is stated at a time."""

    responder: JointResponder
    arrays: Workspace
    sides: Floats  # (3,T) above 0, and next to nothing, where a side of reserve may be held
    product: Ints  # (3,T) what it is sold as, −1 for none

    @staticmethod
    def of(responder: JointResponder) -> "BatchWorkspace":
        """Return arrays for any connection of a responder."""
        case, shared, joint = responder.case, responder.shared, responder.joint
        sides = best_sides(case, np.full((1, len(case.reserves), case.isps), _NEXT_TO_NOTHING), products_traded(case))
        scalars = responder.stores.scalars.shape[1]
        at = joint.store_at, joint.solar_at, joint.limit_at, shared.peak_at
        stores, solars, limits, peaks = (int(np.diff(begins).max(initial=0)) for begins in at)
        return BatchWorkspace(
            responder=responder,
            arrays=new_workspace(
                case.isps,
                len(case.reserves),
                scalars,
                stores,
                solars,
                limits,
                peaks,
                (scalars - STEPS) // 2,
                respond_address(),
            ),
            sides=np.where(sides.product[0] >= 0, _NEXT_TO_NOTHING, 0.0),
            product=sides.product[0],
        )

    def state(self, i: int, power: Floats) -> None:
        """State connection i at prices of power (T,), EUR per kW of one ISP, and none of reserve."""
        own, w, s = self.responder.stores, self.arrays, self.responder.shared
        for k, unit in enumerate(s.store[s.store_at[i] : s.store_at[i + 1]].tolist()):
            load(own.double, own.single, int(own.units[unit]), w.tables[k])
            w.scalars[k] = own.scalars[unit]
        state(s, i, self.responder.case.isp_hours, power, self.sides, w)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChainBlocks:
    """B chains with n variables, r rows, k stores, s steps of the worth of energy at the end, and P levels of peaks."""

    workspaces: tuple[BatchWorkspace, ...]
    batch: Ints  # (B,) which of the workspaces states each chain
    member: Ints  # (B,) its number there
    family: Ints  # (B,) those whose outputs count at the same linking rows
    chains: Chains
    isps: int
    own_eur_per_kw: Floats  # (B,T) linear tariff
    cost: Floats  # (n,)
    most: Floats  # (n,)
    output: Floats  # (n,O) kW of power, and of each product, per kW
    fixed_kw: Floats  # (B,T) power that does not depend on variables
    rows: sparse.csr_array  # (r,n)
    right: Floats  # (r,)
    price: Floats  # (r,) of going beyond, inf where that is not allowed
    level: Ints  # (r,) what is taken from the row, −1 for none
    drift: Floats  # (k·T,)
    low: Floats  # (k·T,)
    high: Floats  # (k·T,)
    held: Ints  # (h,) energies whose bounds count
    start: Floats  # (k,)
    end_eur: Floats  # (k,)
    step_at: Ints  # (s,) the energy of each step
    step_eur: Floats  # (s,)
    step_from: Floats  # (s,)
    level_eur: Floats  # (P,)
    level_low: Floats  # (P,)
    level_chain: Ints  # (P,)

    def state(self, b: int) -> None:
        """State the LP of a chain in the workspace of its batch, at no other price than its linear tariff."""
        self.workspaces[self.batch[b]].state(int(self.member[b]), self.own_eur_per_kw[b])

    @property
    def sizes(self) -> Ints:
        """Return the number of stores of each chain (B,)."""
        return np.diff(self.chains.store_at)

    def variables(self, b: int) -> slice:
        """Return where the variables of a chain stand."""
        at = self.chains.variable_at
        return slice(int(at[b * self.isps]), int(at[(b + 1) * self.isps]))


def blocks_of(responders: Sequence[JointResponder], families: Sequence[Families]) -> ChainBlocks:
    """State all connections of some responders, with the families of each one's connections."""
    workspaces = tuple(BatchWorkspace.of(responder) for responder in responders)
    batch = np.repeat(np.arange(len(workspaces)), [len(of.family) for of in families])
    member = np.concatenate([np.arange(len(of.family)) for of in families])
    family = np.concatenate([of.family for of in families])
    stores = np.concatenate([np.diff(workspace.responder.shared.store_at) for workspace in workspaces])
    order = np.lexsort((stores, family))
    batch, member, family = batch[order], member[order], family[order]
    own = np.concatenate([of.own_eur_per_kw for of in families])[order]
    stated = _Stated()
    for number, (b, i) in enumerate(zip(batch.tolist(), member.tolist(), strict=True)):
        workspaces[b].state(i, own[number])
        stated.add(workspaces[b], i)
    return stated.blocks(workspaces, batch, member, family, own)


class _Stated:
    """What has been stated of one chain after the other."""

    def __init__(self) -> None:
        self.parts: list[dict[str, Any]] = []

    def add(self, of: BatchWorkspace, i: int) -> None:
        """Copy the LP of connection i from its workspace."""
        p, w, s = of.arrays.lp, of.arrays, of.responder.shared
        stores, peaks = int(s.store_at[i + 1] - s.store_at[i]), int(s.peak_at[i + 1] - s.peak_at[i])
        isps = len(p.number)
        mine = np.arange(p.cost.shape[1]) < p.number[:, None]
        rows = np.arange(p.right.shape[1]) < p.rows[:, None]
        entries = p.entries[rows]
        inside = np.arange(p.at.shape[2]) < entries[:, None]
        output, fixed = _outputs(w, s, i, of.product, mine)
        held = p.bounded[:stores].T > 0.0
        steps = p.step_eur[:stores] > 0.0
        self.parts.append(
            {
                "number": p.number.copy(), "rows": p.rows.copy(), "entries": entries, "at": p.at[rows][inside],
                "sign": p.sign[rows][inside], "device": p.device[mine], "change": p.change[mine],
                "kept": np.tile(p.kept[:stores], isps), "cost": p.cost[mine], "most": p.most[mine], "output": output,
                "fixed_kw": fixed, "right": p.right[rows], "price": p.price[rows], "level": p.level[rows],
                "drift": p.drift[:stores].T.flatten(), "low": p.low[:stores].T.flatten(),
                "high": p.high[:stores].T.flatten(), "held": held.ravel(), "start": p.start[:stores].copy(),
                "end_eur": p.end_eur[:stores].copy(), "step_store": np.nonzero(steps)[0],
                "step_eur": p.step_eur[:stores][steps], "step_from": p.step_from[:stores][steps],
                "level_eur": p.level_eur[:peaks].copy(), "level_low": p.level_low[:peaks].copy(),
            }
        )  # fmt: skip

    def blocks(
        self, workspaces: tuple[BatchWorkspace, ...], batch: Ints, member: Ints, family: Ints, own: Floats
    ) -> ChainBlocks:
        """Return all chains."""
        number, rows, entries = self._joined("number"), self._joined("rows"), self._joined("entries")
        stores, levels, steps = (self._count(name) for name in ("start", "level_eur", "step_eur"))
        isps = len(self.parts[0]["number"])
        store_at, variable_at, row_at, entry_at = _begins(stores), _begins(number), _begins(rows), _begins(entries)
        wide = np.repeat(stores, isps)
        at, level = self._joined("at"), self._joined("level")
        first = np.repeat(variable_at[:-1], rows)
        above = np.repeat(np.repeat(_begins(levels)[:-1], isps), rows)
        chain = np.repeat(np.arange(len(stores)), steps)
        size = int(variable_at[-1])
        return ChainBlocks(
            workspaces=workspaces, batch=batch, member=member, family=family, isps=isps, own_eur_per_kw=own,
            chains=Chains(
                store_at, variable_at, row_at, entry_at, at, self._joined("sign"), self._joined("device"),
                self._joined("change"), self._joined("kept"), _begins(number**2), _begins(number * wide),
                _begins(stores**2 * isps), np.zeros(len(entries) + 1, dtype=np.int64), np.zeros(0, dtype=np.int64),
                np.zeros(0),
            ),
            cost=self._joined("cost"), most=self._joined("most"), output=self._joined("output"),
            fixed_kw=np.stack([part["fixed_kw"] for part in self.parts]),
            rows=sparse.csr_array(
                (self._joined("sign"), np.repeat(first, entries) + at, entry_at), shape=(len(entries), size)
            ),
            right=self._joined("right"), price=self._joined("price"), level=np.where(level >= 0, above + level, -1),
            drift=self._joined("drift"), low=self._joined("low"), high=self._joined("high"),
            held=np.flatnonzero(self._joined("held")), start=self._joined("start"), end_eur=self._joined("end_eur"),
            step_at=store_at[chain] * isps + (isps - 1) * stores[chain] + self._joined("step_store"),
            step_eur=self._joined("step_eur"), step_from=self._joined("step_from"),
            level_eur=self._joined("level_eur"), level_low=self._joined("level_low"),
            level_chain=np.repeat(np.arange(len(stores)), levels),
        )  # fmt: skip

    def _joined(self, name: str) -> Any:
        return np.concatenate([part[name] for part in self.parts])

    def _count(self, name: str) -> Ints:
        return np.array([len(part[name]) for part in self.parts], dtype=np.int64)


def _begins(sizes: Ints) -> Ints:
    return np.append(0, np.cumsum(sizes)).astype(np.int64)


def _outputs(w: Workspace, s: Shared, i: int, product: Ints, mine: Bools) -> tuple[Floats, Floats]:
    """Return what variables add to power and each product (n,O), and the power (T,) that is fixed."""
    isps = mine.shape[0]
    output, fixed, time = np.zeros((*mine.shape, 1 + w.held.shape[1])), np.zeros(isps), np.arange(isps)

    def add(variable: Ints, at: Ints | int, sign: float) -> None:
        of = np.broadcast_to(at, variable.shape)
        there = (variable >= 0) & (of >= 0)
        output[time[there], variable[there], of[there]] += sign

    for k in range(int(s.store_at[i + 1] - s.store_at[i])):
        charge, discharge, up, down, both = w.variable[k]
        fixed += np.nan_to_num(w.tables[k, PINNED])
        add(charge, 0, 1.0)
        add(discharge, 0, -1.0)
        sold = np.where(product >= 0, 1 + product, -1)
        add(up, sold[0], 1.0)
        add(down, sold[1], 1.0)
        add(both, sold[0], -1.0)
        add(both, sold[1], -1.0)
        add(both, sold[2], 1.0)
    last = w.lp.number.copy()
    for most, pinned in _solar(s, i):
        free = np.isnan(pinned)
        fixed += np.where(free, most, pinned)
        last -= free & (-most > NOTHING)
    for variable in range(mine.shape[1]):  # those of solar systems come last in an ISP
        output[(variable >= last) & mine[:, variable], variable, 0] = 1.0
    return output[mine], fixed


def _solar(s: Shared, i: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield the forecast (T,) and the pinned power (T,) of the solar systems of a connection."""
    for row in range(int(s.solar_at[i]), int(s.solar_at[i + 1])):
        yield s.solar_kw[row], s.solar_pinned_kw[row]
