"""Where the variables, energies and rows of a unit that answers alone stand in its chain.

What a store holds of all products on a side, of those that last equally long, is a variable of its own. What
activations that began in earlier ISPs may have taken is remembered in registers: "energies" that keep what is written
to them for as many ISPs as an activation reaches into. Source: docs/explanation/optimisation.md §3.10.
"""

from dataclasses import dataclass

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.headroom import Duration, duration, products_traded, takes
from models.reserve_room import SIDES

CHARGE, DISCHARGE, PRODUCTS = 0, 1, 2
"""Slots of variables: products begin at the third, then come sums of products, then generation."""
ROOM, CAP, END, BEGIN, WINDOW, SUMS = range(0, 12, 2)
"""Rows of the side up, each followed by that of the side down; rows that define sums come last."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Slots:
    """The slots of a case with R products."""

    traded: Bools  # (R,T)
    lasts: tuple[Duration, ...]  # (R,)
    sums: tuple[tuple[int, Duration], ...]  # side, 0 for up, and how long its products last
    members: tuple[tuple[int, ...], ...]  # products of each sum
    registers: tuple[Ints, ...]  # of each sum, numbers among the energies of a chain
    energies: int  # K

    @staticmethod
    def of(case: Case) -> "Slots":
        """Return the slots of a case."""
        traded, lasts = products_traded(case), tuple(duration(one, case.isp_hours) for one in case.reserves)
        sums, members, registers, energies = list[tuple[int, Duration]](), list[tuple[int, ...]](), list[Ints](), 1
        for long in sorted({long for long, some in zip(lasts, traded, strict=True) if some.any()}):
            for side, direction in enumerate(SIDES):
                mine = tuple(r for r, one in enumerate(case.reserves) if lasts[r] == long and takes(one, direction))
                if not any(traded[r].any() for r in mine):
                    continue
                more = max(long.isps - 1, 0)
                sums.append((side, long))
                members.append(mine)
                registers.append(np.arange(energies, energies + more))
                energies += more
        return Slots(
            traded=traded, lasts=lasts, sums=tuple(sums), members=tuple(members), registers=tuple(registers),
            energies=energies,
        )  # fmt: skip

    @property
    def first_sum(self) -> int:
        """Return the slot of the first sum."""
        return PRODUCTS + len(self.lasts)

    @property
    def first_solar(self) -> int:
        """Return the slot of the first generator."""
        return self.first_sum + len(self.sums)

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return SUMS + len(self.sums)


@dataclass(kw_only=True, eq=False)
class Frame:
    """B chains by slot: S variables, K energies and Q rows of each ISP; rows of the H chains that hold reserve only."""

    there: Bools  # (B,T,S) which variables there are
    cost: Floats  # (B,T,S)
    most: Floats  # (B,T,S)
    change: Floats  # (B,T,S) kWh per kW
    device: Ints  # (B,T,S) the energy that is changed, −1 for none
    fixed_kw: Floats  # (B,T)
    stores: Bools  # (B,K) which energies there are
    kept: Floats  # (B,T,K)
    drift: Floats  # (B,T,K)
    low: Floats  # (B,T,K)
    high: Floats  # (B,T,K)
    bounded: Bools  # (B,T,K) whether bounds count
    start: Floats  # (B,K)
    end_eur: Floats  # (B,K)
    step_eur: Floats  # (B,N)
    step_from: Floats  # (B,N)
    holder: Ints  # (H,) chains
    row: Bools  # (H,T,Q) which rows there are
    right: Floats  # (H,T,Q)
    entry: Floats  # (H,T,Q,S)
    before: Floats  # (H,T,Q,K) of the energies before the ISP

    @staticmethod
    def empty(slots: Slots, isps: int, chains: int, holder: Ints, generators: int, steps: int) -> "Frame":
        """Return chains with one energy each that nothing changes."""
        wide, energies = (chains, isps, slots.first_solar + generators), (chains, isps, slots.energies)
        rows = (len(holder), isps, slots.rows)
        first = np.zeros((chains, slots.energies), dtype=np.bool_)
        first[:, 0] = True
        return Frame(
            there=np.zeros(wide, dtype=np.bool_), cost=np.zeros(wide), most=np.zeros(wide), change=np.zeros(wide),
            device=np.full(wide, -1), fixed_kw=np.zeros(wide[:2]), stores=first, kept=np.ones(energies),
            drift=np.zeros(energies), low=np.zeros(energies), high=np.zeros(energies),
            bounded=np.zeros(energies, dtype=np.bool_), start=np.zeros(first.shape), end_eur=np.zeros(first.shape),
            step_eur=np.zeros((chains, steps)), step_from=np.zeros((chains, steps)), holder=holder,
            row=np.zeros(rows, dtype=np.bool_), right=np.zeros(rows), entry=np.zeros((*rows, wide[2])),
            before=np.zeros((*rows, slots.energies)),
        )  # fmt: skip
