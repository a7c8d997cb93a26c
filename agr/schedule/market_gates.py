"""The moments of auctions: a bid leaves at its last safe moment, and the gate fixes the position."""

from collections.abc import Callable, Mapping

from agr.domain.bid import DAY_AHEAD
from agr.domain.isp import Clock, Period
from agr.domain.moments import Handled, MomentState
from agr.domain.plan import NO_PLAN
from agr.planning.gates import FixedPosition
from agr.schedule.bidding import Bidding, alone_with_bids
from agr.schedule.moments import BID_LAST_SAFE_START, CAPACITY_BID
from agr.store import positions
from agr.store.engine import Store


class MarketGates:
    """One method per moment; each may be called late, or again, without harm."""

    def __init__(self, store: Store, clock: Clock, bidding: Bidding) -> None:
        self._store, self._clock, self._bidding = store, clock, bidding

    def handlers(self) -> Mapping[str, Callable[[Period, str], Handled | None]]:
        """Return moment → what to do."""
        return {
            CAPACITY_BID: self._capacity_bid,
            "capacity_gate": self._capacity_gate,
            BID_LAST_SAFE_START: self._bid,
            "day_ahead_gate": self._day_ahead_gate,
        }

    def _capacity_gate(self, period: Period, name: str) -> Handled:
        """Fix the bid of the plan in force as awarded; an award that is entered corrects it."""
        product = name.removeprefix("capacity_gate ")
        with self._store.transaction() as tx:
            alone_with_bids(tx)
            if product in positions.all_on(tx, period.day):
                return Handled("already fixed")
            fixed = self._bidding.fix_at_gate(tx, period, product)
        if self._bidding.sends(product) and fixed.origin.startswith("no bid"):
            return Handled(fixed.origin, MomentState.MISSED)
        return _fixed(f"bid {', '.join(f'{v:g}' for v in fixed.values)} MW", fixed)

    def _day_ahead_gate(self, period: Period, _name: str) -> Handled:
        with self._store.transaction() as tx:
            alone_with_bids(tx)
            if DAY_AHEAD in positions.all_on(tx, period.day):
                return Handled("already fixed")
            fixed = self._bidding.fix_at_gate(tx, period, DAY_AHEAD)
        energy = sum(fixed.values) * period.isp_hours / 1000
        if self._bidding.sends(DAY_AHEAD) and fixed.origin.startswith("no bid"):
            return Handled(fixed.origin, MomentState.MISSED)
        return _fixed(f"{energy:+z.3f} MWh net", fixed)

    def _bid(self, period: Period, _name: str) -> Handled | None:
        """Send the bid of the plan in force while there is still time to try again; None while there is no plan."""
        with self._store.transaction() as tx:
            return self._bidding.at_last_safe_start(tx, period, DAY_AHEAD)

    def _capacity_bid(self, period: Period, name: str) -> Handled | None:
        """Do the same for a product of balancing capacity."""
        with self._store.transaction() as tx:
            return self._bidding.at_last_safe_start(tx, period, name.removeprefix(f"{CAPACITY_BID} "))


def _fixed(words: str, position: FixedPosition) -> Handled:
    """Say what was fixed at a gate; without a plan to bid from, the gate was missed."""
    state = MomentState.MISSED if position.origin == NO_PLAN else MomentState.DONE
    return Handled(f"{words} ({position.origin})", state)
