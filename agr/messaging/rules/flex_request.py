"""Rules about FlexRequests. Source: UFTP specification, use case exchange flexibility requests."""

from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import FlexRequest


def something_is_requested(message: FlexRequest, day: RuleContext) -> Reason | None:
    """Lacking Requested Disposition: no ISP is Requested. Source: use case exchange flexibility requests."""
    asked = any(isp.disposition == "Requested" for isp in message.isps)
    return None if asked and all(isp.disposition for isp in message.isps) else "Lacking Requested Disposition"


def a_requested_isp_has_one_direction(message: FlexRequest, day: RuleContext) -> Reason | None:
    """Requested Power discrepancy: MinPower < 0 < MaxPower in a Requested ISP.

    Source: use case exchange flexibility requests.
    """
    both = any(isp.disposition == "Requested" and isp.min_power_w < 0 < isp.max_power_w for isp in message.isps)
    return "Requested Power discrepancy" if both else None


def bounds_are_in_order(message: FlexRequest, day: RuleContext) -> Reason | None:
    """Power discrepancy: MinPower > MaxPower in an ISP. Source: use case exchange flexibility requests."""
    return "Power discrepancy" if any(isp.min_power_w > isp.max_power_w for isp in message.isps) else None


def the_expiry_is_in_bounds(message: FlexRequest, day: RuleContext) -> Reason | None:
    """ExpirationDateTime out of bounds: in the past, or after the last ISP of the request.

    Source: message validation.
    """
    period = day.period(message.period)
    last = min(max(max(isp.stop for isp in message.isps), 1), period.isp_count + 1)
    fits = day.now < message.expires_at <= period.isp_start(last)
    return None if fits else "ExpirationDateTime out of bounds"


def the_revision_is_not_older(message: FlexRequest, day: RuleContext) -> Reason | None:
    """Subordinate sequence number: we have a higher Revision for the same point, Period and contract.

    An equal one is taken: the specification allows several requests, and the one that came last counts.
    Source: use case exchange d-prognoses per congestion point, whose word this is.
    """
    newest = day.trade.newest_revision
    return "Subordinate sequence number" if newest is not None and message.revision < newest else None
