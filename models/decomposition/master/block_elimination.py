"""Multiplies with packed columns, and eliminates the blocks' rows from MΘMᵀ. Its loops are in `block_loops`.

The normal matrix is a block arrowhead. Every group's columns are centred, which eliminates its convexity row; then each
block's rows are eliminated. Few wide columns are eliminated after that, so that the border of the rows is only as wide
as the narrow columns:

    D + CᵀC = (GᵀG)⁻¹, B = GCᵀA      of narrow columns, A among quantities, C among the rows with the diagonal D
    K = C'Gᵀ, I + KKᵀ = LLᵀ, W = L⁻¹K, E = L⁻¹(A' − KB)      of wide ones
    AᵀA − BᵀB + EᵀE      is left when all are eliminated.

Source: docs/explanation/optimisation.md §3.4.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np

from models.case import Floats
from models.decomposition.master import block_loops as loops
from models.decomposition.master.block_columns import Packed
from models.decomposition.master_tuning import InteriorPoint
from models.decomposition.tuning import DEFAULT

Found = TypeVar("Found")


class BlockMatrix:
    """Blocks of columns that move `size` quantities; eliminated again for every Θ."""

    def __init__(self, packed: Packed, size: int, tuning: InteriorPoint = DEFAULT.interior) -> None:
        self.packed, self.size, self.chunk, self.alone = packed, size, tuning.chunk, tuning.alone
        self.half = np.zeros(int(packed.half_at[-1]))
        self.border = np.zeros((len(packed.rows), packed.base))
        self.wide, self.link = np.zeros((int(packed.wide_at[-1]), size)), np.zeros(int(packed.link_at[-1]))
        weight = np.diff(packed.column_at)
        work = np.array([weight[a:b].sum() for a, b in pairwise(packed.part_at.tolist())])
        self.products = float(len(packed.dense) + len(packed.local))
        self.passed = float(self.half.size + self.border.size + self.wide.size + self.link.size)
        self.squares = float((weight * packed.width) @ packed.width)
        self.squares += float(len(packed.rows) * packed.base**2 + len(self.wide) * size**2)
        reached = np.cumsum(work) / max(work.sum(), 1)
        reached = np.concatenate([[0.0], reached])
        cuts = [
            0,
            *(int(np.abs(reached - share / tuning.shares).argmin()) for share in range(1, tuning.shares)),
            len(work),
        ]
        self.shares = list(pairwise(cuts))

    def _all(self, pool: ThreadPoolExecutor, work: float, run: Callable[[int, int], Found]) -> list[Found]:
        """Run every share: in threads, unless there is so little work that handing it over takes longer."""
        in_turn = map if work < self.alone else pool.map
        return list(in_turn(lambda share: run(*share), self.shares))

    def times(self, values: Floats, out: Floats, pool: ThreadPoolExecutor) -> Floats:
        """Return the sums of quantities (size,) for these values (W,) of columns; add those of the rows to out (n,)."""
        moved = self._all(
            pool, self.products, lambda first, last: loops.times(first, last, self.packed, self.size, values, out)
        )
        return np.asarray(np.sum(moved, axis=0))

    def along(self, quantities: Floats, y: Floats, out: Floats, pool: ThreadPoolExecutor) -> None:
        """Write the columns' values at prices of quantities (size,) and of rows (n,) into out (W,)."""
        self._all(pool, self.products, lambda first, last: loops.along(first, last, self.packed, quantities, y, out))

    def factor(self, theta: Floats, diagonal: Floats, pool: ThreadPoolExecutor) -> Floats:
        """Return the Schur complement among the quantities (size,size). Raises LinAlgError where rounding spoils it.

        theta (W,) of the columns; diagonal (n,) of the other variables in the blocks' rows.
        """
        left = self._all(pool, self.squares, lambda first, last: self._eliminate(first, last, theta, diagonal))
        return np.asarray(np.sum(left, axis=0))

    def _eliminate(self, first: int, last: int, theta: Floats, diagonal: Floats) -> Floats:
        """Return the part of blocks first..last−1 in it, and write the inverse factor and border of each."""
        p, left = self.packed, np.zeros((self.size, self.size))
        loops.begin_rows(first, last, p, diagonal, self.half, self.border)
        begin, end = int(p.part_at[first]), int(p.part_at[last])
        counts, widths = np.diff(p.column_at[begin : end + 1]), p.width[begin:end]
        for width in np.unique(widths[widths <= p.base]).tolist():
            most = max(self.chunk, int(counts[widths == width].max()))
            dense, b, part = np.zeros((most, width)), first, begin
            while part < end:
                b, part, used = loops.add_columns(b, part, end, p, theta, dense, self.half, self.border)
                left[:width, :width] += dense[:used].T @ dense[:used]  # numpy halves the work: it is symmetric
        loops.invert_rows(first, last, p, self.half, self.border)
        border = self.border[p.row_at[first] : p.row_at[last]]
        left[: p.base, : p.base] -= border.T @ border
        loops.eliminate_wide(first, last, p, theta, self.half, self.border, self.wide, self.link)
        wide = self.wide[p.wide_at[first] : p.wide_at[last]]
        return np.asarray(left + wide.T @ wide)

    def forward(self, right: Floats, pool: ThreadPoolExecutor) -> tuple[tuple[Floats, Floats], Floats]:
        """Substitute forward the right sides (n,) of rows.

        Returns the solution of blocks' rows (Σr,) and wide columns (wide,), and what both take from the quantities
        (size,).
        """
        known = np.zeros(len(self.packed.rows)), np.zeros(len(self.wide))

        def run(first: int, last: int) -> Floats:
            """Do so for blocks first..last−1."""
            p = self.packed
            loops.substitute_forward(first, last, p, self.half, self.link, right, *known)
            rows, wide = slice(p.row_at[first], p.row_at[last]), slice(p.wide_at[first], p.wide_at[last])
            pulled = known[1][wide] @ self.wide[wide]
            pulled[: p.base] += known[0][rows] @ self.border[rows]
            return np.asarray(pulled)

        return known, np.asarray(np.sum(self._all(pool, self.passed, run), axis=0))

    def back(self, known: tuple[Floats, Floats], quantities: Floats, y: Floats, pool: ThreadPoolExecutor) -> None:
        """Substitute back: write the prices of the blocks' rows into y (n,), given those of the quantities (size,).

        known: what `forward` returned first.
        """

        def run(first: int, last: int) -> None:
            """Do so for blocks first..last−1."""
            p = self.packed
            rows, wide = slice(p.row_at[first], p.row_at[last]), slice(p.wide_at[first], p.wide_at[last])
            rest = known[0][rows] - self.border[rows] @ quantities[: p.base]
            loops.substitute_back(
                first, last, p, self.half, self.link, rest, known[1][wide] + self.wide[wide] @ quantities, y
            )

        self._all(pool, self.passed, run)
