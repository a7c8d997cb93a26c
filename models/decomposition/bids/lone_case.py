"""Which cases are one program of units that answer alone, and what whole bids add to it.

Source: docs/explanation/optimisation.md §3.10.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from models.case import Case, Floats, Ints
from models.decomposition.joint.connections import SOLAR, STORAGE
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.master_tuning import LoneLps
from models.decomposition.prices.grouping import may_hold
from models.decomposition.whole.linking import Linking
from models.decomposition.whole.lone import LoneUnits
from models.headroom import KW_PER_MW
from models.resources.registry import BY_NAME
from models.resources.storage.layout import SLACK
from models.resources.storage.response import StorageResponder

_ROUNDING = 1e-6
"""Share of a step by which all units may fall short of a whole one."""


def is_lone(case: Case, tuning: LoneLps) -> bool:
    """Return whether all units of a case are stores, generators and a few runs that answer alone, and can be mixed.

    Nothing is beside the case, no connection and no balancing group has prices, generators hold no reserve, stores
    charge with any power and can keep their bands.
    """
    storage, runs = case.storage, case.shiftable
    if (
        case.remainder is not None or case.connection_limits.name or len(case.connection_tariffs.point)
        or case.balancing_groups.name or case.held_at_most.name or len(case.switched.point)
        or not 0 < len(storage.point) <= tuning.most_stores or bool((storage.charge_min_kw > 0).any())
    ):  # fmt: skip
        return False
    starts = int((runs.last_start - runs.first_start + 1).sum())
    holders = int(may_hold(case, BY_NAME[STORAGE]).sum())
    if may_hold(case, BY_NAME[SOLAR]).any() or starts > tuning.most_starts or holders > tuning.most_holders:
        return False
    every = np.arange(len(storage.point))
    return not any(
        bool((StorageResponder.of(of, every, called, 1).scalars[:, SLACK] > 0).any())
        for of, called in ((case, False), (case.when_called(), True))
    )


def with_shortfalls(master: RestrictedMaster, linking: Linking) -> tuple[Linking, tuple[Ints, Ints]]:
    """Return the linking rows with a variable for what free bids lack in each ISP, as of awarded capacity.

    So that there is always an answer. Also return the bid and the variable of each.
    """
    case, isps = master.case, master.case.isps
    first = np.cumsum([0, *(len(coupling.s) * isps for coupling in master.couplings)])
    place = np.where(linking.used, np.cumsum(linking.used) - 1, -1)
    product, isp = np.nonzero((master.free.bid_of >= master.bidding.start) & (master.free.bid_of < master.bidding.stop))
    rows = np.concatenate([place[first[k] + product * isps + isp] for k in (3, 4)])
    rates = np.array([one.shortfall_eur_per_mwh for one in case.reserves]) * (case.isp_hours / KW_PER_MW)
    bid = np.tile(master.free.bid_of[product, isp] - master.products, 2)[rows >= 0]
    cost = np.tile(rates[product], 2)[rows >= 0]
    rows = rows[rows >= 0]
    count, before = len(rows), len(linking.cost)
    more = sparse.csr_array((np.ones(count), (rows, np.arange(count))), shape=(len(linking.right), count))
    wider = replace(
        linking, cost=np.append(linking.cost, cost), lower=np.append(linking.lower, np.zeros(count)),
        upper=np.append(linking.upper, np.full(count, np.inf)),
        others=sparse.csr_array(sparse.hstack([linking.others, more])),
        free=np.append(linking.free, np.ones(count, dtype=np.bool_)), known=np.append(linking.known, np.zeros(count)),
    )  # fmt: skip
    return wider, (bid, np.arange(before, before + count))


def able_mw(case: Case, master: RestrictedMaster, units: LoneUnits) -> Floats:
    """Return the most whole steps of each bid that all units could hold together, MW (P,); inf for other positions."""
    blocks, result = units.blocks, np.full(len(master.free.value), np.inf)
    isp = np.repeat(np.arange(len(blocks.chains.variable_at) - 1), np.diff(blocks.chains.variable_at))
    planned = ~units.kinds.called[blocks.family[isp // case.isps]]
    for p, (r, _) in enumerate(master.bids, start=master.products):
        held_kw = np.where(planned, blocks.output[:, 1 + r] * blocks.most, 0.0)
        able_kw = np.bincount(isp % case.isps, held_kw, case.isps)[master.free.bid_of[r] == p].min()
        result[p] = np.floor(able_kw / (KW_PER_MW * master.step_mw[p]) + _ROUNDING) * master.step_mw[p]
    return result
