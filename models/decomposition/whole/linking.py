"""The linking rows of a whole LP, and the variables that are in no block: positions, and pieces of coupling costs.

Source: docs/explanation/optimisation.md §3.9.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import Bools, Floats, Ints
from models.decomposition.master.mixture_lp import state_lp
from models.decomposition.master.proximal import Couplings
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import Grouping
from models.decomposition.whole.arrow import NO_PART


@dataclass(frozen=True, kw_only=True, eq=False)
class Kinds:
    """F families: connections whose outputs count at the same linking rows."""

    called: Bools  # (F,)
    point: Ints  # (F,) number of the priced congestion point, −1 for none
    reserved: Bools  # (F,)
    balance: Ints  # (F,) balancing group


@dataclass(frozen=True, kw_only=True, eq=False)
class Families:
    """The family of each connection (M,) of a batch, and its linear tariff."""

    family: Ints  # (M,)
    own_eur_per_kw: Floats  # (M,T)


def families_of(grouping: Grouping, isps: int) -> tuple[Kinds, list[Families]]:
    """Return the families, and those of each batch of `grouping.joint`."""
    places, priced = grouping.places, len(grouping.priced_points)
    keys, own = list[Ints](), list[Floats]()
    for batch in grouping.joint:
        row = batch.rows.power
        place = row - priced - 1
        at_place, eur = place >= 0, np.zeros((len(row), isps))
        point, reserved = np.where(row < priced, row, -1), batch.rows.held > 0
        balance = np.zeros(len(row), dtype=np.int64)
        mine = place[at_place]
        if len(mine):
            point[at_place], reserved[at_place] = places.point[mine], places.reserved[mine]
            balance[at_place] = places.balance[mine]
            if places.own_eur_per_kw is not None and not batch.called:
                eur[at_place] = places.own_eur_per_kw[mine]
        held_there = reserved & (not batch.called)
        keys.append(np.stack([np.full(len(row), int(batch.called)), point, held_there.astype(np.int64), balance]))
        own.append(eur)
    every, family = np.unique(np.concatenate(keys, axis=1), axis=1, return_inverse=True)
    each = np.split(family.reshape(-1), np.cumsum([len(eur) for eur in own])[:-1])
    return (
        Kinds(called=every[0] > 0, point=every[1], reserved=every[2] > 0, balance=every[3]),
        [Families(family=mine, own_eur_per_kw=eur) for mine, eur in zip(each, own, strict=True)],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Linking:
    """n linking rows A·x + others·q = right, with the cost and bounds of the Q variables outside of chains.

    Prices are those of all couplings, in their order; where a coupling is no linking row, nothing changes its price.
    """

    cost: Floats  # (Q,)
    lower: Floats  # (Q,) finite
    upper: Floats  # (Q,) inf where there is none
    others: sparse.csr_array  # (n,Q)
    right: Floats  # (n,)
    used: Bools  # whether each row of all couplings is one of the n
    part: Ints  # (n,) the priced congestion point of a row, NO_PART for those of the portfolio
    counts: tuple[sparse.csr_array, ...]  # (n,T·O) of each family: where its outputs count
    seen: sparse.csr_array  # (F·T·O,all rows): how the outputs of families are priced
    free: Bools  # (V,) which variables of the master LP are these Q; the others are fixed
    known: Floats  # (V,) value of those that are fixed
    positions: Ints  # (p,) which of the Q variables are positions in markets, energy or bids

    def positions_of(self, value: Floats) -> Floats:
        """Return all variables (V,) of the master LP, free positions first, given those that are not fixed (Q,)."""
        every = self.known.copy()
        every[self.free] = value
        return every


def linking_of(master: RestrictedMaster, kinds: Kinds) -> Linking:
    """Return the linking rows of a master without columns, whose fixed positions are constants."""
    case = master.case
    outputs = 1 + len(case.reserves)
    lp = state_lp(master, np.zeros(master.columns.cost.shape, dtype=np.bool_))
    first = np.cumsum([0, *(len(coupling.s) * case.isps for coupling in master.couplings)])
    fixed = lp.upper - lp.lower <= 0.0
    every = [_counts(kinds, family, first, case.isps, outputs) for family in range(len(kinds.point))]
    return Linking(
        cost=lp.cost[~fixed], lower=lp.lower[~fixed], upper=lp.upper[~fixed],
        others=sparse.csr_array(lp.others[:, ~fixed]), right=lp.right - lp.others[:, fixed] @ lp.lower[fixed],
        used=lp.used, part=_parts(master)[lp.used],
        counts=tuple(sparse.csr_array(one[np.flatnonzero(lp.used)]) for one in every),
        seen=sparse.csr_array(sparse.vstack([one.T for one in every])), free=~fixed, known=lp.lower,
        positions=np.arange(int((~fixed[: master.levels]).sum())),
    )  # fmt: skip


def _parts(master: RestrictedMaster) -> Ints:
    """Return the priced congestion point of each row of all couplings, NO_PART for others."""
    result, isps = list[Ints](), master.case.isps
    for name, coupling in zip(Couplings._fields, master.couplings, strict=True):
        point = np.arange(len(coupling.s)) if name in ("program", "call") else np.full(len(coupling.s), NO_PART)
        result.append(np.repeat(point, isps))
    return np.concatenate(result)


def _counts(kinds: Kinds, one: int, first: Ints, isps: int, outputs: int) -> sparse.csr_array:
    """Return where the outputs of a family count among all rows (rows,T·O)."""
    time, rows, columns, signs = np.arange(isps), list[Ints](), list[Ints](), list[Floats]()
    balance, program, call, reserve, called = (int(begin) for begin in first[:5])

    def add(base: int, line: int, output: int, sign: float) -> None:
        rows.append(base + line * isps + time)
        columns.append(time * outputs + output)
        signs.append(np.full(isps, sign))

    point = int(kinds.point[one])
    if kinds.called[one]:
        add(call, point, 0, 1.0)
    else:
        add(balance, int(kinds.balance[one]), 0, 1.0)
        if point >= 0:
            add(program, point, 0, 1.0)
            add(call, point, 0, -1.0)
    for product in range(outputs - 1):
        if not kinds.called[one]:
            add(reserve, product, 1 + product, 1.0)
        if kinds.called[one] or not kinds.reserved[one]:
            add(called, product, 1 + product, 1.0)
    return sparse.csr_array(
        sparse.coo_array(
            (np.concatenate(signs), (np.concatenate(rows), np.concatenate(columns))),
            shape=(int(first[-1]), isps * outputs),
        )
    )


def joined(prices: DualPrices) -> Floats:
    """Return the prices of all couplings as one array (rows,), EUR per kW of one ISP, in the order of the couplings."""
    return np.concatenate([values.ravel() for values in prices.arrays()])


def parted(y: Floats, like: DualPrices) -> DualPrices:
    """Return prices of all couplings, given as one array y (rows,), in the shape of others."""
    ends = np.cumsum([values.size for values in like.arrays()])[:-1]
    parts = np.split(y, ends)
    return DualPrices(
        places=like.places,
        near=like.near,
        **{
            name: part.reshape(values.shape)
            for name, part, values in zip(Couplings._fields, parts, like.arrays(), strict=True)
        },
    )
