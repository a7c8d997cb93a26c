"""Commits whole bids in a run: at which pattern they stand, and what the run has proven with and without it."""

from collections.abc import Callable

import numpy as np

from models.case import Floats
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
        self._loosened = self._raised = 0
        self._whole_mw = np.zeros(len(master.free.price))  # the bids (P,) committed last
        self._extra_mw = np.zeros(len(master.free.price))  # asked for beyond each bid (P,)
        self._proposed_mw: Floats | None = None
        self._of_mixture = False  # whether bids of a mixture were proposed
        self.wants_mixture = False
        """Whether the bids of a mixture in which they need not be whole would be better than the pattern proposed"""

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

    def propose(
        self, pricing: Pricing, state: SearchState, *, gap_eur: float, time_left_s: float, threads: int, log: SolverLog
    ) -> None:
        """Propose the best pattern at the centre's prices, raise the bound to what is proven there, release the bids.

        A pattern without a bound takes no heed of what single holders can: bids of a mixture stay where there are some.
        """
        self._totals = pricing.respond(state.centre.scenario())
        known = PricedGroups(prices=state.centre, groups_eur=self._totals.bound_eur)
        found = self._patterns.best(
            [known], most=0, gap_eur=gap_eur, time_left_s=time_left_s, threads=threads, log=log,
        )  # fmt: skip
        self._proven_eur = max(self.bound_eur(state), self._released_eur(state, self._totals), found.bound_eur)
        inexact = not np.isfinite(found.bound_eur)
        self.wants_mixture = inexact and not self._of_mixture
        self._proposed_mw = self._whole_mw if inexact and self._of_mixture else found.bids_mw
        log.say(f"whole bids: no program above {-self._proven_eur:.6f} EUR")

    def propose_mixture(self) -> None:
        """Propose the whole bids that the present mixture, whose bids are free, holds or nearly holds."""
        master, bids = self._master, self._master.free.value.copy()
        for p, (r, _) in enumerate(master.bids, start=master.products):
            bids[p] = self._whole(p, r, bids[p] + self._tuning.nearly * master.step_mw[p])
        self._proposed_mw, self._of_mixture = bids, True

    def commit(self, state: SearchState) -> None:
        """Commit the bids proposed, if any, at the prices for which they were proposed."""
        if self._proposed_mw is None:
            return
        self._take(self._proposed_mw)
        state.centre_eur = state.bound_eur = self._master.bound(state.centre, float(self._totals.bound_eur.sum()))
        self._loosened = self._raised = 0

    def fit(self, *, mix: Callable[[], object], interrupted: Callable[[], object], say: Callable[[str], None]) -> None:
        """Change the bids until the present mixture, made anew by `mix`, holds them all."""
        while not interrupted():
            if self.raised():
                say("bids of which little is lacking are asked for with a little more")
                mix()
            elif self.loosened():
                mix()
                self.settle()
                say("bids that cannot be held are lowered")
                mix()
            else:
                return

    def raised(self) -> bool:
        """Ask for more than the bids where the present mixture lacks only little of them; return whether this was done.

        A mixture is found to a tolerance. Lowered by a whole step for it, a bid would lose far more than it lacks.
        """
        master = self._master
        if self._proven_eur is None or self._raised >= self._tuning.repairs:
            return False
        lacks = np.zeros(len(self._extra_mw))
        for p, (r, _) in enumerate(master.bids, start=master.products):
            lacks[p] = self._lacks_kw(p, r) / KW_PER_MW
            if lacks[p] > self._tuning.slight * master.step_mw[p]:
                return False
        if not lacks.any():
            return False
        self._raised += 1
        self._extra_mw = self._extra_mw + 2 * lacks
        for values in (master.free.value, master.free.low, master.free.high):
            values[:] = values + 2 * lacks
        master.recount()
        return True

    def loosened(self) -> bool:
        """Let bids be smaller, whole or not, if the present mixture cannot hold them all; return whether this was done.

        The next mixture says how much of the pattern can be held; `settle` makes that whole.
        """
        master = self._master
        if self._proven_eur is None or self._loosened >= self._tuning.repairs:
            return False
        if not any(self._lacks_kw(p, r) > 0 for p, (r, _) in enumerate(master.bids, start=master.products)):
            return False
        self._loosened += 1
        master.free.low[master.bidding] = 0.0
        return True

    def settle(self) -> None:
        """Commit the bids that the present mixture holds, as whole steps."""
        master, bids = self._master, self._master.free.value.copy()
        for p, (r, _) in enumerate(master.bids, start=master.products):
            bids[p] = self._whole(p, r, bids[p])
        self._take(bids)

    def _take(self, bids_mw: Floats) -> None:
        self._master.commit_bids(bids_mw)
        self._whole_mw, self._extra_mw = bids_mw.copy(), np.zeros(len(bids_mw))

    def _whole(self, p: int, r: int, mw: float) -> float:
        """Return the most whole steps of a bid up to `mw`, 0 below its minimum."""
        step = self._master.step_mw[p]
        whole = float(np.floor(mw / step + _WHOLE) * step)
        return whole if whole >= max(self._master.case.reserves[r].minimum_mw, step) - 1e-9 else 0.0

    def _lacks_kw(self, p: int, r: int) -> float:
        """Return what the present mixture lacks of a bid, kW; 0 where it is next to nothing."""
        master, mine = self._master, self._master.free.bid_of[r] == p
        least = float(master.couplings.reserve.s[r, mine].min())
        if master.any_reserved:
            least = min(least, float(master.couplings.called.s[r, mine].min()))
        bid = float(master.free.value[p] - self._extra_mw[p])
        lacks = -least - KW_PER_MW * float(self._extra_mw[p])
        return lacks if bid > 0 and lacks > _SHORT_KW + _SHORT * KW_PER_MW * bid else 0.0
