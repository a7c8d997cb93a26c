"""What bids lack in a program of units that answer alone, and which of them are lowered by it.

Source: docs/explanation/optimisation.md §3.10.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from models.case import Floats, Ints
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.whole.linking import Linking
from models.headroom import KW_PER_MW

_LITTLE = 0.2
"""Share of the most that the bids of any hours lack, EUR, up to which the bids of other hours are not at fault."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lacking:
    """The variables for what bids lack, n in all: kW in an ISP, as planned or when called."""

    bid: Ints  # (n,)
    variable: Ints  # (n,) among those outside of chains
    eur: Floats  # (n,) per kW
    group: Ints  # (N,) of each bid: bids of overlapping hours are in one
    step_mw: Floats  # (N,)

    def steps(self, others: Floats) -> Floats:
        """Return the most that each bid (N,) lacks, in steps; others: all variables outside of chains."""
        result = np.zeros(len(self.step_mw))
        np.maximum.at(result, self.bid, others[self.variable] / (KW_PER_MW * self.step_mw[self.bid]))
        return result

    def whole(self, others: Floats, slight: float) -> Floats:
        """Return the whole steps by which each bid (N,) is too high; `slight` parts of a step do not count."""
        return np.asarray(np.ceil(np.maximum(self.steps(others) - slight, 0.0)))

    def of_groups(self, others: Floats) -> Floats:
        """Return what the bids of each group lack, EUR; zero where that is little beside what others lack.

        They may lack it only because bids of other hours take too much energy.
        """
        result = np.zeros(int(self.group.max(initial=-1)) + 1)
        np.add.at(result, self.group[self.bid], self.eur * others[self.variable])
        return np.asarray(np.where(result > _LITTLE * result.max(initial=0.0), result, 0.0))

    def lowered(self, bids: Floats, others: Floats, slight: float) -> Floats:
        """Return bids (N,), steps, the one of each group that lacks most lowered by what it lacks.

        The others of its hours lack less once it is lower, or are the next to be lowered.
        """
        lacks, at_fault = self.steps(others), self.of_groups(others) > 0.0
        most = np.zeros(len(at_fault))
        np.maximum.at(most, self.group, lacks)
        mine = (lacks == most[self.group]) & at_fault[self.group]
        return np.asarray(bids - np.where(mine, self.whole(others, slight), 0.0))


def with_shortfalls(
    master: RestrictedMaster, linking: Linking, group: Ints, step_mw: Floats
) -> tuple[Linking, Lacking]:  # fmt: skip
    """Return the linking rows with a variable for what free bids lack in each ISP, as of awarded capacity.

    So that there is always an answer. group and step_mw (N,) of bids, see Lacking.
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
    lacking = Lacking(bid=bid, variable=np.arange(before, before + count), eur=cost, group=group, step_mw=step_mw)
    return wider, lacking
