"""States the couplings of the master: what each costs, what it has without columns, and what tariffs make linear."""

from typing import NamedTuple

import numpy as np

from models.case import Case, Floats, Ints
from models.connection_costs import fixed_kw as fixed_tariffs_kw
from models.connection_loads import fixed_kw as fixed_units_kw
from models.coupling_costs import CouplingCosts, added
from models.decomposition.master import proximal
from models.decomposition.master.possible_bids import committed_kw
from models.decomposition.prices.grouping import Grouping
from models.markets.connection_limits.costs import alone_eur
from models.markets.connection_limits.costs import couplings as connection_couplings
from models.markets.connection_limits.trees import with_below
from models.markets.connection_tariffs.couplings import at_connections
from models.markets.registry import MARKETS
from models.resources.registry import FIXED
from models.resources.totals import fixed_groups_kw, units_kw


class Constants(NamedTuple):
    """What couplings have without columns and positions, kW: from fixed units, other parts and what is committed."""

    balance: Floats  # (G,T)
    program: Floats  # (P,T) of priced points
    call: Floats  # (P,T)
    reserve: Floats  # (R,T)
    called: Floats  # (R,T)
    connections: Floats  # (2S,T)


class Costs(NamedTuple):
    """What couplings cost, in the order of `Constants`; program and call of all points."""

    balance: CouplingCosts
    program: CouplingCosts
    call: CouplingCosts
    reserve: CouplingCosts
    called: CouplingCosts
    connections: CouplingCosts


def constants_of(case: Case, grouping: Grouping, *, any_reserved: bool) -> Constants:
    """Return the constants; any_reserved: whether reserved power may be called."""
    fixed = units_kw(case, FIXED, None, {})
    own = fixed_groups_kw(case) if case.balancing_groups.name else fixed.sum(axis=0)[None]
    reserve = called = -committed_kw(case)
    other = case.remainder
    if other is not None:
        called = reserve + other.when_called_kw
        reserve = reserve + other.held_kw
    places, at_limits, at_tariffs = grouping.places, _fixed_at_limits(case), fixed_tariffs_kw(case)
    sums = np.concatenate([at_limits, at_limits, at_tariffs, at_tariffs[case.connection_tariffs.peak_at]])[places.rows]
    program = fixed[grouping.priced_points]
    return Constants(
        balance=own - [one.energy_products().decided_kw for one in case.energy_markets()],
        program=program, call=np.zeros_like(program), reserve=reserve,
        called=called if any_reserved else np.zeros_like(called), connections=np.concatenate([sums] * 2),
    )  # fmt: skip


def costs_of(case: Case, grouping: Grouping, hard_eur_per_kw: float, *, any_reserved: bool) -> Costs:
    """Return what every market asks for its couplings; hard_eur_per_kw: the slope where a coupling is hard."""
    shape = (len(case.points), case.isps)
    program = added((market.programs(case) for market in MARKETS if market.programs is not None), shape)
    call = added((market.calls(case, hard_eur_per_kw) for market in MARKETS if market.calls is not None), shape)
    (balance,) = (market.balance(case) for market in MARKETS if market.balance is not None)
    reserve, called = (
        market.reserve(case, hard_eur_per_kw, exists, any_reserved)
        for market in MARKETS
        if market.reserve is not None
        for exists in (True, any_reserved)
    )
    places, binding = grouping.places, grouping.places.binding
    limits = connection_couplings(case, binding.imports, binding.exports, places.rows[: places.limits])
    connections = at_connections(limits, places.tariffs, case, places.rows[places.limits :])
    return Costs(
        balance=balance, program=program, call=call, reserve=reserve, called=called, connections=connections
    )  # fmt: skip


def limits_alone_eur(case: Case, grouping: Grouping) -> float:
    """Return what limits cost, EUR, at which no unit with a choice counts: they have no row."""
    places, binding = grouping.places, grouping.places.binding
    alone = np.setdiff1d(np.arange(2 * len(case.connection_limits.name)), places.rows)
    return alone_eur(case, binding.imports, binding.exports, alone, _fixed_at_limits(case)) if len(alone) else 0.0


def _fixed_at_limits(case: Case) -> Floats:
    """Return what fixed units draw at each limit (L,T), kW."""
    return with_below(case.connection_limits, fixed_units_kw(case))


def couplings(costs: Costs, constants: Constants, priced_points: Ints) -> proximal.Couplings:
    """Return the couplings as they are without columns and positions, with no centre and no steps yet.

    `priced_points` (N,): which congestion points have a row.
    """
    priced = [(cost.breakpoints[priced_points], cost.slopes[priced_points]) for cost in (costs.program, costs.call)]
    rest = [(cost.breakpoints, cost.slopes) for cost in costs]
    return proximal.Couplings(*(
        proximal.Coupling(
            s=constant.copy(), centre=np.zeros(constant.shape), step=np.zeros(constant.shape),
            breakpoints=np.ascontiguousarray(breakpoints), slopes=np.ascontiguousarray(slopes),
        )
        for (breakpoints, slopes), constant in zip((rest[0], *priced, *rest[3:]), constants, strict=True)
    ))  # fmt: skip


def linear_tariffs(case: Case, grouping: Grouping) -> Floats | None:
    """Return the linear part of tariffs, EUR/kW, (G,T), which is part of what columns cost; None without tariffs."""
    places = grouping.places
    if places.own_eur_per_kw is None:
        return None
    linear = np.vstack([places.own_eur_per_kw, np.zeros((1, case.isps))])
    return np.asarray(linear[np.where(grouping.group_called, -1, grouping.group_place)])


def certain_tariffs_eur(case: Case, grouping: Grouping) -> float:
    """Return the cost of tariffs for fixed units, and of the peaks that nothing can avoid, EUR."""
    shape = grouping.places.tariffs
    total = float((shape.linear_eur_per_kw * fixed_tariffs_kw(case)).sum())
    rises = shape.level_low_kw - case.connection_tariffs.peak_reached_kw
    return total + float(case.connection_tariffs.peak_eur_per_kw @ rises)
