"""Newton's equations of a connection's program, factored and solved by Riccati's recursion over ISPs. Compiled.

Only energies connect ISPs, so these are the equations of a linear-quadratic control problem, and the work is
proportional to the number of ISPs. Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats
from models.compiled import compiled, inlined
from models.decomposition.joint.program import Newton, Point, Program


@inlined
def _curve(slack: float, dual: float, beyond: float, price: float) -> float:
    """Return by how much a row's multiplier rises per kW."""
    if price < np.inf:
        return 1.0 / (slack / dual + beyond / (price - dual))
    return dual / slack


@compiled
def factor(p: Program, z: Point, n: Newton, stores: int) -> None:
    """Factor Newton's equations at the present point, backwards in time."""
    value, before = np.zeros((stores, stores)), np.zeros((stores, stores))
    for k in range(stores):
        for s in range(p.step_eur.shape[1]):
            if p.step_eur[k, s] > 0.0:
                n.end_curve[k, s] = _curve(z.end_slack[k, s], z.end_dual[k, s], z.end_beyond[k, s], p.step_eur[k, s])
                value[k, k] += n.end_curve[k, s]
    for t in range(p.number.shape[0] - 1, -1, -1):
        for k in range(stores):
            if p.bounded[k, t] > 0.0:
                value[k, k] += z.floor[k, t] / (z.e[k, t] - p.low[k, t])
                value[k, k] += z.ceiling[k, t] / (p.high[k, t] - z.e[k, t])
        for k in range(stores):
            for o in range(stores):
                n.value[t, k, o] = value[k, o]
        _add_curves(p, z, n, t, value)
        _split(n.factor[t], p.number[t])
        _step_back(p, n, t, stores, value, before)


@inlined
def _add_curves(p: Program, z: Point, n: Newton, t: int, value: Floats) -> None:
    """Write the lower half of the matrix of an ISP's variables, given that of energies after it, value (K,K)."""
    h = n.factor[t]
    for i in range(p.number[t]):
        for j in range(i + 1):
            a, b = p.device[t, i], p.device[t, j]
            h[i, j] = p.change[t, i] * p.change[t, j] * value[a, b] if a >= 0 and b >= 0 else 0.0
        h[i, i] += z.below[t, i] / z.x[t, i] + z.above[t, i] / (p.most[t, i] - z.x[t, i])
    for r in range(p.rows[t]):
        curve = _curve(z.slack[t, r], z.dual[t, r], z.beyond[t, r], p.price[t, r])
        n.curve[t, r] = curve
        for a in range(p.entries[t, r]):
            i, weight = p.at[t, r, a], curve * p.sign[t, r, a]
            for b in range(p.entries[t, r]):
                j = p.at[t, r, b]
                if j <= i:
                    h[i, j] += weight * p.sign[t, r, b]


@inlined
def _split(h: Floats, m: int) -> None:
    """Replace the lower half of a matrix (m,m) by its Cholesky factor."""
    for i in range(m):
        for j in range(i + 1):
            total = h[i, j]
            for c in range(j):
                total -= h[i, c] * h[j, c]
            if i == j:
                h[i, i] = np.sqrt(max(total, 1e-30))
            else:
                h[i, j] = total / h[j, j]


@inlined
def _step_back(p: Program, n: Newton, t: int, stores: int, value: Floats, before: Floats) -> None:
    """Write an ISP's gain, and turn the matrix of energies after it, value (K,K), into that of energies before it."""
    m, h, g = p.number[t], n.factor[t], n.gain[t]
    for k in range(stores):
        for i in range(m):
            a = p.device[t, i]
            total = p.change[t, i] * value[a, k] * p.kept[k] if a >= 0 else 0.0
            for c in range(i):
                total -= h[i, c] * g[c, k]
            g[i, k] = total / h[i, i]  # half solved: value falls by the product of two of these
    for k in range(stores):
        for o in range(stores):
            total = p.kept[k] * value[k, o] * p.kept[o]
            for i in range(m):
                total -= g[i, k] * g[i, o]
            before[k, o] = total
    for k in range(stores):
        _solve_upper(h, m, g[:, k])
        for o in range(stores):
            value[k, o] = 0.5 * (before[k, o] + before[o, k])


@inlined
def _solve_lower(h: Floats, m: int, step: Floats) -> None:
    """Solve with the Cholesky factor (m,m), in place."""
    for i in range(m):
        total = step[i]
        for c in range(i):
            total -= h[i, c] * step[c]
        step[i] = total / h[i, i]


@inlined
def _solve_upper(h: Floats, m: int, step: Floats) -> None:
    """Solve with the Cholesky factor (m,m) transposed, in place."""
    for i in range(m - 1, -1, -1):
        total = step[i]
        for c in range(i + 1, m):
            total -= h[c, i] * step[c]
        step[i] = total / h[i, i]


@compiled
def substitute(p: Program, n: Newton, stores: int, with_energy: bool, dx: Floats, de: Floats) -> None:
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
def _substitute_back(p: Program, n: Newton, stores: int, with_energy: bool) -> None:
    """Write n.step (T,V): the negative changes of variables where energies before their ISP do not change."""
    back, seen = n.scratch[0], n.scratch[1]
    back[:stores] = 0.0
    for t in range(p.number.shape[0] - 1, -1, -1):
        m, step = p.number[t], n.step[t]
        for k in range(stores):
            if with_energy:
                back[k] += n.right_e[k, t]
            seen[k] = back[k]
            if with_energy:
                for o in range(stores):
                    seen[k] += n.value[t, k, o] * n.miss[o, t]
        for i in range(m):
            step[i] = n.right[t, i]
            if p.device[t, i] >= 0:
                step[i] += p.change[t, i] * seen[p.device[t, i]]
        _solve_lower(n.factor[t], m, step)
        _solve_upper(n.factor[t], m, step)
        for k in range(stores):
            total = seen[k]
            for i in range(m):
                if p.device[t, i] >= 0:
                    total -= n.value[t, k, p.device[t, i]] * p.change[t, i] * step[i]
            back[k] = p.kept[k] * total
