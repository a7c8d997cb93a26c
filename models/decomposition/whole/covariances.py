"""Covariances of the outputs of chains: entries of the inverse of their equations. Compiled.

The inverse is the covariance of a chain of random variables: x[t] = −gain·e[t−1] + w[t] and
e[t] = move·e[t−1] + change·w[t], with independent w. So the covariance of outputs in two ISPs is a product of three
matrices, and the sum over many chains takes one product of large matrices for each block of a few ISPs.
Source: docs/explanation/optimisation.md §3.9.
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined
from models.decomposition.whole.chains import Chains, Factors, widest


class Covariances(NamedTuple):
    """Covariances of outputs, O in each ISP, by D blocks of W ISPs; N stores in all, G groups of chains."""

    gain: Floats  # (D,W·O,N) of an output per energy before its block
    past: Floats  # (D,N,W·O) of the energies after a block with the outputs in it
    move: Floats  # (D,…) matrices (K,K) of one chain after the other: energies after a block by those before it
    within: Floats  # (G,D,W·O,W·O) of outputs of one block, lower half, halved on the diagonal


class _ChainWorkspace(NamedTuple):
    """Working arrays for one chain: m variables of an ISP, O outputs, K stores."""

    half: Floats  # (m,O+K) outputs and energies by variables, solved by the lower factor
    gain: Floats  # (O,K) of outputs per energy before
    move: Floats  # (K,K) energies by those before
    lead: Floats  # (K,K) energies before an ISP by those before its block
    variance: Floats  # (K,K) of the energies before an ISP
    carried: Floats  # (O,K) gain times variance
    states: Floats  # (K,W·O) covariance of energies with the outputs of the block so far
    spare: Floats  # (K,K)


@compiled
def covary(
    c: Chains, f: Factors, output: Floats, members: Ints, group: Ints, wide: int, into: Covariances
) -> None:  # fmt: skip
    """Write the covariances of the outputs of some chains, members (M,), to `into`.

    output (n,O): what each variable adds to the outputs of its ISP; group (M,) of each chain; `wide`: ISPs of a block.

    `into.within` is added to.
    """
    isps, outputs = (c.variable_at.shape[0] - 1) // (c.store_at.shape[0] - 1), output.shape[1]
    most, size = widest(c.store_at), widest(c.variable_at)
    w = _ChainWorkspace(
        np.zeros((size, outputs + most)), np.zeros((outputs, most)), np.zeros((most, most)), np.zeros((most, most)),
        np.zeros((most, most)), np.zeros((outputs, most)), np.zeros((most, wide * outputs)), np.zeros((most, most)),
    )  # fmt: skip
    for member in range(members.shape[0]):
        b = members[member]
        stores, first = c.store_at[b + 1] - c.store_at[b], c.store_at[b]
        w.variance[:, :] = 0.0
        for t in range(isps):
            i, block, at = b * isps + t, t // wide, (t % wide) * outputs
            x, m = c.variable_at[i], c.variable_at[i + 1] - c.variable_at[i]
            if at == 0:
                w.lead[:, :] = 0.0
                for k in range(stores):
                    w.lead[k, k] = 1.0
            _half_solve(c, f, i, x, m, output, w, stores)
            _write_moves(c, f, i, x, m, output, w, stores, first * isps + t * stores)
            _add_within(m, stores, outputs, at, w, into.within, group[member], block)
            _lead(stores, outputs, w, into.gain, block, at, first)
            _pass_on(m, stores, outputs, at, w)
            _pass_lead_on(stores, w)
            _pass_variance_on(m, stores, outputs, w)
            if t % wide == wide - 1 or t == isps - 1:
                for k in range(stores):
                    for n in range(at + outputs):
                        into.past[block, first + k, n] = w.states[k, n]
                    for a in range(stores):
                        into.move[block, c.value_at[b] // isps + k * stores + a] = w.lead[k, a]


@inlined
def _lead(stores: int, outputs: int, w: _ChainWorkspace, gain: Floats, block: int, at: int, first: int) -> None:
    """Write the gain of an ISP's outputs per energy before its block."""
    for o in range(outputs):
        for k in range(stores):
            total = 0.0
            for a in range(stores):
                total += w.gain[o, a] * w.lead[a, k]
            gain[block, at + o, first + k] = total


@inlined
def _half_solve(
    c: Chains, f: Factors, i: int, x: int, m: int, output: Floats, w: _ChainWorkspace, stores: int
) -> None:  # fmt: skip
    """Write what outputs and energies have of each variable, solved by the lower factor of an ISP."""
    outputs = output.shape[1]
    wide, h = outputs + stores, c.square_at[i]
    for a in range(m):
        for o in range(wide):
            w.half[a, o] = output[x + a, o] if o < outputs else 0.0
        if c.device[x + a] >= 0:
            w.half[a, outputs + c.device[x + a]] = c.change[x + a]
        for b in range(a):
            by = f.square[h + a * m + b]
            if by != 0.0:
                for o in range(wide):
                    w.half[a, o] -= by * w.half[b, o]
        for o in range(wide):
            w.half[a, o] *= f.square[h + a * m + a]


@inlined
def _write_moves(
    c: Chains, f: Factors, i: int, x: int, m: int, output: Floats, w: _ChainWorkspace, stores: int, e: int
) -> None:  # fmt: skip
    """Write how outputs and energies of an ISP depend on the energies before it."""
    outputs, g = output.shape[1], c.gain_at[i]
    for k in range(stores):
        for o in range(outputs):
            w.gain[o, k] = 0.0
        for a in range(stores):
            w.move[k, a] = c.kept[e + k] if k == a else 0.0
    for a in range(m):
        d = c.device[x + a]
        for k in range(stores):
            for o in range(outputs):
                w.gain[o, k] -= output[x + a, o] * f.gain[g + a * stores + k]
            if d >= 0:
                w.move[d, k] -= c.change[x + a] * f.gain[g + a * stores + k]


@inlined
def _add_within(
    m: int, stores: int, outputs: int, at: int, w: _ChainWorkspace, within: Floats, group: int, block: int
) -> None:  # fmt: skip
    """Add the covariances of an ISP's outputs with those before in its block, and half of those of one another."""
    for o in range(outputs):
        for k in range(stores):
            total = 0.0
            for a in range(stores):
                total += w.gain[o, a] * w.variance[a, k]
            w.carried[o, k] = total
        for n in range(at):
            total = 0.0
            for a in range(stores):
                total += w.gain[o, a] * w.states[a, n]
            within[group, block, at + o, n] += total
    for o in range(outputs):
        for n in range(o + 1):
            total = 0.0
            for a in range(m):
                total += w.half[a, o] * w.half[a, n]
            for k in range(stores):
                total += w.carried[o, k] * w.gain[n, k]
            within[group, block, at + o, at + n] += total if n < o else 0.5 * total


@inlined
def _pass_on(m: int, stores: int, outputs: int, at: int, w: _ChainWorkspace) -> None:
    """Move the covariances of energies with outputs over an ISP."""
    for n in range(at):
        for k in range(stores):
            total = 0.0
            for a in range(stores):
                total += w.move[k, a] * w.states[a, n]
            w.spare[k, 0] = total
        for k in range(stores):
            w.states[k, n] = w.spare[k, 0]
    for k in range(stores):
        for o in range(outputs):
            total = 0.0
            for a in range(m):
                total += w.half[a, outputs + k] * w.half[a, o]
            for a in range(stores):
                total += w.move[k, a] * w.carried[o, a]
            w.states[k, at + o] = total


@inlined
def _pass_lead_on(stores: int, w: _ChainWorkspace) -> None:
    """Move what leads to energies from before the block over an ISP."""
    for a in range(stores):
        for k in range(stores):
            total = 0.0
            for n in range(stores):
                total += w.move[k, n] * w.lead[n, a]
            w.spare[k, 0] = total
        for k in range(stores):
            w.lead[k, a] = w.spare[k, 0]


@inlined
def _pass_variance_on(m: int, stores: int, outputs: int, w: _ChainWorkspace) -> None:
    """Move the variance of energies over an ISP."""
    for k in range(stores):
        for a in range(stores):
            total = 0.0
            for n in range(stores):
                total += w.move[k, n] * w.variance[n, a]
            w.spare[k, a] = total
    for k in range(stores):
        for a in range(stores):
            total = 0.0
            for n in range(stores):
                total += w.spare[k, n] * w.move[a, n]
            for n in range(m):
                total += w.half[n, outputs + k] * w.half[n, outputs + a]
            w.variance[k, a] = total
