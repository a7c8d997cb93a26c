"""Mixtures of answers: every unit's convex combination of its answers to several prices.

Answers are added up as they are found, unit by unit, and none of them is kept.
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
"""Most units whose programs are kept in double precision at once."""
MIXES = -1
"""Stands in place of a round's number for a unit that mixes its answers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shares:
    """The weights of the answers to each of K rounds' prices, for units of a responder."""

    weight: Floats  # (K,N) by total; a unit's total is in its Rows
    only: Ints  # (U,) the round 0..K−1 whose answer the unit takes as it is, or MIXES


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixed:
    """Mixed programs of some units (n), by their class's fields of `models.case.Programs`."""

    fields: dict[str, Floats]  # (n,T) each
    short: Ints  # (s,) units whose sparse fields are not zero
    sparse: dict[str, Floats]  # (s,T) each
    reserve_units: Ints  # (h,) positions of the units that may hold reserve
    held_kw: Floats  # (R,h,T)


@inlined
def share_of(weight: Floats, only: Ints, k: int, i: int, total: int) -> float:
    """Return the share, 0 to 1, of the answer to round k for unit i: see Shares for weight (K,total) and only (n,)."""
    if only[i] >= 0:
        return 1.0 if only[i] == k else 0.0
    return float(weight[k, total])


def chunks(chosen: Ints) -> list[Ints]:
    """Return positions (n,) in pieces (m,) with m <= CHUNK."""
    return [chosen[i : i + CHUNK] for i in range(0, len(chosen), CHUNK)]


def power_seen(rounds: Sequence[Prices], rows: Rows, chosen: Ints) -> tuple[Floats, Ints]:
    """Return the g different power prices (K,g,T) that chosen units see, and the row (n,) that each unit sees."""
    seen, row = np.unique(rows.power[chosen], return_inverse=True)
    power = np.empty((len(rounds), len(seen), rounds[0].power_eur_per_kw.shape[1]))
    for k, prices in enumerate(rounds):
        power[k] = prices.power_eur_per_kw[seen]
    return power, row.astype(np.int64)


def rewards_of(rounds: Sequence[Prices]) -> Floats:
    """Return the rewards of all rounds (K·H,R,T), EUR per kW of one ISP: those of round k begin at row k·H."""
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
