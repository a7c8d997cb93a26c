"""Prices what DSOs request, sends offers, revokes them, and lets them expire. Rows in the store say what is due."""

import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock

import structlog

from agr.domain.errors import AgrError, ConflictError, StoppedError, StoreError
from agr.domain.flexibility import (
    Disposition,
    FlexOffer,
    FlexOrder,
    FlexRequest,
    NoOffer,
    Pricer,
    Quote,
    RequestedIsp,
    kwh_of,
)
from agr.domain.flexibility_states import OfferState, OrderState, RequestState
from agr.domain.isp import Clock, Period
from agr.domain.plan import Reason, ReasonKind
from agr.domain.register import CongestionPoint
from agr.settings import Settings
from agr.store import day, flex_offers, flex_orders, flex_requests, outbox, overrides
from agr.store.engine import Store, Tx
from agr.store.flex_offers import StoredOffer
from agr.trading.busy import BUSY, say_busy
from agr.trading.offer_message import flex_offer, flex_offer_revocation, latest_order, option_of
from agr.uftp.codec import encode
from agr.uftp.participants import Participant, Participants

log = structlog.get_logger()

NOT_PRICED = "flex request not priced"
"""Kind of alarm: pricing a request failed with an unexpected error."""


class Offering:
    """Everything about offers but the answers to them. Pricing runs outside any transaction."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, participants: Participants,
        pricer: Pricer | None = None,
    ) -> None:  # fmt: skip
        """Without `pricer` nothing is priced: beside a daemon, which does that."""
        self._store, self._settings, self._clock = store, settings, clock
        self._participants, self._pricer = participants, pricer
        self._one_at_a_time = Lock()

    # --- pricing ----------------------------------------------------------------------------------------------------

    def price_next(self) -> bool:
        """Price the requests that expire first, as many at once as the pricer can; False when none waits.

        Raises what pricing one of them broke with, after the others have got their offers.
        """
        with self._one_at_a_time:
            if self._pricer is None:
                return False
            with self._store.reading() as tx:
                requests = flex_requests.to_price(tx, self._clock.now(), *self._calendar, self._pricer.at_once)
            if not requests:
                return False
            broken: Exception | None = None
            for request, quoted in zip(requests, self._pricer.price_together(requests), strict=True):
                if isinstance(quoted, (StoppedError, StoreError)):
                    broken = quoted  # priced once the service or the store is there again
                elif isinstance(quoted, AgrError):
                    self._take(request, NoOffer(reason=str(quoted)))
                elif isinstance(quoted, Exception):
                    broken = self._give_up(request, quoted)
                else:
                    self._take(request, quoted)
            if broken is not None:
                raise broken
        return True

    def _give_up(self, request: FlexRequest, error: Exception) -> Exception:
        """Let a request that breaks pricing have no offer: it would break it again and again."""
        text = f"pricing FlexRequest {request.message_id} of {request.dso} broke: {type(error).__name__}: {error}"
        with self._store.transaction() as tx:
            flex_requests.priced(tx, request.message_id, self._clock.now(), f"no offer: {text}")
            day.raise_alarm(tx, NOT_PRICED, f"{request.dso} {request.congestion_point}", text, self._clock.now())
        return error

    def _take(self, request: FlexRequest, quoted: Quote | NoOffer) -> None:
        """Store what came of pricing, unless the request has been superseded or has expired meanwhile."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            stored = flex_requests.get(tx, request.message_id, *self._calendar)
            if stored is None or stored.state is not RequestState.ACCEPTED:
                flex_requests.priced(tx, request.message_id, now, "no offer: the request was superseded meanwhile")
                return
            if isinstance(quoted, NoOffer):
                flex_requests.priced(tx, request.message_id, now, f"no offer: {quoted.reason}")
                log.info("flex_request.not_offered", dso=request.dso, reason=quoted.reason)
                return
            offer = self._offer_of(request, quoted)
            flex_offers.put(tx, offer, quoted, now)
            flex_requests.priced(tx, request.message_id, now)
            day.recover(tx, NOT_PRICED, f"{request.dso} {request.congestion_point}", now)
            day.recover(tx, BUSY, request.dso, now)
        option = offer.options[0]
        log.info(
            "flex_offer.priced", dso=request.dso, period=str(request.period), offer=offer.message_id,
            price=str(option.price), costs=[[name, round(eur, 2)] for name, eur in quoted.costs],
            kwh=kwh_of([option.power_w[isp.isp - 1] for isp in request.requested], request.period),
        )  # fmt: skip

    def _offer_of(self, request: FlexRequest, quote: Quote) -> FlexOffer:
        return FlexOffer(
            message_id=str(uuid.uuid4()), conversation_id=request.conversation_id, dso=request.dso,
            congestion_point=request.congestion_point, period=request.period, expires_at=request.expires_at,
            options=tuple(option_of(option, request) for option in quote.options), currency=self._settings.currency,
            request_message_id=None if request.unsolicited else request.message_id, contract_id=request.contract_id,
            prognosis_message_id=quote.prognosis_message_id, limits=request.limits,
        )  # fmt: skip

    # --- sending ----------------------------------------------------------------------------------------------------

    def send_due(self) -> int:
        """Send priced offers where that needs no operator, each after our response to its request; return how many."""
        if not self._settings.trading.automatic:
            return 0
        with self._store.transaction() as tx:
            if overrides.held(tx) is not None:
                return 0
            waiting = flex_offers.in_states(tx, {OfferState.PRICED}, *self._calendar)
            return sum(self.send(tx, stored, "automatic") for stored in waiting if not self._too_early(tx, stored))

    def wish(self, tx: Tx, point: CongestionPoint, period: Period, isps: range, power_w: int) -> FlexRequest:
        """Store the wish to offer so much in some ISPs (from 1) to a DSO that has not asked; priced like a request.

        Rebound of the same size is wished for in all other ISPs: the offer names what there is of it. Raises
        ConflictError where the DSO takes no such offers, or it is too late.
        """
        now, trading = self._clock.now(), self._settings.trading
        dsos = [p for p in self._settings.participants if (p.domain, p.role) == (point.dso, "DSO")]
        if not any(p.unsolicited_offers for p in dsos):
            raise ConflictError(f"{point.dso} takes no offers that it has not asked for; see unsolicited_offers")
        until = period.isp_start(isps.start) - timedelta(seconds=trading.last_order_s)
        if until <= now:
            raise ConflictError(f"ISP {isps.start} begins too soon to be ordered")
        low, high, room = min(power_w, 0), max(power_w, 0), abs(power_w)
        asked = Disposition.REQUESTED
        request = FlexRequest(
            message_id=str(uuid.uuid4()), conversation_id=str(uuid.uuid4()), dso=point.dso,
            congestion_point=point.address, period=period, revision=0, expires_at=until, received_at=now,
            isps=tuple(
                RequestedIsp(isp=isp, disposition=asked, min_w=low, max_w=high)
                if isp in isps
                else RequestedIsp(isp=isp, disposition=Disposition.AVAILABLE, min_w=-room, max_w=room)
                for isp in range(1, period.isp_count + 1)
            ),
            spans=((isps.start, len(isps)),), unsolicited=True,
        )  # fmt: skip
        flex_requests.put(tx, request)
        return request

    def _too_early(self, tx: Tx, stored: StoredOffer) -> bool:
        """Say whether our response to the request still waits to leave: an offer must not arrive before it."""
        return outbox.waits_in(tx, stored.offer.conversation_id, "FlexRequestResponse")

    def send(self, tx: Tx, stored: StoredOffer, by: str) -> bool:
        """Queue the FlexOffer; False when it is too late for it. Raises ConflictError where it may not be sent now."""
        now, offer = self._clock.now(), stored.offer
        dso = self._dso(offer)
        if stored.state is not OfferState.PRICED:
            raise ConflictError(f"the offer is {stored.state.value}; only one that waits to be sent can be sent")
        if self._too_early(tx, stored):
            raise ConflictError(f"{offer.dso} has not got our response to its request yet; send the offer after it")
        request = flex_requests.get(tx, offer.request_message_id or "", *self._calendar)
        until = self._until(offer, now)
        if until <= now or offer.expires_at <= now:
            flex_offers.move(
                tx, offer.message_id, OfferState.PRICED, OfferState.DISCARDED, now, note="too late to be ordered"
            )
            return False
        flex_offers.move(tx, offer.message_id, OfferState.PRICED, OfferState.QUEUED, now, by=by[:255])
        flex_offers.set_expiry(tx, offer.message_id, until)
        sent = flex_offers.get(tx, offer.message_id, *self._calendar)
        assert sent is not None
        message = flex_offer(
            sent.offer, spans=request.request.spans if request else (), sender=self._settings.domain,
            version=dso.version, now=now,
        )  # fmt: skip
        self._queue(tx, message.message_id, offer, "FlexOffer", encode(message))
        log.info("flex_offer.queued", dso=offer.dso, period=str(offer.period), offer=offer.message_id, by=by)
        return True

    def _until(self, offer: FlexOffer, now: datetime) -> datetime:
        trading = self._settings.trading
        latest = latest_order(offer.options, offer.period, trading.last_order_s, limits=offer.limits)
        return min(now + timedelta(seconds=trading.expires_s), latest).replace(microsecond=0)

    def revoke(self, tx: Tx, stored: StoredOffer, why: str) -> None:
        """Queue the FlexOfferRevocation. Raises ConflictError unless the DSO has the offer and has not ordered it.

        Source: UFTP specification, use case revocation flexibility offer.
        """
        now, offer = self._clock.now(), stored.offer
        if stored.state is not OfferState.OPEN:
            raise ConflictError(f"the offer is {stored.state.value}; only an open one can be revoked")
        if latest_order(offer.options, offer.period, 0, limits=offer.limits) <= now:
            raise ConflictError("the first ISP of the offer has begun; it can no longer be revoked")
        message = flex_offer_revocation(
            offer, message_id=str(uuid.uuid4()), sender=self._settings.domain, version=self._dso(offer).version,
            now=now,
        )  # fmt: skip
        flex_offers.move(
            tx, offer.message_id, OfferState.OPEN, OfferState.REVOKING, now, revocation=message.message_id, note=why
        )
        self._queue(tx, message.message_id, offer, "FlexOfferRevocation", encode(message))

    def _dso(self, offer: FlexOffer) -> Participant:
        dso = self._participants.find(offer.dso, "DSO")
        if dso is None or dso.barred:
            raise ConflictError(f"DSO {offer.dso} {'is barred' if dso else 'is not among our participants'}")
        return dso

    def _queue(self, tx: Tx, message_id: str, offer: FlexOffer, kind: str, xml: bytes) -> None:
        now = self._clock.now()
        outbox.put(
            tx, message_id=message_id, conversation_id=offer.conversation_id, kind=kind, recipient_domain=offer.dso,
            recipient_role="DSO", xml=xml, at=now, period=offer.period.day, subject=offer.congestion_point,
            answer_due_at=now + timedelta(seconds=self._settings.delivery.answer_due_s),
        )  # fmt: skip

    # --- time -------------------------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Let requests and offers expire whose time has passed. Idempotent."""
        self._give_way()
        now, states = self._clock.now(), OfferState
        after = {states.PRICED: states.DISCARDED, states.REVOKING: states.REVOKED}
        with self._store.transaction() as tx:
            say_busy(tx, flex_requests.expire(tx, now), now)
            for stored in flex_offers.due(tx, now, *self._calendar):
                offer, before = stored.offer, stored.state
                flex_offers.move(tx, offer.message_id, before, after.get(before, states.EXPIRED), now)
                if before is states.QUEUED:
                    outbox.cancel(tx, offer.message_id, "the offer has expired")

    def _give_way(self) -> None:
        """Take back offers of congestion points at which a DSO has ordered without one: both could not be kept."""
        with self._store.transaction() as tx:
            orders = flex_orders.in_states(tx, {OrderState.ACCEPTED}, *self._calendar)
            direct = [one.order for one in orders if one.order.direct]
            if not direct:
                return
            for stored in flex_offers.in_states(tx, {OfferState.PRICED, OfferState.OPEN}, *self._calendar):
                place = (stored.offer.congestion_point, stored.offer.period.day)
                order = next((o for o in direct if (o.congestion_point, o.period.day) == place), None)
                if order is None or order.received_at < stored.made_at:
                    continue
                why = f"order {order.order_reference} came without an offer"
                if stored.state is OfferState.PRICED:
                    flex_offers.move(
                        tx,
                        stored.offer.message_id,
                        OfferState.PRICED,
                        OfferState.DISCARDED,
                        self._clock.now(),
                        note=why,
                    )
                    self._plan_again(tx, order)
                else:
                    with suppress(ConflictError):  # its first ISP has begun: it can no longer be revoked
                        self.revoke(tx, stored, why)

    def _plan_again(self, tx: Tx, order: FlexOrder) -> None:
        reason = Reason(kind=ReasonKind.ORDER, reference=order.message_id, text="an offer gave way to an order")
        day.put_trigger(tx, order.period.day, reason, self._clock.now())

    @property
    def _calendar(self) -> tuple[str, int]:
        return self._settings.time_zone, self._settings.isp_minutes
