"""Commits whole bids in a run: at which pattern they stand, and what the run has proven with and without it."""

import numpy as np

from models.decomposition.bids.pattern import PatternSearch, PricedGroups
from models.decomposition.master.possible_bids import coarse
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.search_state import SearchState
from models.decomposition.tuning import WholeBids
from models.headroom import KW_PER_MW
from models.response import Totals
from models.solver_log import SolverLog

_WHOLE = 1e-4  # share of a step below a whole one that still counts as whole
_SHORT_KW, _SHORT = 1e-3, 1e-6
"""What a bid may lack before it counts as not held: kW, and as a share of the bid; programs are fitted later."""


class BidCommitment:
    """The whole bids of one run. While they are committed, the master's bounds hold for their pattern only."""

    def __init__(self, master: RestrictedMaster, tuning: WholeBids) -> None:
        joint = any(batch.connections.holds.any() for batch in master.grouping.joint)
        self.needed = master.case.remainder is None and not joint and coarse(master.case, tuning.steps)
        """Whether bids are coarse, so that wholeness matters, and are the portfolio's own"""
        self._master, self._tuning = master, tuning
        self._patterns = PatternSearch(master, tuning)
        self._proven_eur: float | None = None  # best bound whatever the bids, once a pattern was searched for
        self._free = master.free.low.copy(), master.free.high.copy()
        self._loosened = 0

    def bound_eur(self, state: SearchState) -> float:
        """Return the best bound of the cost of all programs, whatever their bids."""
        return state.bound_eur if self._proven_eur is None else self._proven_eur

    def release_eur(self, pricing: Pricing, state: SearchState) -> float:
        """Release the bids for good; return the bound at the centre's prices with bids that need not be whole."""
        if self._proven_eur is None:
            return state.centre_eur
        return self._released_eur(state, pricing.respond(state.centre.scenario()))

    def _released_eur(self, state: SearchState, totals: Totals) -> float:
        self._master.free.low[:], self._master.free.high[:] = self._free
        return self._master.bound(state.centre, float(totals.bound_eur.sum()))

    def commit(
        self, pricing: Pricing, state: SearchState, *, gap_eur: float, time_left_s: float, threads: int, log: SolverLog
    ) -> None:
        """Find the best pattern at the centre's prices, raise the bound to what is proven there, commit its bids."""
        totals = pricing.respond(state.centre.scenario())
        known = PricedGroups(prices=state.centre, groups_eur=totals.bound_eur)
        found = self._patterns.best(
            [known], most=0, gap_eur=gap_eur, time_left_s=time_left_s, threads=threads, log=log,
        )  # fmt: skip
        self._proven_eur = max(self.bound_eur(state), self._released_eur(state, totals), found.bound_eur)
        if found.bids_mw is not None:
            self._master.commit_bids(found.bids_mw)
            state.centre_eur = state.bound_eur = self._master.bound(state.centre, float(totals.bound_eur.sum()))
            self._loosened = 0
        log.say(f"whole bids: no program above {-self._proven_eur:.6f} EUR")

    def loosened(self) -> bool:
        """Let bids be smaller, whole or not, if the present mixture cannot hold them all; return whether this was done.

        The next mixture says how much of the pattern can be held; `settle` makes that whole.
        """
        master = self._master
        if self._proven_eur is None or self._loosened >= self._tuning.repairs:
            return False
        if not any(self._short(p, r) for p, (r, _) in enumerate(master.bids, start=master.products)):
            return False
        self._loosened += 1
        master.free.low[master.bidding] = 0.0
        return True

    def settle(self) -> None:
        """Commit the bids that the present mixture holds, as whole steps."""
        master, bids = self._master, self._master.free.value.copy()
        for p, (r, _) in enumerate(master.bids, start=master.products):
            step = master.step_mw[p]
            whole = np.floor(bids[p] / step + _WHOLE) * step
            bids[p] = whole if whole >= max(master.case.reserves[r].minimum_mw, step) - 1e-9 else 0.0
        master.commit_bids(bids)

    def _short(self, p: int, r: int) -> bool:
        """Return whether the present mixture holds too little for a bid."""
        master, mine = self._master, self._master.free.bid_of[r] == p
        least = float(master.couplings.reserve.s[r, mine].min())
        if master.any_reserved:
            least = min(least, float(master.couplings.called.s[r, mine].min()))
        bid = float(master.free.value[p])
        return bid > 0 and -least > _SHORT_KW + _SHORT * KW_PER_MW * bid
