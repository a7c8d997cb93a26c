"""Finds a large portfolio's prices on a sample of some thousands of its units.

Balance and reserve have hundreds of prices, however many units there are, and finding these takes most of the rounds.
The sample is a portfolio of its own, with the same share of the markets as of the units. It contains priced congestion
points with their units, and units of each class at the other points, both taken at even distances. The search for all
units begins at the sample's prices, and proves the bound there.
Source: docs/explanation/optimisation.md §3.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.block import reserved_points
from models.case import NO_POINT, UNIT_CLASSES, Case, Ints
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices, carried
from models.decomposition.prices.grouping import Grouping, group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.proximal_bundle import search_prices
from models.decomposition.prices.search_state import first_state
from models.decomposition.reoptimise.point_tables import at_points, places, rows_of
from models.decomposition.stopping import StopReason
from models.decomposition.tuning import Sampling, Tuning
from models.markets.registry import MARKETS
from models.resources.registry import PRICED, RESOURCES


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """A smaller portfolio that resembles a large one."""

    case: Case
    priced_points: Ints  # (n,) index into those of the whole portfolio; the sample has no other points
    share: float  # share of all units


def sampled(case: Case, grouping: Grouping, tuning: Sampling) -> Sample | None:
    """Return a sample of about `tuning.units` units; None for a small portfolio, or a part of one.

    There is none either where priced points are so few and so large that the sample would have far too many or far too
    few units at them.
    """
    everybody = sum(resource.count(case) for resource in PRICED)
    if everybody < tuning.large * tuning.units or case.remainder is not None:
        return None
    wanted = tuning.units / everybody
    reserved = reserved_points(case)[grouping.priced_points]
    chosen = np.sort(np.concatenate([_every(np.flatnonzero(reserved == kind), wanted) for kind in (False, True)]))
    points = grouping.priced_points[chosen]
    place = places(case, points)
    is_priced = np.zeros(len(case.points) + 1, dtype=np.bool_)
    is_priced[grouping.priced_points] = True
    tables: dict[str, Any] = {}
    kept: dict[str, Ints] = {}
    picked, at_priced, picked_there = 0, 0, 0
    for resource in RESOURCES:
        where = resource.arrays(case).point
        there, there_chosen = is_priced[where], place[where] != NO_POINT
        rows = np.sort(np.concatenate([np.flatnonzero(there_chosen), _every(np.flatnonzero(~there), wanted)]))
        tables[resource.name] = rows_of(resource.arrays(case), rows, place)
        kept[resource.name] = rows
        if resource in PRICED:
            picked += len(rows)
            at_priced, picked_there = at_priced + there.sum(), picked_there + there_chosen.sum()
    if abs(picked_there - wanted * at_priced) > tuning.alike * wanted * at_priced:
        return None
    share = picked / everybody
    traded: dict[str, Any] = {}
    for market in MARKETS:
        traded |= {} if market.sampled is None else market.sampled(case, share)
    start = case.start
    small = replace(
        case,
        start=None if start is None else replace(start, program=start.program[points], call=start.call[points]),
        balancing_groups=case.balancing_groups.scaled(share).only(kept[name] for name in UNIT_CLASSES),
        **traded,
        **at_points(case, points, place),
        **tables,
    )
    return Sample(case=small, priced_points=chosen, share=share)


def _every(of: Ints, share: float) -> Ints:
    """Return a share of `of`, evenly spread; at least one element if there are any."""
    count = min(max(round(share * len(of)), 1), len(of))
    return of[((np.arange(count) + 0.5) * len(of) / max(count, 1)).astype(np.int64)]


def prices_of(
    sample: Sample,
    whole: Case,
    grouping: Grouping,
    *,
    relative_gap: float,
    tuning: Tuning,
    interrupted: Callable[[], StopReason | None],
) -> DualPrices:
    """Return a sample's best prices for the whole portfolio; priced points outside it keep their start, or zero.

    `relative_gap` is a share of the sample's gross cost. Prices are in EUR per kW of one ISP.
    """
    small = group_units(sample.case, tuning.pool.unpriced_groups)
    master, pricing = RestrictedMaster(sample.case, small, tuning), LocalPricing(sample.case, small)
    start = None if sample.case.start is None else carried(sample.case.start, small)
    state = first_state(master, pricing, start)
    aim_eur = tuning.sampling.aim * relative_gap * max(master.gross(), 1e-9)
    search_prices(
        master, pricing, state, aim_eur=aim_eur, rounds=tuning.sampling.rounds, patience=tuning.sampling.patience,
        tuning=tuning.search, interrupted=interrupted,
    )  # fmt: skip
    found = state.centre
    nothing = np.zeros((len(grouping.priced_points), whole.isps))
    result = DualPrices(
        balance=found.balance, program=nothing, call=nothing.copy(), reserve=found.reserve, called=found.called,
        connections=np.zeros((2 * grouping.places.sums, whole.isps)), places=grouping.places,
    )  # fmt: skip
    if whole.start is not None:
        before = carried(whole.start, grouping)
        result = replace(result, program=before.program, call=before.call, connections=before.connections)
    result.program[sample.priced_points], result.call[sample.priced_points] = found.program, found.call
    return result
