"""Rules about FlexOrders: an order is what we offered, once. Source: UFTP specification, use case exchange flex orders.

Only the state of the offer, and what it says, decide; gates do not: an offer that can still be ordered is a promise.
"""

from decimal import Decimal

from agr.domain.flexibility import FlexOffer, OfferOption
from agr.domain.flexibility_states import OfferState
from agr.domain.program import expand
from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import FlexOrder

TOLERANCE_W = 1
"""Most W by which the ordered power may differ from the offered share: both sides round to whole W, up or down."""
TOLERANCE_PRICE = Decimal("0.01")
_NEVER_SENT = (OfferState.PRICED, OfferState.DISCARDED, OfferState.REFUSED)


def _offer(message: FlexOrder, day: RuleContext) -> FlexOffer | None:
    """Return the offer ordered, as far as the sender can know it."""
    offer, state = day.trade.offer, day.trade.offer_state
    known = offer is not None and offer.dso == message.sender_domain and state not in _NEVER_SENT
    return offer if known else None


def _option(message: FlexOrder, day: RuleContext) -> OfferOption | None:
    offer = _offer(message, day)
    return None if offer is None else offer.option(message.option_reference)


def _ordered(message: FlexOrder, isp_count: int) -> tuple[int | None, ...] | None:
    """Return the power ordered per ISP; None where ISPs are out of bounds, which another rule says."""
    inside = all(run.start >= 1 and run.duration >= 1 and run.stop <= isp_count + 1 for run in message.isps)
    return expand(message.isps, isp_count) if inside else None


def the_order_is_of_an_offer(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Unknown FlexOfferMessageID reference: not an offer of ours to this DSO, or one that the DSO refused.

    Source: message validation. An order without an offer needs an agreement: see agr.messaging.rules.direct_order.
    """
    if message.flex_offer is None and day.trade.direct is not None:
        return None
    return None if _offer(message, day) else "Unknown FlexOfferMessageID reference"


def the_period_is_the_offers(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Reference Period mismatch. Source: message validation."""
    offer = _offer(message, day)
    return "Reference Period mismatch" if offer is not None and offer.period.day != message.period else None


def the_point_is_the_offers(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Reference CongestionPoint mismatch. Source: message validation (the wording is ours)."""
    offer = _offer(message, day)
    other = offer is not None and offer.congestion_point != message.congestion_point
    return "Reference CongestionPoint mismatch" if other else None


def the_contract_is_the_offers(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Reference ContractID mismatch; an order need not name it. Source: message validation (the wording is ours)."""
    offer = _offer(message, day)
    other = offer is not None and message.contract_id not in (None, offer.contract_id)
    return "Reference ContractID mismatch" if other else None


def the_baseline_is_the_offers(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Reference D-Prognosis mismatch; an order need not name it. Source: flex-order (the wording is ours)."""
    offer = _offer(message, day)
    if offer is None or offer.prognosis_message_id is None or message.prognosis is None:
        return None
    same = message.prognosis.lower() == offer.prognosis_message_id.lower()
    return None if same else "Reference D-Prognosis mismatch"


def the_offer_has_not_expired(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Reference message expired: sent after the expiry, or received later than `trading.hold_s` after it.

    Source: message validation.
    """
    offer = _offer(message, day)
    if offer is None or day.trade.offer_state is OfferState.ORDERED:
        return None
    late = message.time_stamp > offer.expires_at or day.now > offer.expires_at + day.trade.hold
    return "Reference message expired" if late else None


def the_offer_is_not_revoked(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Reference message revoked: also when revocation and order cross. Source: message validation; use case
    revocation flexibility offer.
    """
    gone = _offer(message, day) and day.trade.offer_state in (OfferState.REVOKING, OfferState.REVOKED)
    return "Reference message revoked" if gone else None


def the_offer_is_ordered_once(message: FlexOrder, day: RuleContext) -> Reason | None:
    """FlexOffer already ordered. Source: use case exchange flexibility orders (the wording is ours)."""
    again = _offer(message, day) and day.trade.offer_state is OfferState.ORDERED
    return "FlexOffer already ordered" if again else None


def the_order_reference_is_new(message: FlexOrder, day: RuleContext) -> Reason | None:
    """OrderReference already used. Source: flex-order (the wording is ours)."""
    return "OrderReference already used" if day.trade.reference_used else None


def the_option_is_offered(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Unknown OptionReference; the only option need not be named. Source: flex-order (the wording is ours)."""
    known = _offer(message, day) is None or _option(message, day) is not None
    return None if known else "Unknown OptionReference"


def the_part_is_offered(message: FlexOrder, day: RuleContext) -> Reason | None:
    """ActivationFactor out of bounds: below the option's least or above 1. Source: flex-order (wording ours)."""
    option = _option(message, day)
    fits = option is None or option.min_activation_factor <= message.activation_factor <= 1
    return None if fits else "ActivationFactor out of bounds"


def the_isps_are_the_offers(message: FlexOrder, day: RuleContext) -> Reason | None:
    """ISP mismatch: power in an ISP that only one of both has; merged Durations are the same ISPs.

    Source: use case exchange flexibility orders.
    """
    option = _option(message, day)
    ordered = None if option is None else _ordered(message, len(option.power_w))
    if option is None or ordered is None:
        return None
    fits = all(
        (mine is None) == (theirs is None) or not (mine or theirs)
        for theirs, mine in zip(ordered, option.power_w, strict=True)
    )
    return None if fits else "ISP mismatch"


def the_power_is_the_offers(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Power mismatch: not what was offered, times the ActivationFactor. Source: use case exchange flex orders."""
    option = _option(message, day)
    ordered = None if option is None else _ordered(message, len(option.power_w))
    if option is None or ordered is None:
        return None
    fits = all(
        abs(Decimal(theirs or 0) - message.activation_factor * (mine or 0)) <= TOLERANCE_W
        for theirs, mine in zip(ordered, option.power_w, strict=True)
        if theirs is not None and mine is not None
    )
    return None if fits else "Power mismatch"


def the_price_is_the_offers(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Price mismatch: another currency, or not the option's price times the ActivationFactor.

    Source: use case exchange flexibility orders.
    """
    offer, option = _offer(message, day), _option(message, day)
    if offer is None or option is None:
        return None
    off = abs(message.price - message.activation_factor * option.price)
    return None if message.currency == offer.currency and off <= TOLERANCE_PRICE else "Price mismatch"
