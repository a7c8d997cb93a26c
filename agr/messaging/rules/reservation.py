"""Rules about contracts, which FlexReservationUpdates and FlexRequests must keep to. Their wording is ours."""

from agr.domain.isp import Period
from agr.domain.register import valid_on
from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import FlexOrder, FlexRequest, FlexReservationUpdate

Bound = FlexReservationUpdate | FlexRequest | FlexOrder


def the_contract_is_known(message: Bound, day: RuleContext) -> Reason | None:
    """Unknown ContractID; a FlexRequest need not name one. Source: use case exchange flexibility reservation update."""
    return None if message.contract_id is None or day.contract is not None else "Unknown ContractID"


def the_contract_is_the_senders(message: Bound, day: RuleContext) -> Reason | None:
    """ContractID of another party: the contract is with another DSO. Source: flex reservation mechanism.

    Operators of GOPACS act for each other, so there the congestion point alone decides.
    """
    theirs = day.contract is None or day.contract.dso == message.sender_domain
    theirs = theirs or day.participants.limits(message.sender_domain)
    return None if theirs else "ContractID of another party"


def the_contract_covers_the_congestion_point(message: Bound, day: RuleContext) -> Reason | None:
    """ContractID does not cover this CongestionPoint. Source: flex reservation mechanism."""
    covered = day.contract is None or day.contract.congestion_point == message.congestion_point
    return None if covered else "ContractID does not cover this CongestionPoint"


def the_contract_is_valid_then(message: Bound, day: RuleContext) -> Reason | None:
    """ContractID not valid in this Period. Source: flex reservation mechanism."""
    valid = day.contract is None or valid_on(day.contract, message.period)
    return None if valid else "ContractID not valid in this Period"


def the_deadline_is_open(message: FlexReservationUpdate, day: RuleContext) -> Reason | None:
    """Deadline expired: past the agreed deadline or, without one, all its ISPs are over.

    Source: use case exchange flexibility reservation update.
    """
    if day.reservations_until is not None:
        return "Deadline expired" if day.now > day.reservations_until else None
    period = day.period(message.period)
    last = min(max(run.stop for run in message.isps), period.isp_count + 1)
    return "Deadline expired" if last > 1 and period.isp_start(last) <= day.now else None


def the_power_is_as_contracted(message: FlexReservationUpdate, day: RuleContext) -> Reason | None:
    """Power value rejection: larger than contracted or of the other sign in some ISP.

    An update may only lower what the contract reserves: 0 <= reserved / contracted <= 1, and 0 where nothing is.
    Source: use case exchange flexibility reservation update; flex reservation mechanism.
    """
    if day.contract is None:
        return None
    period = day.period(message.period)
    contracted_w = day.contract.contracted_w(period)
    fits = all(
        min(0, contracted_w[isp - 1]) <= run.power_w <= max(0, contracted_w[isp - 1])
        for run in message.isps
        for isp in _known_isps(run.start, run.stop, period)
    )
    return None if fits else "Power value rejection"


def _known_isps(start: int, stop: int, period: Period) -> range:
    """Return the ISPs of a run that the Period has; another rule judges the others."""
    return range(max(start, 1), min(stop, period.isp_count + 1))
