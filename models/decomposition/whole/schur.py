"""What the chains add to the equations of the linking rows: the Schur complement of everything within them.

Source: docs/explanation/optimisation.md §3.9.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import Floats
from models.decomposition.whole.blocks import ChainBlocks
from models.decomposition.whole.chains import Factors
from models.decomposition.whole.covariances import Covariances, covary

_WIDE = 8
"""ISPs of a block. A larger block means more work within it, and fewer and larger products of matrices."""
_STATES = 256
"""Most energies that pass from block to block together: few enough to stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Together:
    """Chains of one family with the same number of stores; their energies stand next to each other."""

    family: int
    chains: int
    stores: int
    first: int  # energy
    move: int  # where their moves begin


class Schur:
    """Adds up the covariances of all chains; its arrays are used for every sum."""

    def __init__(self, blocks: ChainBlocks, counts: tuple[sparse.csr_array, ...]) -> None:
        """Prepare sums for linking rows; counts (n,T·O) of each family: where its outputs count."""
        self._blocks, self._counts = blocks, counts
        outputs, chains = blocks.output.shape[1], blocks.chains
        parts, wide, energies = -(-blocks.isps // _WIDE), _WIDE * outputs, int(chains.store_at[-1])
        self._covariances = Covariances(
            np.zeros((parts, wide, energies)), np.zeros((parts, energies, wide)),
            np.zeros((parts, int((blocks.sizes**2).sum()))), np.zeros((len(counts), parts, wide, wide)),
        )  # fmt: skip
        self._together = tuple(_together(blocks))

    def add_up(self, factors: Factors, levels: Floats) -> Floats:
        """Return the sum (n,n) over all chains, given their factors and what levels of peaks add.

        levels (B,p,T·O): rows of outputs whose squares add up.
        """
        c, blocks = self._covariances, self._blocks
        c.within[:] = 0.0
        covary(blocks.chains, factors, blocks.output, blocks.family, _WIDE, c)
        rows, size = self._counts[0].shape[0], blocks.isps * blocks.output.shape[1]
        total = np.zeros((rows, rows))
        for family, counts in enumerate(self._counts):
            lower = self._lower(family)[:size, :size]
            every = lower + lower.T
            if levels.shape[1]:
                mine = levels[blocks.family == family].reshape(-1, size)
                every += mine.T @ mine
            total += counts @ np.ascontiguousarray((counts @ every).T)
        return total

    def _lower(self, family: int) -> Floats:
        """Return the lower half of the covariance of a family's outputs, with half of its diagonal blocks."""
        c = self._covariances
        parts, wide = c.within.shape[1:3]
        total = np.zeros((parts * wide, parts * wide))
        for part in range(parts):
            at = slice(part * wide, (part + 1) * wide)
            total[at, at] = c.within[family, part]
        for mine in self._together:
            if mine.family != family:
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


def _together(blocks: ChainBlocks) -> list[Together]:
    """Return the chains that are carried on together, a part of a family each."""
    sizes, found = blocks.sizes, list[Together]()
    store_at, move_at = blocks.chains.store_at, np.append(0, np.cumsum(sizes**2))
    first = 0
    while first < len(sizes):
        end = first + 1
        alike = max(_STATES // int(sizes[first]), 1)
        while end < min(len(sizes), first + alike) and (
            sizes[end] == sizes[first] and blocks.family[end] == blocks.family[first]
        ):
            end += 1
        found.append(
            Together(
                family=int(blocks.family[first]), chains=end - first, stores=int(sizes[first]),
                first=int(store_at[first]), move=int(move_at[first]),
            )
        )  # fmt: skip
        first = end
    return found
