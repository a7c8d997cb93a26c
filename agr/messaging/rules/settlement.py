"""Rules about FlexSettlements as messages; wrong numbers are disputed order by order, not rejected."""

from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import FlexSettlement


def the_start_is_plausible(message: FlexSettlement, day: RuleContext) -> Reason | None:
    """PeriodStart rejected: in the future, or an order before it is not settled yet.

    Source: use case process settlement items.
    """
    late = message.period_start > day.today() or any(period < message.period_start for _, period in day.trade.unsettled)
    return "PeriodStart rejected" if late else None


def the_end_is_plausible(message: FlexSettlement, day: RuleContext) -> Reason | None:
    """PeriodEnd rejected: before PeriodStart, or not over yet. Source: use case process settlement items."""
    fits = message.period_start <= message.period_end < day.today()
    return None if fits else "PeriodEnd rejected"


def items_lie_in_the_period(message: FlexSettlement, day: RuleContext) -> Reason | None:
    """Period out of bounds: an item of a Period outside the settlement's. Source: message validation."""
    inside = all(message.period_start <= item.period <= message.period_end for item in message.orders)
    return None if inside else "Period out of bounds"


def every_order_is_settled(message: FlexSettlement, day: RuleContext) -> Reason | None:
    """Missing Settlement Items: an order of that time is missing. Source: use case process settlement items."""
    named = {item.order_reference for item in message.orders}
    missing = any(
        message.period_start <= period <= message.period_end and reference not in named
        for reference, period in day.trade.unsettled
    )
    return "Missing Settlement Items" if missing else None
