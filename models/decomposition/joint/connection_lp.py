"""The linear program of one connection, and what its solution needs: sizes, values and working arrays. Compiled.

    min Σ cost·x + Σ price·max(0, rows − right) + Σ level_eur·level + Σ end cost of e[T]
    e[t] = kept·e[t−1] + Σ change·x[t] + drift[t],   low <= e <= high,   0 <= x <= most,   level >= level_low

A row with a finite price is elastic: going beyond its right side costs that price. A level, such as a peak, is a
variable of all ISPs together; its columns border the system. Powers are in kW, energies in kWh, costs in EUR.
Source: docs/explanation/optimisation.md §3.1.
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined


class ConnectionLp(NamedTuple):
    """One LP: T ISPs with up to V variables and R rows of up to N entries; K stores, S end steps, P levels."""

    number: Ints  # (T,) variables
    cost: Floats  # (T,V)
    most: Floats  # (T,V) > 0
    device: Ints  # (T,V) the store whose energy the variable changes, −1 for none
    change: Floats  # (T,V) kWh per kW
    rows: Ints  # (T,)
    right: Floats  # (T,R)
    price: Floats  # (T,R) of going beyond, inf where that is not allowed
    level: Ints  # (T,R) the level that is taken from the row, −1 for none
    entries: Ints  # (T,R)
    at: Ints  # (T,R,N) variables of the row
    sign: Floats  # (T,R,N) their coefficients
    kept: Floats  # (K,)
    drift: Floats  # (K,T)
    low: Floats  # (K,T)
    high: Floats  # (K,T)
    bounded: Floats  # (K,T) 1 where the bounds of energy count, else 0
    start: Floats  # (K,)
    end_eur: Floats  # (K,) per kWh at the end
    step_eur: Floats  # (K,S) >= 0 per kWh beyond step_from at the end
    step_from: Floats  # (K,S)
    level_eur: Floats  # (P,)
    level_low: Floats  # (P,)


class Iterate(NamedTuple):
    """An iterate, or a step between two: variables, energies, rows, end steps, levels, and their multipliers."""

    x: Floats  # (T,V)
    below: Floats  # (T,V) multiplier of x >= 0
    above: Floats  # (T,V) of x <= most
    e: Floats  # (K,T)
    floor: Floats  # (K,T)
    ceiling: Floats  # (K,T)
    dual: Floats  # (T,R) of rows
    slack: Floats  # (T,R)
    beyond: Floats  # (T,R)
    end_dual: Floats  # (K,S)
    end_slack: Floats  # (K,S)
    end_beyond: Floats  # (K,S)
    level: Floats  # (P,)
    rest: Floats  # (P,) multiplier of level >= level_low


class Newton(NamedTuple):
    """Factors and right sides of Newton's equations, and one over each slack of the present iterate (0 for none)."""

    to_zero: Floats  # (T,V) one over x
    to_most: Floats  # (T,V) one over most − x
    to_low: Floats  # (K,T) one over e − low
    to_high: Floats  # (K,T) one over high − e
    to_free: Floats  # (T,R) one over the multiplier of a row
    to_price: Floats  # (T,R) one over price − multiplier
    curve: Floats  # (T,R) of rows
    end_curve: Floats  # (K,S)
    value: Floats  # (T,K,K)
    factor: Floats  # (T,V,V)
    gain: Floats  # (T,V,K)
    right: Floats  # (T,V)
    right_e: Floats  # (K,T)
    miss: Floats  # (K,T) of energy
    row_miss: Floats  # (T,R)
    end_miss: Floats  # (K,S)
    step: Floats  # (T,V)
    scratch: Floats  # (4,K)
    of_levels: Floats  # (P,T,V) changes of x per kW of each level
    border: Floats  # (P,P+1)


@compiled
def new_lp(isps: int, variables: int, rows: int, entries: int, stores: int, steps: int, levels: int) -> ConnectionLp:
    """Return an LP of zeros of these sizes."""
    return ConnectionLp(
        np.zeros(isps, dtype=np.int64), np.zeros((isps, variables)), np.zeros((isps, variables)),
        np.zeros((isps, variables), dtype=np.int64), np.zeros((isps, variables)), np.zeros(isps, dtype=np.int64),
        np.zeros((isps, rows)), np.zeros((isps, rows)), np.zeros((isps, rows), dtype=np.int64),
        np.zeros((isps, rows), dtype=np.int64), np.zeros((isps, rows, entries), dtype=np.int64),
        np.zeros((isps, rows, entries)), np.zeros(stores), np.zeros((stores, isps)), np.zeros((stores, isps)),
        np.zeros((stores, isps)), np.zeros((stores, isps)), np.zeros(stores), np.zeros(stores),
        np.zeros((stores, steps)), np.zeros((stores, steps)), np.zeros(levels), np.zeros(levels),
    )  # fmt: skip


@compiled
def new_iterate(isps: int, variables: int, rows: int, stores: int, steps: int, levels: int) -> Iterate:
    """Return an iterate of zeros."""
    return Iterate(
        np.zeros((isps, variables)), np.zeros((isps, variables)), np.zeros((isps, variables)),
        np.zeros((stores, isps)), np.zeros((stores, isps)), np.zeros((stores, isps)),
        np.zeros((isps, rows)), np.zeros((isps, rows)), np.zeros((isps, rows)),
        np.zeros((stores, steps)), np.zeros((stores, steps)), np.zeros((stores, steps)),
        np.zeros(levels), np.zeros(levels),
    )  # fmt: skip


@compiled
def new_newton(isps: int, variables: int, rows: int, stores: int, steps: int, levels: int) -> Newton:
    """Return working arrays of zeros of these sizes."""
    return Newton(
        np.zeros((isps, variables)), np.zeros((isps, variables)), np.zeros((stores, isps)), np.zeros((stores, isps)),
        np.zeros((isps, rows)), np.zeros((isps, rows)),
        np.zeros((isps, rows)), np.zeros((stores, steps)), np.zeros((isps, stores, stores)),
        np.zeros((isps, variables, variables)), np.zeros((isps, variables, stores)), np.zeros((isps, variables)),
        np.zeros((stores, isps)), np.zeros((stores, isps)), np.zeros((isps, rows)), np.zeros((stores, steps)),
        np.zeros((isps, variables)), np.zeros((4, stores)), np.zeros((levels, isps, variables)),
        np.zeros((levels, levels + 1)),
    )  # fmt: skip


@inlined
def row_value(p: ConnectionLp, x: Floats, t: int, r: int) -> float:
    """Return the value of row r of ISP t, kW, at variables x (T,V)."""
    total = 0.0
    for n in range(p.entries[t, r]):
        total += p.sign[t, r, n] * x[t, p.at[t, r, n]]
    return total
