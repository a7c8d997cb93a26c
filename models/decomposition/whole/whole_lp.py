"""A whole LP: chains, linking rows and bounds, as one linear program with bounded values and elastic rows.

Source: docs/explanation/optimisation.md §3.9.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse

from models.case import Floats, Ints
from models.decomposition.whole.blocks import ChainBlocks
from models.decomposition.whole.linking import Linking

_VALUES = 4
"""How many of the fields of an iterate are values; multipliers follow."""


@dataclass(kw_only=True, eq=False)
class WholeIterate:
    """Values or changes of everything.

    V bounded values: variables, the energies whose bounds count, levels, and what is outside of chains. R elastic rows:
    those of chains, then the steps of the worth of energy at the end.
    """

    value: Floats  # (V,)
    energy: Floats  # (k·T,)
    slack: Floats  # (R,)
    beyond: Floats  # (R,) 0 where that is not allowed
    below: Floats  # (V,) multiplier of the lower bound
    above: Floats  # (V,) of the upper bound, 0 where there is none
    dual: Floats  # (R,)
    prices: Floats  # (n',) of linking rows

    def go(self, step: "WholeIterate", far: float, dual_far: float) -> None:
        """Move along a step, values by one length and multipliers by another."""
        for number, each in enumerate(fields(self)):
            mine = getattr(self, each.name)
            mine += (far if number < _VALUES else dual_far) * getattr(step, each.name)

    @property
    def is_finite(self) -> bool:
        """Return whether all are numbers."""
        return all(np.isfinite(getattr(self, each.name)).all() for each in fields(self))


def between(first: WholeIterate, second: WholeIterate, part: float, dual_part: float) -> WholeIterate:
    """Return the step that goes a part of the way from a first to a second one: of values, and of multipliers."""
    if part == dual_part == 1.0:
        return second
    return WholeIterate(**{
        each.name: getattr(first, each.name)
        + (part if number < _VALUES else dual_part) * (getattr(second, each.name) - getattr(first, each.name))
        for number, each in enumerate(fields(WholeIterate))
    })  # fmt: skip


def copied(iterate: WholeIterate) -> WholeIterate:
    """Return an iterate of its own with the same values."""
    return WholeIterate(**{each.name: getattr(iterate, each.name).copy() for each in fields(iterate)})


class WholeLp:
    """min cost, values between bounds, rows that may be exceeded at a price, energies that follow, and linking rows."""

    def __init__(self, blocks: ChainBlocks, linking: Linking, prices: Floats) -> None:
        """Join chains and linking rows; prices of all couplings: those that are no linking rows keep theirs."""
        b, c = blocks, blocks.chains
        self.blocks, self.linking = blocks, linking
        self.isp = np.repeat(np.arange(len(c.variable_at) - 1), np.diff(c.variable_at))
        """(n,) ISP of each variable, counted through all chains"""
        seen = priced_by(blocks, linking, self.isp)
        kept_prices = np.where(linking.used, 0.0, prices)
        self.cost = b.cost + seen @ kept_prices
        more = len(linking.right) - int(linking.used.sum())  # rows that are no couplings
        self.priced = sparse.csr_array(
            sparse.hstack([seen[:, np.flatnonzero(linking.used)], sparse.csr_array((len(b.cost), more))])
        )
        """(n,n') how variables are priced by linking rows"""
        self.adds = sparse.csr_array(self.priced.T)
        self.others, self.others_back = linking.others, sparse.csr_array(linking.others.T)
        self.positions, self.of_positions = linking.positions, linking.others[:, linking.positions].toarray()
        """Which variables outside of chains are positions (p,), and what they are in linking rows (n',p)"""
        self.rows_back = sparse.csr_array(b.rows.T)
        stores = np.repeat(b.sizes, b.isps)
        begins = np.append(0, np.cumsum(stores))
        number = np.arange(len(b.low))
        self.isp_of_energy = np.repeat(np.arange(len(stores)), stores)
        of_store = number - begins[self.isp_of_energy] + c.store_at[self.isp_of_energy // b.isps]
        moving = np.flatnonzero(c.device >= 0)
        self.moves = sparse.csr_array(
            sparse.coo_array(
                (c.change[moving], (begins[self.isp[moving]] + c.device[moving], moving)),
                shape=(len(b.low), len(b.cost)),
            )
        )
        isp = np.repeat(np.repeat(np.arange(len(c.row_at) - 1), np.diff(c.row_at)), np.diff(c.before_at))
        self.before = sparse.csr_array(
            (c.before, begins[isp] - stores[isp] + c.before_of, c.before_at), shape=(len(b.right), len(b.low))
        )
        """(r,k·T) how energies count in the rows of the ISPs after them"""
        self.before_back = sparse.csr_array(self.before.T)
        first, last = self.isp_of_energy % b.isps == 0, self.isp_of_energy % b.isps == b.isps - 1
        self.kept, self._before = c.kept, np.where(first, 0, number - np.repeat(stores, stores))
        self._first, self._opening = np.flatnonzero(first), b.start[of_store[first]]
        self.end_cost = np.where(last, b.end_eur[of_store], 0.0)
        self.peaks = np.flatnonzero(b.level >= 0)
        self.level = b.level[self.peaks]
        self.rank = np.arange(len(b.level_chain)) - np.searchsorted(b.level_chain, b.level_chain)
        """(P,) number of each level within its chain"""
        ends = np.cumsum([len(b.cost), len(b.held), len(b.level_eur), len(linking.cost)])
        self._ends = [int(end) for end in ends[:-1]]
        free = np.full(len(b.level_eur), np.inf)
        self.low = np.concatenate([np.zeros(len(b.cost)), b.low[b.held], b.level_low, linking.lower])
        self.high = np.concatenate([b.most, b.high[b.held], free, linking.upper])
        self.endless = np.flatnonzero(~np.isfinite(self.high))
        self.price = np.concatenate([b.price, b.step_eur])
        self.hard = np.flatnonzero(~np.isfinite(self.price))
        self.right = np.concatenate([b.right, b.step_from])
        self.products = 2 * (len(self.low) + len(self.right)) - len(self.endless) - len(self.hard)
        fixed = np.zeros(linking.seen.shape[0])
        outputs = b.output.shape[1]
        places = _places(blocks, np.arange(len(c.variable_at) - 1)) * outputs
        np.add.at(fixed, places, b.fixed_kw.ravel())
        self.fixed = np.append(np.asarray(linking.seen.T @ fixed)[linking.used], np.zeros(more))
        """(n',) what does not depend on variables"""

    def touched(self) -> sparse.csr_array:
        """Return in which linking rows the outputs of each family count that it has (n',F)."""
        blocks, outputs = self.blocks, self.blocks.output.shape[1]
        family = blocks.family[self.isp // blocks.isps]
        columns = list[Floats]()
        for one, counts in enumerate(self.linking.counts):
            some = (blocks.output[family == one] != 0.0).any(axis=0)
            columns.append((abs(counts) @ np.tile(some.astype(np.float64), counts.shape[1] // outputs)) > 0.0)
        return sparse.csr_array(np.stack(columns, axis=1))

    def parts(self, value: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the bounded values (V,) of variables, of energies, of levels, and of variables outside of chains."""
        a, b, c = self._ends
        return value[:a], value[a:b], value[b:c], value[c:]

    def widths(self, z: WholeIterate) -> tuple[Floats, Floats, Floats]:
        """Return distances to lower and to upper bounds (V,), and of multipliers to prices (R,); 1 where no end."""
        to_high, left = self.high - z.value, self.price - z.dual
        to_high[self.endless], left[self.hard] = 1.0, 1.0
        return z.value - self.low, to_high, left

    def gap_eur(self, z: WholeIterate) -> float:
        """Return the sum of all products of a value and its multiplier."""
        low, high, left = self.widths(z)
        return float(low @ z.below + high @ z.above + z.slack @ z.dual + z.beyond @ left)

    def drawn(self, x: Floats, energy: Floats, level: Floats) -> Floats:
        """Return the values (R,) of elastic rows, kW or kWh, at variables x (n,), energies (k·T,) and levels (P,)."""
        rows = self.blocks.rows @ x + self.before @ energy
        rows[self.peaks] -= level[self.level]
        return np.concatenate([rows, energy[self.blocks.step_at]])

    def misses(self, z: WholeIterate) -> tuple[Floats, Floats, Floats]:
        """Return by how much energies (k·T,), elastic rows (R,) and linking rows (n',) are missed."""
        x, _, level, others = self.parts(z.value)
        before = z.energy[self._before]
        before[self._first] = self._opening
        energies = self.kept * before + self.blocks.drift + self.moves @ x - z.energy
        rows = self.drawn(x, z.energy, level) - self.right + z.slack - z.beyond
        return energies, rows, self.adds @ x + self.fixed + self.others @ others - self.linking.right


def _places(blocks: ChainBlocks, isp: Ints) -> Ints:
    """Return the number of the ISP of a family, given the number of the ISP of a chain."""
    return blocks.family[isp // blocks.isps] * blocks.isps + isp % blocks.isps


def priced_by(blocks: ChainBlocks, linking: Linking, isp: Ints) -> sparse.csr_array:
    """Return how variables are priced by all couplings (n,all rows)."""
    outputs = blocks.output.shape[1]
    place = _places(blocks, isp)[:, None] * outputs + np.arange(outputs)
    variable, output = np.nonzero(blocks.output)
    mine = sparse.coo_array(
        (blocks.output[variable, output], (variable, place[variable, output])),
        shape=(len(blocks.cost), linking.seen.shape[0]),
    )
    return sparse.csr_array(sparse.csr_array(mine) @ linking.seen)
