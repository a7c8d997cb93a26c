"""Eliminates the blocks of an arrow-shaped normal matrix MΘMᵀ, and solves with what is left: compiled.

Blocks are packed one behind the other. A block's columns come in parts whose groups move the first `width` quantities;
every group's columns are centred, which eliminates its convexity row. Source: docs/optimisation.md §8.4.
"""

from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled

_SHARES = 2  # of the blocks, each in a thread of its own; whatever the machine has, so that sums are always the same
_CHUNK = 512  # columns whose products are held at once

Packed = namedtuple(
    "Packed", ["rows", "row_at", "part_at", "width", "column_at", "columns", "group", "dense_at", "dense", "local_at",
               "local", "half_at"],
)  # fmt: skip
"""rows (Σr,) of the blocks, and where each block's begin (B+1,); where each block's parts begin (B+1,).

Of each part: its width (P,), where its columns begin (P+1,), columns (M,) ascending by group, group (M,) from 0 in each
part, and where its dense (m,width) and local (m,r) values lie in flat arrays (P+1,). Where each block's (r,r) lies in a
flat array (B+1,).
"""


@dataclass(kw_only=True)
class Blocks:
    """Blocks while they are packed."""

    rows: list[Ints] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)  # of each block
    columns: list[Ints] = field(default_factory=list)
    group: list[Ints] = field(default_factory=list)
    dense: list[Floats] = field(default_factory=list)
    local: list[Floats] = field(default_factory=list)

    def part(self, columns: Ints, group: Ints, dense: Floats, local: Floats) -> None:
        """Add a part to the block that comes next."""
        self.columns.append(columns)
        self.group.append(group)
        self.dense.append(dense)
        self.local.append(local)

    def close(self, rows: Ints) -> None:
        """Complete the block that has the parts added since the last one."""
        self.rows.append(rows)
        self.parts.append(len(self.columns) - sum(self.parts))

    def packed(self) -> Packed:
        """Return them packed."""
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        sizes = np.array([len(rows) for rows in self.rows], dtype=np.int64)
        return Packed(
            rows=np.concatenate([none, *self.rows]).astype(np.int64),
            row_at=_begins(sizes),
            part_at=_begins(np.array(self.parts, dtype=np.int64)),
            width=np.array([one.shape[1] for one in self.dense], dtype=np.int64),
            column_at=_begins(np.array([len(one) for one in self.columns], dtype=np.int64)),
            columns=np.concatenate([none, *self.columns]).astype(np.int64),
            group=np.concatenate([none, *self.group]).astype(np.int64),
            dense_at=_begins(np.array([one.size for one in self.dense], dtype=np.int64)),
            dense=np.concatenate([nothing, *(one.ravel() for one in self.dense)]),
            local_at=_begins(np.array([one.size for one in self.local], dtype=np.int64)),
            local=np.concatenate([nothing, *(one.ravel() for one in self.local)]),
            half_at=_begins(sizes**2),
        )


def _begins(sizes: Ints) -> Ints:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)])


class Arrow:
    """Blocks of columns that move `size` quantities, eliminated again and again for other Θ."""

    def __init__(self, blocks: Blocks, size: int) -> None:
        self.packed, self.size = blocks.packed(), size
        self.half = np.zeros(int(self.packed.half_at[-1]))
        self.border = np.zeros((len(self.packed.rows), size))
        weight = np.diff(self.packed.column_at)
        work = np.array([weight[a:b].sum() for a, b in pairwise(self.packed.part_at.tolist())])
        reached = np.cumsum(work) / max(work.sum(), 1)
        cuts = [0, *np.searchsorted(reached, np.arange(1, _SHARES) / _SHARES).tolist(), len(work)]
        self.shares = list(pairwise(cuts))

    def factor(self, theta: Floats, diagonal: Floats, pool: ThreadPoolExecutor) -> Floats:
        """Return what the blocks leave among the quantities (size,size). Raises LinAlgError where rounding spoils it.

        theta (V,) of the columns, diagonal (n,) of what else lies in a block's row.
        """

        def run(share: tuple[int, int]) -> Floats:
            left = _eliminate(*share, self.packed, theta, diagonal, self.size, self.half, self.border)
            return np.asarray(left, dtype=np.float64)

        total = np.zeros((self.size, self.size))
        for left in pool.map(run, self.shares):
            total += left
        return total

    def forward(self, right: Floats) -> tuple[Floats, Floats]:
        """Return what is known of the blocks' rows (Σr,), and what they pull at the quantities (size,)."""
        known = _halves(self.packed, self.half, right)
        return known, known @ self.border

    def back(self, known: Floats, quantities: Floats, y: Floats) -> None:
        """Write the prices of the blocks' rows into y (n,), given those of the quantities."""
        _backwards(self.packed, self.half, known - self.border @ quantities, y)


@compiled
def _centre(p: Any, part: int, theta: Any, width: int, rows: int, dense: Any, local: Any) -> int:
    """Write the part's columns less their group's mean by Θ, times the root of Θ; return how many."""
    begin, end = p.column_at[part], p.column_at[part + 1]
    count = end - begin
    d = p.dense[p.dense_at[part] : p.dense_at[part + 1]].reshape((count, width))
    e = p.local[p.local_at[part] : p.local_at[part + 1]].reshape((count, rows))
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
        for n in range(i, j):
            root = np.sqrt(theta[p.columns[begin + n]])
            for k in range(width):
                dense[n, k] = (d[n, k] - mean[k] / total) * root
            for k in range(rows):
                local[n, k] = (e[n, k] - here[k] / total) * root
        i = j
    return int(count)


@compiled
def _eliminate(first: int, last: int, p: Any, theta: Any, diagonal: Any, size: int, half: Any, border: Any) -> Any:
    """Eliminate blocks first..last−1; return what they leave, and write each block's half and border."""
    border[p.row_at[first] : p.row_at[last]] = 0.0
    half[p.half_at[first] : p.half_at[last]] = 0.0
    for b in range(first, last):
        rows = p.row_at[b + 1] - p.row_at[b]
        for i in range(rows):
            half[p.half_at[b] + i * (rows + 1)] = diagonal[p.rows[p.row_at[b] + i]]
    left = np.zeros((size, size))
    for width in np.unique(p.width[p.part_at[first] : p.part_at[last]]):
        left[:width, :width] += _gained(first, last, p, theta, width, half, border)
    return left - _lost(first, last, p, size, half, border)


@compiled
def _gained(first: int, last: int, p: Any, theta: Any, width: int, half: Any, border: Any) -> Any:
    """Return the products of all centred columns of one width; add theirs with the blocks' rows to half and border."""
    total, held, used = np.zeros((width, width)), np.zeros((_CHUNK, width)), 0
    for b in range(first, last):
        begin, end = p.row_at[b], p.row_at[b + 1]
        inner = half[p.half_at[b] : p.half_at[b + 1]].reshape((end - begin, end - begin))
        for part in range(p.part_at[b], p.part_at[b + 1]):
            if p.width[part] != width:
                continue
            count = p.column_at[part + 1] - p.column_at[part]
            if used + count > _CHUNK:
                total += _square(held[:used])
                used = 0
            dense = held[used : used + count] if count <= _CHUNK else np.zeros((count, width))
            local = np.zeros((count, end - begin))
            _centre(p, part, theta, width, end - begin, dense, local)
            if count > _CHUNK:
                total += _square(dense)
            else:
                used += count
            if end > begin:
                inner += _square(local)
                border[begin:end, :width] += np.dot(local.T, dense)
    return total + _square(held[:used])


@compiled
def _lost(first: int, last: int, p: Any, size: int, half: Any, border: Any) -> Any:
    """Factor each block among its own rows, and return what eliminating it takes from the quantities."""
    total, at = np.zeros((size, size)), p.row_at[first]
    for b in range(first, last):
        begin, end = p.row_at[b], p.row_at[b + 1]
        if end == begin:
            continue
        inner = half[p.half_at[b] : p.half_at[b + 1]].reshape((end - begin, end - begin))
        inner[:] = np.linalg.inv(np.linalg.cholesky(inner))
        border[begin:end] = np.dot(inner, border[begin:end])
        if end - at > _CHUNK:
            total += _square(border[at:end])
            at = end
    return total + _square(border[at : p.row_at[last]])


@compiled
def _square(rows: Any) -> Any:
    return np.dot(rows.T, rows)


@compiled
def _halves(p: Any, half: Any, right: Any) -> Any:
    known = np.zeros(len(p.rows))
    for b in range(len(p.row_at) - 1):
        begin, end = p.row_at[b], p.row_at[b + 1]
        rows = end - begin
        inverse = half[p.half_at[b] : p.half_at[b + 1]].reshape((rows, rows))
        for i in range(rows):
            for j in range(i + 1):  # a lower triangle
                known[begin + i] += inverse[i, j] * right[p.rows[begin + j]]
    return known


@compiled
def _backwards(p: Any, half: Any, known: Any, y: Any) -> None:
    for b in range(len(p.row_at) - 1):
        begin, end = p.row_at[b], p.row_at[b + 1]
        rows = end - begin
        inverse = half[p.half_at[b] : p.half_at[b + 1]].reshape((rows, rows))
        for i in range(rows):
            total = 0.0
            for j in range(i, rows):
                total += inverse[j, i] * known[begin + j]
            y[p.rows[begin + i]] = total
