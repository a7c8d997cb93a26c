"""Delivers bids: the outbox of each channel → its carrier → a receipt, or another try until the gate."""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from agr.connectors.bids.layouts import spelt
from agr.connectors.ports import BidCarrier, BidPost, open_carrier
from agr.domain.errors import DeliveryError, InputError
from agr.domain.foreign_text import one_line
from agr.domain.isp import Clock, Period
from agr.schedule.bidding import NOT_DELIVERED, Bidding, alone_with_bids, gate_of, named, subject
from agr.settings import Settings
from agr.store import bids, day
from agr.store.bids import ChannelDelivery, StoredBid
from agr.store.engine import Store, Tx
from agr.uftp.transport import next_delay

log = structlog.get_logger()

_SHARE_OF_THE_REST = 0.125
"""Longest wait before a bid is sent again, as a share of the time left to its gate: the nearer the gate, the shorter
the wait."""
_SHORTEST_S = 0.5


class BidDelivery:
    """One duty per channel, each for a loop of its own, so that a channel that hangs delays no other."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, bidding: Bidding) -> None:
        self._store, self._settings, self._clock, self._bidding = store, settings, clock, bidding
        self._carriers: dict[str, BidCarrier] = {
            c.name: open_carrier(c, settings.tls.authorities_file) for c in settings.bids.channels
        }

    def duties(self) -> dict[str, Callable[[], bool]]:
        """Return channel → what its loop calls."""
        return {name: partial(self.run_due, name) for name in self._carriers}

    def give_up(self) -> None:
        """End deliveries through channels that are not in the settings any more, each with an alarm."""
        with self._store.transaction() as tx:
            for delivery in bids.orphans(tx, self._carriers.keys()):
                bid = bids.get(tx, delivery.bid)
                assert bid is not None
                why = "the channel is not in [bids] any more"
                bids.failed(tx, delivery.id, why)
                text = (
                    f"the {_whole(bid)} did not leave through {delivery.channel}: "
                    f"{why}; send it through those that are, on the Markets page or with agr bids --approve"
                )
                day.raise_alarm(tx, NOT_DELIVERED, _subject(delivery, bid), text, self._clock.now())
                log.error("bid.failed", period=str(bid.period), channel=delivery.channel, why=why)

    def run_due(self, channel: str) -> bool:
        """Make one attempt for a channel; False when nothing is due."""
        with self._store.transaction() as tx:
            delivery = bids.due(tx, channel, self._clock.now())
            bid = None if delivery is None else bids.get(tx, delivery.bid)
            if delivery is None or bid is None:
                return False
            if self._left_s(bid) <= 0:
                self._too_late(tx, delivery, bid)
                return True
            if not bids.attempt(tx, delivery.id):
                return True  # a newer revision has taken its place
        try:
            receipt = self._carriers[channel].deliver(self._post(delivery, bid))
        except DeliveryError as error:
            self._again(delivery, bid, one_line(str(error)))
            return True
        with self._store.transaction() as tx:
            alone_with_bids(tx)
            bids.delivered(tx, delivery.id, self._clock.now(), receipt.text)
            day.recover(tx, NOT_DELIVERED, _subject(delivery, bid), self._clock.now())
            self._bidding.delivered(tx, bid)
        log.info("bid.delivered", period=str(bid.period), revision=bid.revision, channel=channel, receipt=receipt.text)
        return True

    def _post(self, delivery: ChannelDelivery, bid: StoredBid) -> BidPost:
        return BidPost(
            id=f"{self._settings.domain}.{spelt(bid.market)}.{bid.period}.r{bid.revision}", period=str(bid.period),
            plan=bid.plan, revision=bid.revision, file_name=delivery.file_name, content=delivery.content,
            content_type=delivery.content_type, sent_at=self._clock.now(),
        )  # fmt: skip

    def _again(self, delivery: ChannelDelivery, bid: StoredBid, why: str) -> None:
        left_s, settings = self._left_s(bid), self._settings.delivery
        pause_s = next_delay(
            delivery.attempts + 1, random.SystemRandom(), first_s=settings.first_delay_s, max_s=settings.max_delay_s
        )
        pause_s = min(pause_s, max(left_s * _SHARE_OF_THE_REST, _SHORTEST_S))
        now = self._clock.now()
        text = f"the {_whole(bid)} is not delivered through {delivery.channel} yet: {why}"
        with self._store.transaction() as tx:
            bids.retry(tx, delivery.id, now + timedelta(seconds=pause_s), why)
            day.raise_alarm(
                tx, NOT_DELIVERED, _subject(delivery, bid), f"{text}; it is tried again until the gate", now
            )
        log.warning("bid.retry", period=str(bid.period), revision=bid.revision, channel=delivery.channel, why=why)

    def _too_late(self, tx: Tx, delivery: ChannelDelivery, bid: StoredBid) -> None:
        why = delivery.detail or _unknown(delivery)
        bids.failed(tx, delivery.id, why)
        text = f"the gate has closed and the {_whole(bid)} did not arrive through "
        day.raise_alarm(
            tx, NOT_DELIVERED, _subject(delivery, bid), f"{text}{delivery.channel}: {why}", self._clock.now()
        )
        log.error("bid.failed", period=str(bid.period), revision=bid.revision, channel=delivery.channel, why=why)

    def _left_s(self, bid: StoredBid) -> float:
        period = Period(bid.period, self._settings.time_zone, self._settings.isp_minutes)
        try:
            gate = gate_of(self._settings, period, bid.market)
        except InputError:  # the product is not in the settings any more
            return 0.0
        return (gate - self._clock.now()).total_seconds()

    def close(self) -> None:
        """Release connections."""
        for carrier in self._carriers.values():
            carrier.close()


def _unknown(delivery: ChannelDelivery) -> str:
    """Say what is known of a delivery that has no result."""
    if delivery.attempts:
        return "the daemon ended during an attempt, so the bid may have arrived; ask the exchange"
    return "it was never tried: the daemon was down, or nobody had approved it in time"


def _whole(bid: StoredBid) -> str:
    return f"{named(bid.market)} for {bid.period}, revision {bid.revision},"


def _subject(delivery: ChannelDelivery, bid: StoredBid) -> str:
    return f"{subject(bid.period, bid.market)} {delivery.channel}"
