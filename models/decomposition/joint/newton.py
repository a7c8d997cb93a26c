"""Newton's equations of a connection's LP, factored and solved by Riccati's recursion over ISPs. Compiled.

Only energies connect ISPs, so these are the equations of a linear-quadratic control problem, and the work is
proportional to the number of ISPs.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats
from models.compiled import compiled, inlined
from models.decomposition.joint.connection_lp import ConnectionLp, Iterate, Newton


@inlined
def _curve(slack: float, dual: float, beyond: float, price: float) -> float:
    """Return by how much a row's multiplier rises per kW."""
    if price < np.inf:
        return 1.0 / (slack / dual + beyond / (price - dual))
    return dual / slack


@compiled
def factor(p: ConnectionLp, z: Iterate, n: Newton, stores: int) -> None:
    """Factor Newton's equations at the present iterate, backwards in time."""
    value = np.zeros((stores, stores))
    for k in range(stores):
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                n.end_curve[k, s] = _curve(z.end_slack[k, s], z.end_dual[k, s], z.end_beyond[k, s], p.step_eur[k, s])
                value[k, k] += n.end_curve[k, s]
    for t in range(p.number.shape[0] - 1, -1, -1):
        for k in range(stores):
            n.to_low[k, t] = n.to_high[k, t] = 0.0
            if p.bounded[k, t] > 0.0:
                n.to_low[k, t], n.to_high[k, t] = 1.0 / (z.e[k, t] - p.low[k, t]), 1.0 / (p.high[k, t] - z.e[k, t])
                value[k, k] += z.floor[k, t] * n.to_low[k, t] + z.ceiling[k, t] * n.to_high[k, t]
            for o in range(k + 1):
                n.value[t, k, o] = n.value[t, o, k] = value[k, o]
        _add_curves(p, z, n, t)
        _split(n, t, p.number[t])
        _step_back(p, n, t, stores, value)


@inlined
def _add_curves(p: ConnectionLp, z: Iterate, n: Newton, t: int) -> None:
    """Write the lower half of the matrix of an ISP's variables, given that of energies after it in n.value."""
    h = n.factor
    for i in range(p.number[t]):
        a = p.device[t, i]
        for j in range(i + 1):
            b = p.device[t, j]
            h[t, i, j] = p.change[t, i] * p.change[t, j] * n.value[t, a, b] if a >= 0 and b >= 0 else 0.0
        n.to_zero[t, i], n.to_most[t, i] = 1.0 / z.x[t, i], 1.0 / (p.most[t, i] - z.x[t, i])
        h[t, i, i] += z.below[t, i] * n.to_zero[t, i] + z.above[t, i] * n.to_most[t, i]
    for r in range(p.rows[t]):
        n.to_free[t, r], n.to_price[t, r] = 1.0 / z.dual[t, r], 0.0
        width = z.slack[t, r] * n.to_free[t, r]
        if p.price[t, r] < np.inf:
            n.to_price[t, r] = 1.0 / (p.price[t, r] - z.dual[t, r])
            width += z.beyond[t, r] * n.to_price[t, r]
        curve = 1.0 / width
        n.curve[t, r] = curve
        for a in range(p.entries[t, r]):
            i, weight = p.at[t, r, a], curve * p.sign[t, r, a]
            for b in range(p.entries[t, r]):
                j = p.at[t, r, b]
                if j <= i:
                    h[t, i, j] += weight * p.sign[t, r, b]


@inlined
def _split(n: Newton, t: int, m: int) -> None:
    """Replace the lower half of an ISP's matrix (m,m) by its Cholesky factor, with the diagonal inverted."""
    h = n.factor
    for j in range(m):
        total = h[t, j, j]
        for c in range(j):
            total -= h[t, j, c] * h[t, j, c]
        inverse = 1.0 / np.sqrt(max(total, 1e-30))
        h[t, j, j] = inverse
        for i in range(j + 1, m):
            total = h[t, i, j]
            for c in range(j):
                total -= h[t, i, c] * h[t, j, c]
            h[t, i, j] = total * inverse


@inlined
def _step_back(p: ConnectionLp, n: Newton, t: int, stores: int, value: Floats) -> None:
    """Write an ISP's gain, and the lower half of the matrix of energies before it, value (K,K)."""
    m, h, g = p.number[t], n.factor, n.gain
    for k in range(stores):
        for i in range(m):
            a = p.device[t, i]
            total = p.change[t, i] * n.value[t, a, k] * p.kept[k] if a >= 0 else 0.0
            for c in range(i):
                total -= h[t, i, c] * g[t, c, k]
            g[t, i, k] = total * h[t, i, i]  # half solved: value falls by the product of two of these
        for o in range(k + 1):
            total = p.kept[k] * n.value[t, k, o] * p.kept[o]
            for i in range(m):
                total -= g[t, i, k] * g[t, i, o]
            value[k, o] = total
    for k in range(stores):
        for i in range(m - 1, -1, -1):
            total = g[t, i, k]
            for c in range(i + 1, m):
                total -= h[t, c, i] * g[t, c, k]
            g[t, i, k] = total * h[t, i, i]


@compiled
def substitute(p: ConnectionLp, n: Newton, stores: int, with_energy: bool, dx: Floats, de: Floats) -> None:
    """Solve for the changes of variables (T,V) and energies (K,T), given the right sides in `n`."""
    _substitute_back(p, n, stores, with_energy)
    past = n.scratch[2]
    past[:stores] = 0.0
    for t in range(p.number.shape[0]):
        m = p.number[t]
        for i in range(m):
            total = -n.step[t, i]
            for k in range(stores):
                total -= n.gain[t, i, k] * past[k]
            dx[t, i] = total
        for k in range(stores):
            past[k] = p.kept[k] * past[k] + (n.miss[k, t] if with_energy else 0.0)
        for i in range(m):
            if p.device[t, i] >= 0:
                past[p.device[t, i]] += p.change[t, i] * dx[t, i]
        for k in range(stores):
            de[k, t] = past[k]


@inlined
def _substitute_back(p: ConnectionLp, n: Newton, stores: int, with_energy: bool) -> None:
    """Write n.step (T,V): the negative changes of variables where energies before their ISP do not change."""
    h, back, seen = n.factor, n.scratch[0], n.scratch[1]
    back[:stores] = 0.0
    for t in range(p.number.shape[0] - 1, -1, -1):
        m, step = p.number[t], n.step
        for k in range(stores):
            total = back[k]
            if with_energy:
                total += n.right_e[k, t]
                for o in range(stores):
                    total += n.value[t, k, o] * n.miss[o, t]
            seen[k] = total
        for i in range(m):
            a = p.device[t, i]
            step[t, i] = n.right[t, i] + (p.change[t, i] * seen[a] if a >= 0 else 0.0)
        for k in range(stores):  # by the gain, so that no ISP waits for the equations of the one after it
            total = p.kept[k] * seen[k]
            for i in range(m):
                total -= n.gain[t, i, k] * step[t, i]
            back[k] = total
        for i in range(m):
            total = step[t, i]
            for c in range(i):
                total -= h[t, i, c] * step[t, c]
            step[t, i] = total * h[t, i, i]
        for i in range(m - 1, -1, -1):
            total = step[t, i]
            for c in range(i + 1, m):
                total -= h[t, c, i] * step[t, c]
            step[t, i] = total * h[t, i, i]
