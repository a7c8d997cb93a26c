"""What prices of a solved program say of bids: what another step costs, and how that follows the bids.

Source: docs/explanation/optimisation.md §3.10.
"""

import numpy as np

from models.case import Floats
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.whole.linking import Linking
from models.headroom import KW_PER_MW


def slope_eur_of(master: RestrictedMaster, prices: DualPrices) -> Floats:
    """Return what another step of each bid costs (N,), EUR, by the prices."""
    free, step_mw = master.free, master.step_mw[master.bidding]
    result = np.zeros(len(step_mw))
    for n, (r, _) in enumerate(master.bids):
        mine = free.bid_of[r] == master.products + n
        paid = float(prices.reserve[r, mine].sum() + prices.called[r, mine].sum())
        result[n] = (float(free.price[master.products + n]) - KW_PER_MW * paid) * step_mw[n]
    return result


def bend_of(master: RestrictedMaster, linking: Linking, bend: Floats) -> Floats:
    """Return how the prices of bids follow the bids (N,N), EUR per MW²; zero for bids that can only be zero.

    bend: the same of all positions that are free (F,F), EUR per MW².
    """
    position, size = np.flatnonzero(linking.free)[linking.positions], len(master.bids)
    mine = np.flatnonzero((position >= master.bidding.start) & (position < master.bidding.stop))
    result, bids = np.zeros((size, size)), position[mine] - master.bidding.start
    result[np.ix_(bids, bids)] = bend[np.ix_(mine, mine)]
    return result
