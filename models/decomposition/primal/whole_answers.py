"""Settles units that take one of their answers as it is, so that all other units are mixed around what these take.

Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.case import Case, Floats
from models.decomposition.master.restricted_master import SETTLED, RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import Batch, Grouping
from models.decomposition.prices.pricing import Pricing
from models.mixing import MIXES, Shares
from models.response import Prices


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The answers of the units of a batch to several rounds, and the share of each."""

    rounds: list[Prices]
    shares: Shares


def answers_of(
    case: Case, batch: Batch, weights: dict[int, Floats], prices: dict[int, DualPrices], before: Answers | None
) -> Answers:
    """Return how the units of a batch that mixes combine their answers; some take one of them as it is.

    `weights` (G,) and `prices` are given per round. What settled columns stand for is taken from `before`.
    """
    numbers = [number for number in weights if number != SETTLED]
    groups = len(next(iter(weights.values())))
    weight = np.array([weights[number] for number in numbers]).reshape(len(numbers), groups)
    rounds = [prices[number].seen(called=batch.called) for number in numbers]
    only = np.full(len(batch.units), MIXES)
    whole_answers = None if batch.resource.mixing is None else batch.resource.mixing.whole_answers
    if whole_answers is not None:
        settled = weights[SETTLED][None] if SETTLED in weights else weight[:0]
        only = whole_answers(case, batch.units, batch.rows.total, np.concatenate([weight, settled]))
        kept = np.flatnonzero(only == len(numbers))
        if len(kept) and before is not None:
            used, place = np.unique(before.shares.only[kept], return_inverse=True)
            only[kept] = len(rounds) + place
            rounds += [before.rounds[k] for k in used.tolist()]
            weight = np.concatenate([weight, np.zeros((len(used), weight.shape[1]))])
    return Answers(rounds=rounds, shares=Shares(weight=weight, only=only))


def settle_whole_answers(
    case: Case,
    grouping: Grouping,
    pricing: Pricing,
    master: RestrictedMaster,
    weights: dict[int, Floats],
    prices: dict[int, DualPrices],
    before: Mapping[int, Answers],
) -> dict[int, Answers]:
    """Settle the groups of units that take an answer as it is in the master, but for those that may hold reserve.

    `weights` (G,) and `prices` are given per round; `before`: what settled columns stand for. Returns what the units
    take, by position of their batch.
    """
    result = dict[int, Answers]()
    for index, batch in enumerate(grouping.batches):
        mixing, total = batch.resource.mixing, batch.rows.total
        if mixing is None or mixing.whole is None:
            continue
        mine = np.flatnonzero(mixing.whole(case)[batch.units] & ~grouping.group_may_hold[total])
        if not len(mine):
            continue
        taken = answers_of(case, batch, weights, prices, before.get(index))
        groups, place = np.unique(total[mine], return_inverse=True)  # all of a group take answers, or none
        power, cost = np.zeros((len(groups), case.isps)), np.zeros(len(groups))
        for some, mixed in pricing.mixtures(index, taken.rounds, taken.shares, mine):
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
