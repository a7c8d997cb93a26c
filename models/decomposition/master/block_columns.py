"""Packs columns by the block whose rows they meet, and within it by how many quantities they move. Compiled.

Blocks follow each other; a block's columns come in parts, whose groups move at most the first `width` quantities.
Source: docs/explanation/optimisation.md §3.4.
"""

from collections import namedtuple
from typing import Any

import numpy as np
from scipy import sparse

from models.case import Bools, Ints
from models.compiled import compiled

Packed = namedtuple(
    "Packed", ["rows", "row_at", "part_at", "width", "column_at", "columns", "group", "dense_at", "dense", "local_at",
               "local", "half_at", "base", "wide_at", "link_at"],
)  # fmt: skip
"""rows (Σr,) of the blocks, and where each block's begin (B+1,); where each block's parts begin (B+1,).

Of each part: its width (P,), where its columns begin (P+1,), columns (M,) ascending by group, group (M,), and where its
dense (m,width) and local (m,r) values lie in flat arrays (P+1,). Where each block's (r,r) lies in a flat array (B+1,).

Columns of more than `base` quantities are wide: where each block's begin among all of them (B+1,), and where its (m,r)
lies in a flat array (B+1,).
"""


def pack(
    moves: sparse.csc_array, quantity: Ints, block: Ints, group: Ints, group_block: Ints, chosen: Bools, unmet: Ints,
    width_step: int,
) -> Packed:  # fmt: skip
    """Pack the columns of the chosen groups (G,), and the blocks `unmet`, whose rows no group meets.

    moves (n,W): values of all columns. quantity, block (n,): the quantity that each row counts and its block, −1 where
    none. group (W,): each column's group, ascending. group_block (G,): each group's block. Widths are rounded up to
    multiples of `width_step`.
    """
    columns = np.flatnonzero(chosen[group])
    reach = np.zeros(len(group_block), dtype=np.int64)
    np.maximum.at(reach, group[np.repeat(np.arange(len(group)), np.diff(moves.indptr))], quantity[moves.indices] + 1)
    reach = np.minimum(-(-reach // width_step) * width_step, quantity.max(initial=-1) + 1)
    home, width = group_block[group[columns]], reach[group[columns]]
    order = np.lexsort((width, home))  # stable: groups stay ascending
    columns, home, width = columns[order], home[order], width[order]
    first = np.flatnonzero(np.append(True, (np.diff(home) != 0) | (np.diff(width) != 0))) if len(columns) else order
    present, parts = np.unique(home[first], return_counts=True)
    blocks = np.concatenate([present, unmet]).astype(np.int64)
    rows = np.argsort(block, kind="stable")
    begin, end = (np.searchsorted(block[rows], np.maximum(blocks, 0), side=side) for side in ("left", "right"))
    size = np.where(blocks >= 0, end - begin, 0)
    rows = np.concatenate([rows[:0], *(rows[a : a + n] for a, n in zip(begin.tolist(), size.tolist(), strict=True))])
    place = np.full(len(block), -1)
    place[rows] = np.arange(len(rows)) - np.repeat(_begins(size)[:-1], size)
    column_at = np.append(first, len(columns))
    count, local = np.diff(column_at), np.repeat(size[: len(present)], parts)
    dense_at, local_at = _begins(count * width[first]), _begins(count * local)
    part_at = _begins(np.append(parts, np.zeros(len(unmet))))
    base, wide = _narrow(part_at, width[first], count, size)
    packed = Packed(
        rows=rows, row_at=_begins(size), part_at=part_at, width=width[first],
        column_at=column_at, columns=columns, group=group[columns], dense_at=dense_at, dense=np.zeros(dense_at[-1]),
        local_at=local_at, local=np.zeros(local_at[-1]), half_at=_begins(size**2),
        base=base, wide_at=_begins(wide), link_at=_begins(wide * size),
    )  # fmt: skip
    _enter(packed, moves.indptr, moves.indices, moves.data, quantity, place)
    return packed


def _narrow(part_at: Ints, width: Ints, count: Ints, rows: Ints) -> tuple[int, Ints]:
    """Return the width up to which columns are narrow, for the least work, and how many others each block has (B,)."""
    home = np.repeat(np.arange(len(rows)), np.diff(part_at))
    least, result = np.inf, (0, np.zeros(len(rows), dtype=np.int64))
    most = int(width.max(initial=0))
    for base in np.unique(np.append(width, most)).tolist():
        wide = np.bincount(home, np.where(width > base, count, 0), len(rows))
        work = float((rows * base**2 + np.where(rows > 0, wide**2 * (most + wide), 0.0)).sum())
        if work < least:
            least, result = work, (base, wide.astype(np.int64))
    return result


def _begins(sizes: Ints) -> Ints:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)])


@compiled
def _enter(p: Any, begins: Any, indices: Any, data: Any, quantity: Any, place: Any) -> None:
    """Write the columns' values to their packed places."""
    for b in range(len(p.part_at) - 1):
        rows = p.row_at[b + 1] - p.row_at[b]
        for part in range(p.part_at[b], p.part_at[b + 1]):
            for n in range(p.column_at[part], p.column_at[part + 1]):
                at = n - p.column_at[part]
                dense, local = p.dense_at[part] + at * p.width[part], p.local_at[part] + at * rows
                for k in range(begins[p.columns[n]], begins[p.columns[n] + 1]):
                    if quantity[indices[k]] >= 0:
                        p.dense[dense + quantity[indices[k]]] = data[k]
                    elif place[indices[k]] >= 0:
                        p.local[local + place[indices[k]]] = data[k]
