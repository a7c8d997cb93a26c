"""An operator approves a bid: it leaves at once, with who, when and why."""

from collections.abc import Callable
from datetime import date

from agr.domain.bid import DAY_AHEAD
from agr.domain.errors import ConflictError
from agr.domain.isp import Clock
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.schedule.auctions import auction_of
from agr.schedule.bidding import Bidding, in_words, named
from agr.settings import Settings
from agr.store import plans
from agr.store.engine import Store


class BidApproval(ActionBase):
    """Sends bids by hand; also where they need no approval, ahead of time or as another revision."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, wake: Callable[[], None], bidding: Bidding
    ) -> None:
        super().__init__(store, settings, clock, wake)
        self._bidding = bidding

    def approve(self, by: Principal, day_: date, why: str, *, plan: int | None = None, market: str = DAY_AHEAD) -> Done:
        """Send the bid on a market, of the plan in force, through every channel.

        `plan`: the plan that the operator has seen. Raises ConflictError when another one is in force, when there is
        none, when the gate has closed, and when no channel is configured.
        """
        why, period = said_why(why), self._open_period(day_)
        by.must_act_for((), f"the {market} bid")
        auction = auction_of(self._settings, period, market)
        if not self._bidding.sends(market):
            which = "" if market == DAY_AHEAD else f" on {market}"
            of = "" if market == DAY_AHEAD else f' with markets = ["{market}"]'
            raise ConflictError(
                f"no channel for bids{which} is configured; add [[bids.files]] or [[bids.webhooks]]{of}"
            )
        if self._clock.now() >= auction.gate:
            instead = "; trade intraday instead" if market == DAY_AHEAD else ""
            raise ConflictError(f"the {market} gate of {period} has closed{instead}")
        with self._store.transaction() as tx:
            found = plans.in_force(tx, period.day)
            if found is None:
                raise ConflictError(f"there is no plan for {period} yet, so there is nothing to bid")
            if plan is not None and plan != found.id:
                raise ConflictError(
                    f"plan {found.id} has come into force since plan {plan}; look at its bid, then decide"
                )
            made = self._bidding.send(tx, found, by.label, market)
            what = f"revision {made.bid.revision} of plan {made.bid.plan}"
            if not made.new:
                raise ConflictError(f"the same volumes were sent already, as {what}")
            entry = self._record(
                tx, by, "approve bid", f"{market} {period}", why, f"{what}, {in_words(made.bid, period)}"
            )
        self._wake()
        return Done(text=f"the {named(market)} for {period}, {what}, leaves now", entry=entry, plan=found.id)
