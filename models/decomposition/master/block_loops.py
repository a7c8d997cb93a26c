"""The loops over blocks of packed columns, compiled; the symbols are those of `block_elimination`."""

from typing import Any

import numpy as np

from models.compiled import compiled


@compiled
def _matrices(p: Any, part: int, rows: int) -> Any:
    """Return a part's columns (m,), dense (m,width) and local values (m,rows)."""
    begin, end = p.column_at[part], p.column_at[part + 1]
    dense = p.dense[p.dense_at[part] : p.dense_at[part + 1]].reshape((end - begin, p.width[part]))
    local = p.local[p.local_at[part] : p.local_at[part + 1]].reshape((end - begin, rows))
    return p.columns[begin:end], dense, local


@compiled
def times(first: int, last: int, p: Any, size: int, values: Any, out: Any) -> Any:
    """Return the sums of quantities (size,) for values (W,) of the columns; add those of the rows to out (n,)."""
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
def along(first: int, last: int, p: Any, quantities: Any, y: Any, out: Any) -> None:
    """Write the columns' values at prices of quantities (size,) and of rows (n,) into out (W,)."""
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
def begin_rows(first: int, last: int, p: Any, diagonal: Any, half: Any, border: Any) -> None:
    """Begin each block's own rows with the diagonal (n,), and its border with 0."""
    border[p.row_at[first] : p.row_at[last]] = 0.0
    half[p.half_at[first] : p.half_at[last]] = 0.0
    for b in range(first, last):
        rows = p.row_at[b + 1] - p.row_at[b]
        for i in range(rows):
            half[p.half_at[b] + i * (rows + 1)] = diagonal[p.rows[p.row_at[b] + i]]


@compiled
def add_columns(b: int, part: int, end: int, p: Any, theta: Any, held: Any, half: Any, border: Any) -> Any:
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
def invert_rows(first: int, last: int, p: Any, half: Any, border: Any) -> None:
    """Invert the Cholesky factor of each block's own rows, and apply it to the border."""
    for b in range(first, last):
        begin, end = p.row_at[b], p.row_at[b + 1]
        if end > begin:
            inner = half[p.half_at[b] : p.half_at[b + 1]].reshape((end - begin, end - begin))
            inner[:] = np.linalg.inv(np.linalg.cholesky(inner))
            border[begin:end] = np.dot(inner, border[begin:end])


@compiled
def eliminate_wide(
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
def substitute_forward(
    first: int, last: int, p: Any, half: Any, link: Any, right: Any, known: Any, found: Any
) -> None:  # fmt: skip
    """Write what the blocks' rows (n,) and wide columns are, given the right-hand side (n,), into known and found."""
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
def substitute_back(
    first: int, last: int, p: Any, half: Any, link: Any, rest: Any, wide: Any, y: Any
) -> None:  # fmt: skip
    """Write the prices y (n,) of the rows; `rest` and `wide` belong to these blocks, and are overwritten."""
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
