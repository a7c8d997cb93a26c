"""Multiplies with packed columns, and eliminates the blocks' rows from MΘMᵀ. Compiled.

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
from typing import Any, TypeVar

import numpy as np

from models.case import Floats
from models.compiled import compiled
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
            pool, self.products, lambda first, last: _times(first, last, self.packed, self.size, values, out)
        )
        return np.asarray(np.sum(moved, axis=0))

    def along(self, quantities: Floats, y: Floats, out: Floats, pool: ThreadPoolExecutor) -> None:
        """Write the columns' values at prices of quantities (size,) and of rows (n,) into out (W,)."""
        self._all(pool, self.products, lambda first, last: _along(first, last, self.packed, quantities, y, out))

    def factor(self, theta: Floats, diagonal: Floats, pool: ThreadPoolExecutor) -> Floats:
        """Return the Schur complement among the quantities (size,size). Raises LinAlgError where rounding spoils it.

        theta (W,) of the columns; diagonal (n,) of the other variables in the blocks' rows.
        """
        left = self._all(pool, self.squares, lambda first, last: self._eliminate(first, last, theta, diagonal))
        return np.asarray(np.sum(left, axis=0))

    def _eliminate(self, first: int, last: int, theta: Floats, diagonal: Floats) -> Floats:
        """Return the part of blocks first..last−1 in it, and write the inverse factor and border of each."""
        p, left = self.packed, np.zeros((self.size, self.size))
        _begin(first, last, p, diagonal, self.half, self.border)
        begin, end = int(p.part_at[first]), int(p.part_at[last])
        counts, widths = np.diff(p.column_at[begin : end + 1]), p.width[begin:end]
        for width in np.unique(widths[widths <= p.base]).tolist():
            most = max(self.chunk, int(counts[widths == width].max()))
            dense, b, part = np.zeros((most, width)), first, begin
            while part < end:
                b, part, used = _centred(b, part, end, p, theta, dense, self.half, self.border)
                left[:width, :width] += dense[:used].T @ dense[:used]  # numpy halves the work: it is symmetric
        _halve(first, last, p, self.half, self.border)
        border = self.border[p.row_at[first] : p.row_at[last]]
        left[: p.base, : p.base] -= border.T @ border
        _widen(first, last, p, theta, self.half, self.border, self.wide, self.link)
        wide = self.wide[p.wide_at[first] : p.wide_at[last]]
        return np.asarray(left + wide.T @ wide)

    def forward(self, right: Floats, pool: ThreadPoolExecutor) -> tuple[tuple[Floats, Floats], Floats]:
        """Substitute forward: return blocks' rows and wide columns, and what they take from the quantities (size,)."""
        known = np.zeros(len(self.packed.rows)), np.zeros(len(self.wide))

        def run(first: int, last: int) -> Floats:
            """Do so for blocks first..last−1."""
            p = self.packed
            _forwards(first, last, p, self.half, self.link, right, *known)
            rows, wide = slice(p.row_at[first], p.row_at[last]), slice(p.wide_at[first], p.wide_at[last])
            pulled = known[1][wide] @ self.wide[wide]
            pulled[: p.base] += known[0][rows] @ self.border[rows]
            return np.asarray(pulled)

        return known, np.asarray(np.sum(self._all(pool, self.passed, run), axis=0))

    def back(self, known: tuple[Floats, Floats], quantities: Floats, y: Floats, pool: ThreadPoolExecutor) -> None:
        """Substitute back: write the prices of the blocks' rows into y (n,), given those of the quantities."""

        def run(first: int, last: int) -> None:
            """Do so for blocks first..last−1."""
            p = self.packed
            rows, wide = slice(p.row_at[first], p.row_at[last]), slice(p.wide_at[first], p.wide_at[last])
            rest = known[0][rows] - self.border[rows] @ quantities[: p.base]
            _backwards(first, last, p, self.half, self.link, rest, known[1][wide] + self.wide[wide] @ quantities, y)

        self._all(pool, self.passed, run)


@compiled
def _matrices(p: Any, part: int, rows: int) -> Any:
    """Return a part's columns (m,), dense (m,width) and local values (m,rows)."""
    begin, end = p.column_at[part], p.column_at[part + 1]
    dense = p.dense[p.dense_at[part] : p.dense_at[part + 1]].reshape((end - begin, p.width[part]))
    local = p.local[p.local_at[part] : p.local_at[part + 1]].reshape((end - begin, rows))
    return p.columns[begin:end], dense, local


@compiled
def _times(first: int, last: int, p: Any, size: int, values: Any, out: Any) -> Any:
    moved = np.zeros(size)
    for b in range(first, last):
        rows = p.rows[p.row_at[b] : p.row_at[b + 1]]
        for part in range(p.part_at[b], p.part_at[b + 1]):
            columns, dense, local = _matrices(p, part, len(rows))
            mine = values[columns]
            moved[: p.width[part]] += np.dot(mine, dense)
            if len(rows):
                out[rows] += np.dot(mine, local)
    return moved


@compiled
def _along(first: int, last: int, p: Any, quantities: Any, y: Any, out: Any) -> None:
    for b in range(first, last):
        own = y[p.rows[p.row_at[b] : p.row_at[b + 1]]]
        for part in range(p.part_at[b], p.part_at[b + 1]):
            columns, dense, local = _matrices(p, part, len(own))
            value = np.dot(dense, quantities[: p.width[part]])
            if len(own):
                value += np.dot(local, own)
            out[columns] = value


@compiled
def _centre(p: Any, part: int, theta: Any, d: Any, e: Any, dense: Any, local: Any) -> None:
    """Write a part's columns less their group's mean weighted by Θ, times the root of Θ."""
    count, width, rows, begin = d.shape[0], d.shape[1], e.shape[1], p.column_at[part]
    mean, here = np.zeros(width), np.zeros(rows)
    i = 0
    while i < count:
        j, total = i, 0.0
        mean[:] = 0.0
        here[:] = 0.0
        while j < count and p.group[begin + j] == p.group[begin + i]:
            weight = theta[p.columns[begin + j]]
            total += weight
            for k in range(width):
                mean[k] += weight * d[j, k]
            for k in range(rows):
                here[k] += weight * e[j, k]
            j += 1
        for k in range(width):
            mean[k] /= total
        for k in range(rows):
            here[k] /= total
        for n in range(i, j):
            root = np.sqrt(theta[p.columns[begin + n]])
            for k in range(width):
                dense[n, k] = (d[n, k] - mean[k]) * root
            for k in range(rows):
                local[n, k] = (e[n, k] - here[k]) * root
        i = j


@compiled
def _begin(first: int, last: int, p: Any, diagonal: Any, half: Any, border: Any) -> None:
    border[p.row_at[first] : p.row_at[last]] = 0.0
    half[p.half_at[first] : p.half_at[last]] = 0.0
    for b in range(first, last):
        rows = p.row_at[b + 1] - p.row_at[b]
        for i in range(rows):
            half[p.half_at[b] + i * (rows + 1)] = diagonal[p.rows[p.row_at[b] + i]]


@compiled
def _centred(b: int, part: int, end: int, p: Any, theta: Any, held: Any, half: Any, border: Any) -> Any:
    """Centre columns of one width, from a block and part on, until `held` is full; add to the blocks' rows.

    Return the next block and part, and the number of columns held.
    """
    used, width = 0, held.shape[1]
    while part < end:
        while part >= p.part_at[b + 1]:
            b += 1
        count = p.column_at[part + 1] - p.column_at[part]
        if p.width[part] == width:
            if used + count > held.shape[0]:
                break
            first, last = p.row_at[b], p.row_at[b + 1]
            _, d, e = _matrices(p, part, last - first)
            dense, local = held[used : used + count], np.zeros((count, last - first))
            _centre(p, part, theta, d, e, dense, local)
            if last > first:
                inner = half[p.half_at[b] : p.half_at[b + 1]].reshape((last - first, last - first))
                inner += np.dot(local.T, local)
                border[first:last, :width] += np.dot(local.T, dense)
            used += count
        part += 1
    return b, part, used


@compiled
def _halve(first: int, last: int, p: Any, half: Any, border: Any) -> None:
    """Invert the Cholesky factor of each block's own rows, and apply it to the border."""
    for b in range(first, last):
        begin, end = p.row_at[b], p.row_at[b + 1]
        if end > begin:
            inner = half[p.half_at[b] : p.half_at[b + 1]].reshape((end - begin, end - begin))
            inner[:] = np.linalg.inv(np.linalg.cholesky(inner))
            border[begin:end] = np.dot(inner, border[begin:end])


@compiled
def _widen(
    first: int, last: int, p: Any, theta: Any, half: Any, border: Any, wide: Any, link: Any
) -> None:  # fmt: skip
    """Write E and W of the blocks' wide columns."""
    for b in range(first, last):
        begin, end, at = p.row_at[b], p.row_at[b + 1], p.wide_at[b]
        rows = end - begin
        mine = wide[at : p.wide_at[b + 1]]
        if len(mine) == 0:
            continue
        mine[:] = 0.0
        local = np.zeros((len(mine), rows))
        for part in range(p.part_at[b], p.part_at[b + 1]):
            if p.width[part] > p.base:
                _, d, e = _matrices(p, part, rows)
                to = at - p.wide_at[b] + len(d)
                _centre(p, part, theta, d, e, wide[at : at + len(d)], local[to - len(d) : to])
                at += len(d)
        if rows == 0:
            continue
        inverse = half[p.half_at[b] : p.half_at[b + 1]].reshape((rows, rows))
        reach = np.dot(local, inverse.T)
        mine[:, : p.base] -= np.dot(reach, border[begin:end])
        square = np.dot(reach, reach.T)
        for i in range(len(mine)):
            square[i, i] += 1.0
        lower = np.linalg.inv(np.linalg.cholesky(square))
        mine[:] = np.dot(lower, mine)
        link[p.link_at[b] : p.link_at[b + 1]] = np.dot(lower, reach).ravel()


@compiled
def _forwards(
    first: int, last: int, p: Any, half: Any, link: Any, right: Any, known: Any, found: Any
) -> None:  # fmt: skip
    for b in range(first, last):
        begin, end, wide = p.row_at[b], p.row_at[b + 1], p.wide_at[b]
        rows = end - begin
        inverse = half[p.half_at[b] : p.half_at[b + 1]].reshape((rows, rows))
        for i in range(rows):
            total = 0.0
            for j in range(i + 1):  # a lower triangle
                total += inverse[i, j] * right[p.rows[begin + j]]
            known[begin + i] = total
        links = link[p.link_at[b] : p.link_at[b + 1]].reshape((p.wide_at[b + 1] - wide, rows))
        for i in range(len(links)):
            total = 0.0
            for j in range(rows):
                total += links[i, j] * known[begin + j]
            found[wide + i] = total


@compiled
def _backwards(
    first: int, last: int, p: Any, half: Any, link: Any, rest: Any, wide: Any, y: Any
) -> None:  # fmt: skip
    """Write y of the rows; `rest` and `wide` belong to this share, and are overwritten."""
    for b in range(first, last):
        begin, at, other = p.row_at[b], p.row_at[b] - p.row_at[first], p.wide_at[b] - p.wide_at[first]
        rows = p.row_at[b + 1] - begin
        links = link[p.link_at[b] : p.link_at[b + 1]].reshape((p.wide_at[b + 1] - p.wide_at[b], rows))
        for i in range(len(links)):
            for j in range(rows):
                rest[at + j] -= links[i, j] * wide[other + i]
        inverse = half[p.half_at[b] : p.half_at[b + 1]].reshape((rows, rows))
        for i in range(rows):
            total = 0.0
            for j in range(i, rows):
                total += inverse[j, i] * rest[at + j]
            y[p.rows[begin + i]] = total
