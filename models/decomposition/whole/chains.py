"""Newton's equations of many chains in time, factored and solved by Riccati's recursion over ISPs. Compiled.

A chain is a connection: rows tie its variables of one ISP together, and only energies tie one ISP to the next.
Source: docs/explanation/optimisation.md §3.9.
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined


class Chains(NamedTuple):
    """B chains of T ISPs: n variables, r rows with a entries, k stores, all flat and chain after chain."""

    store_at: Ints  # (B+1,) where the stores of each chain begin
    variable_at: Ints  # (B·T+1,) where the variables of each ISP begin
    row_at: Ints  # (B·T+1,)
    entry_at: Ints  # (r+1,) where the entries of each row begin
    at: Ints  # (a,) variables of a row, counted from the first one of its ISP
    sign: Floats  # (a,)
    device: Ints  # (n,) the store of the chain whose energy the variable changes, −1 for none
    change: Floats  # (n,) kWh per kW
    kept: Floats  # (k·T,) share of the energy before that is kept in an ISP
    square_at: Ints  # (B·T+1,) where the square matrix of each ISP begins
    gain_at: Ints  # (B·T+1,)
    value_at: Ints  # (B+1,) where the matrices (T,K,K) of each chain begin; T times where its moves begin
    before_at: Ints  # (r+1,) where the energies before its ISP that count in each row begin
    before_of: Ints  # (q,) the store of the chain
    before: Floats  # (q,)


class Factors(NamedTuple):
    """Factored equations of all chains."""

    square: Floats  # Cholesky factors (m,m), lower halves with inverted diagonals
    gain: Floats  # (m,K) of each ISP: fall of its variables per kWh before it
    value: Floats  # (T,K,K) of each chain: curve of what follows in the energies after an ISP


@inlined
def widest(begins: Ints) -> int:
    """Return the number of members of the largest part, given where parts begin and the last one ends (parts+1,)."""
    most = 0
    for i in range(begins.shape[0] - 1):
        most = max(most, begins[i + 1] - begins[i])
    return most


@compiled
def factor(c: Chains, x_curve: Floats, row_curve: Floats, e_curve: Floats, f: Factors) -> None:
    """Factor the equations, given the curves of variables (n,), rows (r,) and energies (k·T,), ISP after ISP."""
    isps, value = (c.variable_at.shape[0] - 1) // (c.store_at.shape[0] - 1), np.zeros(widest(c.store_at) ** 2)
    for b in range(c.store_at.shape[0] - 1):
        stores, first = c.store_at[b + 1] - c.store_at[b], c.store_at[b]
        value[:] = 0.0
        for t in range(isps - 1, -1, -1):
            i, v = b * isps + t, c.value_at[b] + t * stores * stores
            for k in range(stores):
                value[k * stores + k] += e_curve[first * isps + t * stores + k]
                for o in range(k + 1):
                    f.value[v + k * stores + o] = f.value[v + o * stores + k] = value[k * stores + o]
            _fill(c, f, i, v, stores, x_curve, row_curve)
            _split(f.square, c.square_at[i], c.variable_at[i + 1] - c.variable_at[i])
            _step_back(c, f, i, v, stores, first * isps + t * stores, row_curve, value)


@inlined
def _fill(c: Chains, f: Factors, i: int, v: int, stores: int, x_curve: Floats, row_curve: Floats) -> None:
    """Write the lower half of the matrix of an ISP's variables, given that of the energies after it."""
    x, m, h = c.variable_at[i], c.variable_at[i + 1] - c.variable_at[i], c.square_at[i]
    for a in range(m):
        k = c.device[x + a]
        for b in range(a + 1):
            o, both = c.device[x + b], 0.0
            if k >= 0 and o >= 0:
                both = c.change[x + a] * c.change[x + b] * f.value[v + k * stores + o]
            f.square[h + a * m + b] = both
        f.square[h + a * m + a] += x_curve[x + a]
    for r in range(c.row_at[i], c.row_at[i + 1]):
        for n in range(c.entry_at[r], c.entry_at[r + 1]):
            a, weight = c.at[n], row_curve[r] * c.sign[n]
            for o in range(c.entry_at[r], c.entry_at[r + 1]):
                if c.at[o] <= a:
                    f.square[h + a * m + c.at[o]] += weight * c.sign[o]


@inlined
def _split(square: Floats, h: int, m: int) -> None:
    """Replace the lower half of a matrix (m,m) at h by its Cholesky factor, with the diagonal inverted."""
    for j in range(m):
        row = h + j * m
        total = square[row + j]
        for c in range(j):
            total -= square[row + c] * square[row + c]
        inverse = 1.0 / np.sqrt(max(total, 1e-30))
        square[row + j] = inverse
        for i in range(j + 1, m):
            total = square[h + i * m + j]
            for c in range(j):
                total -= square[h + i * m + c] * square[row + c]
            square[h + i * m + j] = total * inverse


@inlined
def _count_after(c: Chains, f: Factors, i: int, v: int, stores: int, e: int, value: Floats) -> None:
    """Write what the energies after an ISP, of those before it, mean for its variables, and for themselves."""
    x, m, g = c.variable_at[i], c.variable_at[i + 1] - c.variable_at[i], c.gain_at[i]
    for k in range(stores):
        for a in range(m):
            d, total = c.device[x + a], 0.0
            if d >= 0:
                total = c.change[x + a] * f.value[v + d * stores + k] * c.kept[e + k]
            f.gain[g + a * stores + k] = total
        for o in range(k + 1):
            value[k * stores + o] = c.kept[e + k] * f.value[v + k * stores + o] * c.kept[e + o]


@inlined
def _count_before(c: Chains, f: Factors, r: int, g: int, stores: int, curve: float, value: Floats) -> None:
    """Add a row in which energies before its ISP count to their matrix, and to the gain of the ISP's variables."""
    for q in range(c.before_at[r], c.before_at[r + 1]):
        k, weight = c.before_of[q], curve * c.before[q]
        for n in range(c.before_at[r], c.before_at[r + 1]):
            if c.before_of[n] <= k:
                value[k * stores + c.before_of[n]] += weight * c.before[n]
        for n in range(c.entry_at[r], c.entry_at[r + 1]):
            f.gain[g + c.at[n] * stores + k] += weight * c.sign[n]


@inlined
def _step_back(
    c: Chains, f: Factors, i: int, v: int, stores: int, e: int, row_curve: Floats, value: Floats
) -> None:  # fmt: skip
    """Write an ISP's gain, and the lower half of the matrix of the energies before it, value (K·K,)."""
    m, h, g = c.variable_at[i + 1] - c.variable_at[i], c.square_at[i], c.gain_at[i]
    _count_after(c, f, i, v, stores, e, value)
    for r in range(c.row_at[i], c.row_at[i + 1]):
        if c.before_at[r + 1] > c.before_at[r]:
            _count_before(c, f, r, g, stores, row_curve[r], value)
    for k in range(stores):
        for a in range(m):
            total = f.gain[g + a * stores + k]
            for b in range(a):
                total -= f.square[h + a * m + b] * f.gain[g + b * stores + k]
            f.gain[g + a * stores + k] = total * f.square[h + a * m + a]
        for o in range(k + 1):  # half solved: value falls by the product of two of these
            total = value[k * stores + o]
            for a in range(m):
                total -= f.gain[g + a * stores + k] * f.gain[g + a * stores + o]
            value[k * stores + o] = total
    for k in range(stores):
        for a in range(m - 1, -1, -1):
            total = f.gain[g + a * stores + k]
            for b in range(a + 1, m):
                total -= f.square[h + b * m + a] * f.gain[g + b * stores + k]
            f.gain[g + a * stores + k] = total * f.square[h + a * m + a]


@compiled
def substitute(c: Chains, f: Factors, right: Floats, right_e: Floats, miss: Floats, dx: Floats, de: Floats) -> None:
    """Write the changes of variables dx (n,), kW, and energies de (k·T,), kWh.

    right (n,), right_e (k·T,): what variables and energies cost; miss (k·T,): by how much energies are missed, kWh.
    """
    isps, most = (c.variable_at.shape[0] - 1) // (c.store_at.shape[0] - 1), widest(c.store_at)
    seen, back = np.zeros(most), np.zeros(most)
    for b in range(c.store_at.shape[0] - 1):
        back[:] = 0.0
        for t in range(isps - 1, -1, -1):
            _substitute_back(c, f, b, t, isps, right, right_e, miss, dx, seen, back)
        seen[:] = 0.0
        for t in range(isps):
            _follow(c, f, b, t, isps, miss, dx, de, seen)


@inlined
def _substitute_back(
    c: Chains, f: Factors, b: int, t: int, isps: int, right: Floats, right_e: Floats, miss: Floats, dx: Floats,
    seen: Floats, back: Floats,
) -> None:  # fmt: skip
    """Write the negative changes of an ISP's variables where energies before do not change; `back` moves one ISP.

    Numbers are read one by one: views of arrays would take as long as the arithmetic.
    """
    first, stores, i = c.store_at[b], c.store_at[b + 1] - c.store_at[b], b * isps + t
    e, x, m = first * isps + t * stores, c.variable_at[i], c.variable_at[i + 1] - c.variable_at[i]
    h, g, v = c.square_at[i], c.gain_at[i], c.value_at[b] + t * stores * stores
    for k in range(stores):
        total = back[k] + right_e[e + k]
        for o in range(stores):
            total += f.value[v + k * stores + o] * miss[e + o]
        seen[k] = total
    for a in range(m):
        d = c.device[x + a]
        dx[x + a] = right[x + a] + (c.change[x + a] * seen[d] if d >= 0 else 0.0)
    for k in range(stores):
        total = c.kept[e + k] * seen[k]
        for a in range(m):
            total -= f.gain[g + a * stores + k] * dx[x + a]
        back[k] = total
    for a in range(m):
        total = dx[x + a]
        for n in range(a):
            total -= f.square[h + a * m + n] * dx[x + n]
        dx[x + a] = total * f.square[h + a * m + a]
    for a in range(m - 1, -1, -1):
        total = dx[x + a] * f.square[h + a * m + a]
        dx[x + a] = total
        for n in range(a):
            dx[x + n] -= f.square[h + a * m + n] * total


@inlined
def _follow(
    c: Chains, f: Factors, b: int, t: int, isps: int, miss: Floats, dx: Floats, de: Floats, past: Floats
) -> None:  # fmt: skip
    """Write the changes of an ISP's variables and of the energies after it; `past` moves one ISP."""
    first, stores, i = c.store_at[b], c.store_at[b + 1] - c.store_at[b], b * isps + t
    e, x, m, g = first * isps + t * stores, c.variable_at[i], c.variable_at[i + 1] - c.variable_at[i], c.gain_at[i]
    for a in range(m):
        total = -dx[x + a]
        for k in range(stores):
            total -= f.gain[g + a * stores + k] * past[k]
        dx[x + a] = total
    for k in range(stores):
        past[k] = c.kept[e + k] * past[k] + miss[e + k]
    for a in range(m):
        if c.device[x + a] >= 0:
            past[c.device[x + a]] += c.change[x + a] * dx[x + a]
    for k in range(stores):
        de[e + k] = past[k]
