"""Offers to DSOs as operators see and decide them: what was requested, offered and ordered; send, discard, revoke."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.faults import number_of
from agr.domain.flexibility_states import OfferState
from agr.domain.isp import Clock, Period
from agr.domain.program import watt
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.settings import Settings
from agr.store import flex_offers, flex_orders, flex_requests, portfolio
from agr.store.engine import Store, Tx
from agr.store.flex_offers import StoredOffer
from agr.store.flex_orders import StoredOrder
from agr.store.flex_requests import StoredRequest
from agr.trading.offering import Offering


@dataclass(frozen=True, kw_only=True)
class TradingDay:
    """All that was requested, offered and ordered for a Period, newest first."""

    requests: tuple[StoredRequest, ...]
    offers: tuple[StoredOffer, ...]
    orders: tuple[StoredOrder, ...]
    ahead: Mapping[str, int] = field(default_factory=dict)
    """MessageID of a request not priced yet → how many requests, of all Periods, are priced before it"""

    def came_of(self, request: StoredRequest) -> str:
        """Say what came of a request: why there is no offer, how many there are, or what it waits for."""
        if request.note:
            return request.note
        if request.priced_at is not None:
            return f"{len(self.offers_of(request))} offered"
        before = self.ahead.get(request.request.message_id.lower(), 0)
        if not before:
            return "being priced"
        earlier = number_of(before, "request that expires earlier is", "requests that expire earlier are")
        return f"waits: {earlier} priced first"

    def order_of(self, offer: StoredOffer) -> StoredOrder | None:
        """Return the order of an offer."""
        return next((o for o in self.orders if o.order.offer_message_id == offer.offer.message_id), None)

    def offers_of(self, request: StoredRequest) -> tuple[StoredOffer, ...]:
        """Return the offers that answer a request."""
        asked = request.request
        if asked.unsolicited:
            return tuple(o for o in self.offers if o.offer.conversation_id == asked.conversation_id)
        return tuple(o for o in self.offers if o.offer.request_message_id == asked.message_id)


def trading_day(tx: Tx, period: Period) -> TradingDay:
    """Return a Period's trade with DSOs."""
    return TradingDay(
        requests=tuple(flex_requests.of_period(tx, period)), offers=tuple(flex_offers.of_period(tx, period)),
        orders=tuple(flex_orders.of_period(tx, period)),
        ahead={name: place for place, name in enumerate(flex_requests.queue(tx))},
    )  # fmt: skip


def takers_of_offers(tx: Tx, settings: Settings, by: Principal, period: Period) -> tuple[str, ...]:
    """Return the congestion points whose DSOs take offers that they have not asked for, and that `by` acts for."""
    takers = {p.domain for p in settings.participants if p.role == "DSO" and p.unsolicited_offers}
    mine = {domain for domain in takers if not by.dsos or domain in by.dsos}
    if not mine:
        return ()
    return tuple(point.address for point in portfolio.load(tx, period).points if point.dso in mine)


class OfferActions(ActionBase):
    """What operators decide about offers."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, wake: Callable[[], None], offering: Offering
    ) -> None:
        super().__init__(store, settings, clock, wake)
        self._offering = offering

    def offer(self, message_id: str) -> tuple[StoredOffer, StoredOrder | None]:
        """Return an offer and its order, by the beginning of its MessageID. Raises MissingError."""
        with self._store.reading() as tx:
            stored = self._found(tx, message_id)
            return stored, trading_day(tx, stored.offer.period).order_of(stored)

    def propose(
        self, by: Principal, congestion_point: str, day: date, first: int, count: int, power_w: int, why: str
    ) -> Done:  # fmt: skip
        """Let an offer be priced that a DSO has not asked for: a deviation in ISPs `first`, first+1, … of a Period."""
        why = said_why(why)
        period = Period(day, self._settings.time_zone, self._settings.isp_minutes)
        if not (first >= 1 and count >= 1 and first + count - 1 <= period.isp_count):
            raise InputError(f"ISPs {first} to {first + count - 1} are not all in {period} ({period.isp_count} ISPs)")
        if power_w == 0:
            raise InputError("a deviation of 0 W is not an offer; negative: less consumption")
        with self._store.transaction() as tx:
            points = {point.address: point for point in portfolio.load(tx, period).points}
            if congestion_point not in points:
                raise MissingError(f"{congestion_point} is not a congestion point of ours on {period}")
            point = points[congestion_point]
            by.must_act_for({point.dso}, "the offer", brps=self._brps_at(tx, by, [point.address]))
            self._offering.wish(tx, point, period, range(first, first + count), power_w)
            what = f"{watt(power_w, sign=True)} W in ISPs {first} to {first + count - 1}"
            self._record(tx, by, "propose offer", f"{congestion_point} {period}"[:255], why, what)
        self._wake()
        leaves = "leaves by itself" if self._settings.trading.automatic else "waits until somebody sends it"
        return Done(text=f"an offer to {point.dso} is being priced; then it {leaves}")

    def send(self, by: Principal, message_id: str, why: str) -> Done:
        """Send an offer that waits for it."""
        why = said_why(why)
        with self._store.transaction() as tx:
            stored = self._mine(tx, by, message_id)
            left = self._offering.send(tx, stored, by.label)
            self._record(tx, by, "send offer", self._subject(stored), why, _price(stored))
        self._wake()
        what = "leaves now" if left else "can no longer be ordered in time, so it was discarded"
        return Done(text=f"the offer to {stored.offer.dso} {what}")

    def discard(self, by: Principal, message_id: str, why: str) -> Done:
        """Discard an offer that has not left."""
        why = said_why(why)
        with self._store.transaction() as tx:
            stored = self._mine(tx, by, message_id)
            if stored.state is not OfferState.PRICED:
                raise ConflictError(f"the offer is {stored.state.value}; only one that has not left can be discarded")
            flex_offers.move(
                tx, stored.offer.message_id, OfferState.PRICED, OfferState.DISCARDED, self._clock.now(),
                note=f"{by.name}: {why}",
            )  # fmt: skip
            self._record(tx, by, "discard offer", self._subject(stored), why, _price(stored))
        return Done(text=f"the offer to {stored.offer.dso} is discarded")

    def revoke(self, by: Principal, message_id: str, why: str) -> Done:
        """Revoke an open offer: the DSO is told that it can no longer be ordered."""
        why = said_why(why)
        with self._store.transaction() as tx:
            stored = self._mine(tx, by, message_id)
            self._offering.revoke(tx, stored, f"{by.name}: {why}")
            self._record(tx, by, "revoke offer", self._subject(stored), why, _price(stored))
        self._wake()
        return Done(text=f"a revocation of the offer to {stored.offer.dso} leaves now")

    def _mine(self, tx: Tx, by: Principal, message_id: str) -> StoredOffer:
        stored = self._found(tx, message_id)
        brps = self._brps_at(tx, by, [stored.offer.congestion_point])
        by.must_act_for({stored.offer.dso}, "the offer", brps=brps)
        return stored

    def _found(self, tx: Tx, message_id: str) -> StoredOffer:
        found = flex_offers.beginning_with(
            tx, message_id.strip(), self._settings.time_zone, self._settings.isp_minutes
        )  # fmt: skip
        if len(found) != 1:
            why = f"{len(found)} offers begin with" if found else "there is no offer"
            raise MissingError(f"{why} {message_id!r}; `agr offers list` names them")
        return found[0]

    @staticmethod
    def _subject(stored: StoredOffer) -> str:
        return f"{stored.offer.congestion_point} {stored.offer.period}"[:255]


def _price(stored: StoredOffer) -> str:
    prices = "/".join(f"{option.price:.2f}" for option in stored.offer.options)
    return f"{stored.offer.message_id}, {prices} {stored.offer.currency}"
