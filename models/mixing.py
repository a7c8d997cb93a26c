"""Mixtures of answers: every unit's convex combination of what it answers to several prices.

Answers are added up as they are found, a unit at a time: none of them is kept.
Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.compiled import inlined
from models.errors import CaseError
from models.response import Prices, Rows, check_prices

CHUNK = 4096
"""Units whose programs are held in double precision at once."""
MIXES = -1
"""In place of the round whose answer a unit takes: it mixes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shares:
    """How much the answers to each of K rounds' prices count for units of a responder."""

    weight: Floats  # (K,N) by the unit's total, see Rows
    only: Ints  # (U,) the round 0..K−1 whose answer the unit takes as it is, or MIXES


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixed:
    """Mixed programs of some units (n), by the fields of `models.outcome.Programs` that their class has."""

    fields: dict[str, Floats]  # (n,T) each
    short: Ints  # (s,) units whose sparse fields are not zero
    sparse: dict[str, Floats]  # (s,T) each
    reserve_units: Ints  # (h,) who may hold reserve
    held_kw: Floats  # (R,h,T)


@inlined
def share_of(weight: Floats, only: Ints, k: int, i: int, total: int) -> float:
    """Return how much the answer to round k counts for unit i: see Shares."""
    if only[i] >= 0:
        return 1.0 if only[i] == k else 0.0
    return float(weight[k, total])


def chunks(chosen: Ints) -> list[Ints]:
    """Return positions, a CHUNK at a time."""
    return [chosen[i : i + CHUNK] for i in range(0, len(chosen), CHUNK)]


def power_seen(rounds: Sequence[Prices], rows: Rows, chosen: Ints) -> tuple[Floats, Ints]:
    """Return prices of power (K,g,T) that chosen units (n) see, and which of the g each of them sees (n,)."""
    seen, row = np.unique(rows.power[chosen], return_inverse=True)
    power = np.empty((len(rounds), len(seen), rounds[0].power_eur_per_kw.shape[1]))
    for k, prices in enumerate(rounds):
        power[k] = prices.power_eur_per_kw[seen]
    return power, row.astype(np.int64)


def rewards_of(rounds: Sequence[Prices]) -> Floats:
    """Return the rewards of all rounds as (K·H,R,T): those of round k begin at row k·H."""
    return np.concatenate([prices.held_eur_per_kw for prices in rounds])


def places(chosen: Bools) -> tuple[Ints, Ints]:
    """Return the positions that are chosen (h,), and for each position (n,) its place among them, −1 if it is not."""
    found = np.flatnonzero(chosen)
    place = np.full(len(chosen), -1, dtype=np.int64)
    place[found] = np.arange(len(found))
    return found, place


def check_rounds(case: Case, rounds: Sequence[Prices], rows: Rows, shares: Shares, units: int) -> None:
    """Raise CaseError where prices, rows or shares do not fit the case and the responder's number of units."""
    for prices in rounds:
        check_prices(case, prices, rows, units)
        if len(prices.held_eur_per_kw) != len(rounds[0].held_eur_per_kw):
            raise CaseError("held_eur_per_kw must have as many rows in every round")
    totals = int(rows.total.max(initial=-1)) + 1
    if shares.weight.ndim != 2 or len(shares.weight) != len(rounds) or shares.weight.shape[1] < totals:
        raise CaseError(f"weight has shape {shares.weight.shape}, expected ({len(rounds)}, at least {totals})")
    if shares.only.shape != (units,) or (units and int(shares.only.max()) >= len(rounds)):
        raise CaseError(f"only must name a round 0..{len(rounds) - 1} or none for each of {units} units")
