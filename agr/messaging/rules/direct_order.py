"""Rules about FlexOrders without an offer: what a contract still reserves, at its price, in time.

Source: UFTP specification, use case exchange flexibility orders; flex-order, Unsolicited. Some of the words are ours.
"""

from decimal import Decimal

from agr.messaging.rules import reservation
from agr.messaging.rules.context import DirectFacts, Reason, RuleContext
from agr.messaging.rules.flex_order import TOLERANCE_PRICE
from agr.uftp.messages import FlexOrder


def _direct(message: FlexOrder, day: RuleContext) -> DirectFacts | None:
    return day.trade.direct if message.flex_offer is None else None


def _powers(message: FlexOrder, isp_count: int) -> dict[int, int]:
    """Return ISP → W of the ISPs that the Period has; another rule judges the others."""
    return {isp: run.power_w for run in message.isps for isp in range(max(run.start, 1), min(run.stop, isp_count + 1))}


def a_direct_order_has_a_contract(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Unknown ContractID, or one that is another's, of another point, or not valid then. Source: message validation."""
    if _direct(message, day) is None:
        return None
    if message.contract_id is None or day.contract is None:
        return "Unknown ContractID"
    rules = (
        reservation.the_contract_is_the_senders, reservation.the_contract_covers_the_congestion_point,
        reservation.the_contract_is_valid_then,
    )  # fmt: skip
    return next((reason for rule in rules if (reason := rule(message, day)) is not None), None)


def a_direct_order_has_a_baseline(message: FlexOrder, day: RuleContext) -> Reason | None:
    """No baseline: no D-Prognosis is accepted yet. Reference D-Prognosis mismatch: another than the accepted one.

    Source: use case exchange flexibility orders (the wording is ours).
    """
    facts = _direct(message, day)
    if facts is None:
        return None
    if facts.prognosis is None:
        return "No baseline"
    same = message.prognosis is None or message.prognosis.lower() == facts.prognosis.lower()
    return None if same else "Reference D-Prognosis mismatch"


def a_direct_order_is_reserved(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Power value rejection: more than the contract still reserves in an ISP, or of the other sign.

    Source: use case exchange flexibility orders (the wording is ours).
    """
    facts = _direct(message, day)
    if facts is None or day.contract is None:
        return None
    powers = _powers(message, len(facts.reserved_w))
    if not any(powers.values()):
        return "Power value rejection"
    held = facts.reserved_w
    fits = all(min(0, held[isp - 1]) <= power <= max(0, held[isp - 1]) for isp, power in powers.items())
    return None if fits else "Power value rejection"


def a_direct_order_comes_in_time(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Deadline expired: an ISP with power begins too soon, or may not be moved during the day.

    Source: use case exchange flexibility orders (the wording is ours).
    """
    facts = _direct(message, day)
    if facts is None:
        return None
    first = min((isp for isp, power in _powers(message, len(facts.reserved_w)).items() if power), default=None)
    return "Deadline expired" if first is not None and first <= facts.closed_isps else None


def a_direct_order_has_the_contract_s_price(message: FlexOrder, day: RuleContext) -> Reason | None:
    """Price mismatch: not the contract's price times the energy; without a price, any in our currency.

    Source: use case exchange flexibility orders (the wording is ours).
    """
    facts = _direct(message, day)
    if facts is None:
        return None
    if message.currency != facts.currency:
        return "Price mismatch"
    if facts.price_eur_per_mwh is None:
        return None
    hours = day.isp_minutes / 60
    mwh = Decimal(sum(abs(power) for power in _powers(message, len(facts.reserved_w)).values())) / 1_000_000
    due = mwh * Decimal(str(hours)) * Decimal(str(facts.price_eur_per_mwh))
    return None if abs(message.price - due) <= TOLERANCE_PRICE else "Price mismatch"
