"""Balance responsible parties (BRPs) → balancing groups: who is balanced with whom, and what each may trade. Pure.

A BRP whose contract says so is balanced by itself, and is a group of its own; all others are one group together. Trade
limits are shared by what the units of each could consume or produce, since the market is one for all.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agr.domain.bid import KW_PER_MW
from agr.planning.case.inputs import Inputs
from agr.planning.case.rows import Floats
from agr.settings import Brp
from models.case import UNIT_CLASSES, BalancingGroups, Case, no_balancing_groups

TOGETHER = "balanced together"
"""Name of the group of all BRPs that are balanced together; no BRP can have it, since it contains spaces."""
_KW = 1e-6
"""A difference below this, in kW, is rounding."""


def groups_of(brps: Sequence[Brp], others: bool) -> dict[str, int]:
    """Return group → its number; empty where all are balanced together.

    `others`: whether there are connections of BRPs that the settings do not name, which are balanced together.
    """
    alone = [brp.name for brp in brps if brp.balance == "itself"]
    names = [TOGETHER, *alone] if others or len(alone) < len(brps) else alone
    return {name: number for number, name in enumerate(names)} if alone and len(names) > 1 else {}


def group_of_connections(inputs: Inputs) -> tuple[dict[str, int], dict[str, int]]:
    """Return group → its number, and connection → the number of its group; a connection without a BRP is the first's.

    Both are empty where all are balanced together.
    """
    known = {brp.name for brp in inputs.brps}
    named = {c.address: c.brp or inputs.brps[0].name for c in inputs.register.connections} if known else {}
    groups = groups_of(inputs.brps, any(brp not in known for brp in named.values()))
    if not groups:
        return {}, {}
    return groups, {address: groups.get(brp, groups.get(TOGETHER, 0)) for address, brp in named.items()}


def balancing_groups(inputs: Inputs, names: Mapping[str, tuple[str, ...]], case: Case) -> BalancingGroups:
    """Return the balancing groups of a case that has none yet, with their shares of its limits and positions."""
    groups, of_connection = group_of_connections(inputs)
    if not groups:
        return no_balancing_groups()
    place_of = inputs.register.connection_of()
    of_units = tuple(
        np.array([of_connection.get(place_of[unit], 0) for unit in names.get(name, ())], dtype=np.int64)
        for name in UNIT_CLASSES
    )
    # Imported here: what units can do takes seconds to import, which endpoint and commands should not wait for.
    from models.part import reach_kw

    low, high = reach_kw(case, of_units, len(groups))
    day_ahead, intraday, traded = _facts(inputs, list(groups), of_connection, case, low, high)
    share = _shares(low, high, day_ahead, traded)[:, None]
    market, trade = case.day_ahead, case.intraday
    return BalancingGroups(
        name=tuple(groups), of_units=of_units,
        max_buy_kw=share * market.max_buy_kw, max_sell_kw=share * market.max_sell_kw, day_ahead_kw=day_ahead,
        buy_depth_kw=share * trade.buy_depth_kw, sell_depth_kw=share * trade.sell_depth_kw, intraday_kw=intraday,
        traded_kw=traded,
    )  # fmt: skip


def _shares(low: Floats, high: Floats, day_ahead: Floats, traded: Floats) -> Floats:
    """Return the share (G,) of each group: by the most that it could consume, produce or have to cover."""
    most = np.maximum(np.abs(low), np.abs(high)) + np.abs(np.nan_to_num(day_ahead)) + np.abs(traded)
    size = most.max(axis=1)
    return np.asarray(size / size.sum() if size.sum() > 0 else np.full(len(size), 1 / len(size)))


def _facts(
    inputs: Inputs, groups: Sequence[str], of_connection: Mapping[str, int], case: Case, low: Floats, high: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return day-ahead, intraday positions and trades (G,T), kW, of each group, NaN where they are free.

    Positions that are fixed are those of the plan in force; what differs from them since, such as an award, is shared
    by size. Without such a plan each has bought what it took.
    """
    before = inputs.previous
    traded = _traded(inputs, groups)
    size = np.maximum(np.abs(low), np.abs(high)).max(axis=1)
    share = size / size.sum() if size.sum() > 0 else np.full(len(size), 1 / len(size))
    known = all(name in before.groups for name in groups)
    took = (low + high) / 2 if not before.programs_kw else _took(inputs, groups, of_connection)
    held = np.array([before.groups[name].day_ahead_kw for name in groups]) if known else took
    day_ahead = _shared(held, share, case.day_ahead.committed_kw)
    told = np.zeros(case.isps, dtype=np.bool_)
    for trade in inputs.trades:
        first = inputs.period.isp_of(trade.start) - 1
        told[first : first + trade.minutes // inputs.period.isp_minutes] = True
    if known:
        bought = np.array([before.groups[name].intraday_kw for name in groups])
    else:
        bought = took - np.nan_to_num(day_ahead) - traded
    bought = np.where(told | inputs.markets.intraday.trades_reported, 0.0, bought)
    return day_ahead, _shared(bought, share, case.intraday.committed_kw), traded


def _shared(held: Floats, share: Floats, whole: Floats) -> Floats:
    """Return what each holds (G,T), and its share of what the whole (T,) has beyond that; NaN where the whole is."""
    more = whole - held.sum(axis=0)
    more = np.where(np.abs(more) <= _KW, 0.0, more)  # shared out again, rounding would move from plan to plan
    return np.where(np.isnan(whole), np.nan, held + share[:, None] * more)


def _took(inputs: Inputs, groups: Sequence[str], of_connection: Mapping[str, int]) -> Floats:
    """Return what the resources of each group took (G,T), kW, in the plan in force."""
    found = np.zeros((len(groups), inputs.period.isp_count))
    place_of = inputs.register.connection_of()
    for resource, power_kw in inputs.previous.programs_kw.items():
        found[of_connection.get(place_of.get(resource, ""), 0)] += power_kw
    return found


def _traded(inputs: Inputs, groups: Sequence[str]) -> NDArray[np.float64]:
    """Return what known trades have bought for each group (G,T), kW, net; without a BRP, it is for the first BRP."""
    period, found = inputs.period, np.zeros((len(groups), inputs.period.isp_count))
    for trade in inputs.trades:
        first = period.isp_of(trade.start) - 1
        brp = trade.brp or inputs.brps[0].name
        place = groups.index(brp) if brp in groups else 0
        found[place, first : first + trade.minutes // period.isp_minutes] += trade.mw * KW_PER_MW
    return found
