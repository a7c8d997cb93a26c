"""Which cases are one program of units that answer alone, which bids all units could hold, and where other bids begin.

Source: docs/explanation/optimisation.md §3.10.
"""

import numpy as np

from models.case import Case, Floats
from models.decomposition.joint.connections import SOLAR, STORAGE
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.master_tuning import LoneLps
from models.decomposition.prices.grouping import may_hold
from models.decomposition.whole.linking import Linking
from models.decomposition.whole.lone import LoneUnits
from models.decomposition.whole.whole_lp import WholeIterate, copied
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


def begun(point: WholeIterate, before: Linking, linking: Linking) -> WholeIterate | None:
    """Return the point of an earlier program, far enough from its corners, for these linking rows; None if it has none.

    Programs differ in their bids only: variables that are in both keep their values and multipliers.
    """
    kept = np.isin(np.flatnonzero(before.free), np.flatnonzero(linking.free))
    if int(kept.sum()) != int(linking.free.sum()):
        return None
    inside = len(point.value) - len(before.cost)
    found = copied(point)
    for name in ("value", "below", "above"):
        values = getattr(found, name)
        setattr(found, name, np.concatenate([values[:inside], values[inside:][kept]]))
    return found
