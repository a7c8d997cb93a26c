"""Settles units that take one of their answers as it is, so that all other units are mixed around what these take.

Source: docs/explanation/optimisation.md §3.5.
"""

from dataclasses import dataclass, replace

import numpy as np

from models.case import Case, Floats, Ints
from models.decomposition.master.restricted_master import SETTLED, RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import Grouping
from models.decomposition.prices.pricing import Pricing
from models.mixing import Shares
from models.response import Prices


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The answers of some units of a batch to several rounds, and the share of each."""

    units: Ints  # (n,) positions in the batch
    rounds: list[Prices]
    shares: Shares  # of all units of the batch


def beside(every: Answers, taken: Answers | None) -> tuple[Answers, ...]:
    """Return the answers that some units have taken, and those of all other units; only the latter where none has."""
    if taken is None:
        return (every,)
    left = np.setdiff1d(every.units, taken.units)
    return (taken, replace(every, units=left)) if len(left) else (taken,)


def settle_whole_answers(
    case: Case,
    grouping: Grouping,
    pricing: Pricing,
    master: RestrictedMaster,
    weights: dict[int, Floats],
    prices: dict[int, DualPrices],
) -> dict[int, Answers]:
    """Settle the groups of units that take an answer as it is in the master, but for those that may hold reserve.

    `weights` (G,) and `prices` are given per round. Returns what the units took, by position of their batch.
    """
    result = dict[int, Answers]()
    numbers = [number for number in weights if number != SETTLED]
    weight = np.array([weights[number] for number in numbers]).reshape(len(numbers), len(grouping.group_point))
    for index, batch in enumerate(grouping.batches):
        mixing, total = batch.resource.mixing, batch.rows.total
        if mixing is None or mixing.whole is None or mixing.whole_answers is None:
            continue
        mine = np.flatnonzero(mixing.whole(case)[batch.units] & ~grouping.group_may_hold[total])
        if not len(mine):
            continue
        shares = Shares(weight=weight, only=mixing.whole_answers(case, batch.units, total, weight))
        taken = Answers(
            units=mine, rounds=[prices[number].seen(called=batch.called) for number in numbers], shares=shares
        )
        groups, place = np.unique(total[mine], return_inverse=True)  # all of a group take answers, or none
        power, cost = np.zeros((len(groups), case.isps)), np.zeros(len(groups))
        for some, mixed in pricing.mixtures(index, taken.rounds, shares, mine):
            at, fields = place[np.searchsorted(mine, some)], dict(mixed.fields)
            for name, values in mixed.sparse.items():
                fields[name] = np.zeros((len(some), case.isps))
                fields[name][mixed.short] = values
            units = batch.units[some]
            np.add.at(power, at, batch.resource.power_kw(case, units, fields))
            for eur in batch.resource.terms_eur(case, units, fields, batch.called).values():
                np.add.at(cost, at, -eur)
        master.settle(groups, power, cost)
        result[index] = taken
    return result
