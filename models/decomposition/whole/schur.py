"""What the chains add to the equations of the linking rows: the Schur complement of everything within them.

Source: docs/explanation/optimisation.md §3.9.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import Floats, Ints
from models.compiled import compiled
from models.decomposition.whole.blocks import ChainBlocks
from models.decomposition.whole.chains import Factors
from models.decomposition.whole.covariances import Covariances, covary

_WIDE = 8
"""ISPs of a block. A larger block means more work within it, and fewer and larger products of matrices."""
_STATES = 256
"""Most energies that pass from block to block together: few enough to stay in the processor's cache."""


class Schur:
    """Adds up the covariances of all chains; its arrays are used for every sum."""

    def __init__(self, blocks: ChainBlocks, counts: tuple[sparse.csr_array, ...]) -> None:
        """Prepare sums for linking rows; counts (n,T·O) of each family: where its outputs count."""
        outputs, chain = blocks.output.shape[1], np.repeat(np.arange(len(blocks.sizes)), _variables(blocks))
        holds = np.zeros(len(blocks.sizes), dtype=np.bool_)
        holds[chain[(blocks.output[:, 1:] != 0.0).any(axis=1)]] = True
        self._rows, self._outputs = counts[0].shape[0], outputs
        self._sums = [_Sums(blocks, counts, np.flatnonzero(holds), outputs)] if holds.any() else []
        if not holds.all():  # most chains hold no reserve, and only their power counts
            self._sums.append(_Sums(blocks, counts, np.flatnonzero(~holds), 1))

    def add_up(self, factors: Factors, levels: Floats) -> Floats:
        """Return the sum (n,n) over all chains, given their factors and what levels of peaks add.

        levels (B,p,T·O): rows of outputs whose squares add up.
        """
        total = np.zeros((self._rows, self._rows))
        for sums in self._sums:
            sums.add_to(total, factors, levels[:, :, :: self._outputs // sums.outputs])
        return total


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counted:
    """Where the outputs of a family count: row, number of the output, and factor of each of m entries."""

    row: Ints
    output: Ints
    factor: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class _Together:
    """Chains of one group with the same number of stores; their energies stand next to each other."""

    group: int
    chains: int
    stores: int
    first: int  # energy
    move: int  # where their moves begin


class _Sums:
    """Chains with the same number of outputs in each ISP, the first of all; groups of them are families."""

    def __init__(
        self, blocks: ChainBlocks, counts: tuple[sparse.csr_array, ...], members: Ints, outputs: int
    ) -> None:  # fmt: skip
        self._blocks, self._members, self.outputs = blocks, members, outputs
        families, self._group = np.unique(blocks.family[members], return_inverse=True)
        self._counted = [_counted(counts[one], blocks.output.shape[1], outputs) for one in families.tolist()]
        self._output = np.ascontiguousarray(blocks.output[:, :outputs])
        chains = blocks.chains
        parts, wide, energies = -(-blocks.isps // _WIDE), _WIDE * outputs, int(chains.store_at[-1])
        self._covariances = Covariances(
            np.zeros((parts, wide, energies)), np.zeros((parts, energies, wide)),
            np.zeros((parts, int((blocks.sizes**2).sum()))), np.zeros((len(families), parts, wide, wide)),
        )  # fmt: skip
        self._together = _together(blocks, members, self._group)

    def add_to(self, total: Floats, factors: Factors, levels: Floats) -> None:
        """Add the covariances of all chains, and the squares of levels (B,p,T·O), to total (n,n)."""
        c, blocks = self._covariances, self._blocks
        c.within[:] = 0.0
        covary(blocks.chains, factors, self._output, self._members, self._group, _WIDE, c)
        size = blocks.isps * self.outputs
        for group, counted in enumerate(self._counted):
            lower = self._lower(group)[:size, :size]
            every = lower + lower.T
            if levels.shape[1]:
                mine = levels[self._members[self._group == group]].reshape(-1, size)
                every += mine.T @ mine
            _count(counted.row, counted.output, counted.factor, every, total)

    def _lower(self, group: int) -> Floats:
        """Return the lower half of the covariance of a group's outputs, with half of its diagonal blocks."""
        c = self._covariances
        parts, wide = c.within.shape[1:3]
        total = np.zeros((parts * wide, parts * wide))
        for part in range(parts):
            at = slice(part * wide, (part + 1) * wide)
            total[at, at] = c.within[group, part]
        for mine in self._together:
            if mine.group != group:
                continue
            energies, square = slice(mine.first, mine.first + mine.chains * mine.stores), mine.stores**2
            states = np.zeros((mine.chains * mine.stores, parts * wide))
            for part in range(parts):
                w = part * wide
                if part:
                    total[w : w + wide, :w] += c.gain[part, :, energies] @ states[:, :w]
                    move = c.move[part, mine.move : mine.move + mine.chains * square]
                    if mine.stores == 1:
                        states[:, :w] *= move[:, None]
                    else:
                        shape = mine.chains, mine.stores, mine.stores
                        states[:, :w] = (move.reshape(shape) @ states[:, :w].reshape(*shape[:2], w)).reshape(-1, w)
                states[:, w : w + wide] = c.past[part, energies]
        return total


def _variables(blocks: ChainBlocks) -> Ints:
    """Return the number of variables of each chain (B,)."""
    return np.diff(blocks.chains.variable_at[:: blocks.isps])


def _counted(counts: sparse.csr_array, every: int, outputs: int) -> _Counted:
    """Return where the first outputs of all that an ISP has count."""
    entries = sparse.coo_array(counts)
    isp, output = np.divmod(entries.col.astype(np.int64), every)
    mine = output < outputs
    return _Counted(
        row=entries.row[mine].astype(np.int64), output=(isp * outputs + output)[mine], factor=entries.data[mine]
    )


@compiled
def _count(row: Ints, output: Ints, factor: Floats, every: Floats, total: Floats) -> None:
    """Add the covariances of outputs, every (T·O,T·O), to those of the rows (n,n) in which they count."""
    for a in range(row.shape[0]):
        for b in range(row.shape[0]):
            total[row[a], row[b]] += factor[a] * factor[b] * every[output[a], output[b]]


def _together(blocks: ChainBlocks, members: Ints, group: Ints) -> list[_Together]:
    """Return the chains that are carried on together, a part of a group each."""
    sizes, found = blocks.sizes, list[_Together]()
    store_at, move_at = blocks.chains.store_at, np.append(0, np.cumsum(sizes**2))
    first = 0
    while first < len(members):
        chain, end = int(members[first]), first + 1
        most = max(_STATES // int(sizes[chain]), 1)
        while end < min(len(members), first + most) and (
            members[end] == members[end - 1] + 1 and sizes[members[end]] == sizes[chain] and group[end] == group[first]
        ):
            end += 1
        found.append(
            _Together(
                group=int(group[first]), chains=end - first, stores=int(sizes[chain]), first=int(store_at[chain]),
                move=int(move_at[chain]),
            )
        )  # fmt: skip
        first = end
    return found
