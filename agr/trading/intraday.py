"""The plan in force as it can still be moved while its day runs: closed ISPs are frozen, stores are as measured. Pure
but for what it reads.

A DSO needs time to order, and an order must come some time before its first ISP. So ISPs count as closed that will be
closed by the end of that time. Source: UFTP specification, operate phase; docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from agr.domain.errors import PlanError
from agr.domain.flexibility import NoOffer
from agr.domain.isp import Period
from agr.planning.case import build
from agr.planning.difference import Solved
from agr.planning.in_force import comparable, under_new_facts
from agr.planning.inputs import RunInputs, read_inputs
from agr.planning.ports import PlanReader
from agr.settings import Settings


def running(reader: PlanReader, settings: Settings, period: Period, now: datetime) -> RunInputs | NoOffer:
    """Read what the rest of a running Period is planned from, with the ISPs that are closed for an offer."""
    found = read_inputs(reader, settings, period, now)
    if found is None or found.before is None:
        return NoOffer(reason=f"there is no plan for {period}")
    closed = max(found.inputs.closed_isps, closed_for_offers(settings, period, now))
    if closed >= period.isp_count:
        return NoOffer(reason=f"every ISP of {period} is closed, or will be before it could be ordered")
    # What open offers draw is taken from the depth where the question is made.
    return replace(found, inputs=replace(found.inputs, closed_isps=closed, offered_buy_kw=None, offered_sell_kw=None))


def closed_for_offers(settings: Settings, period: Period, now: datetime) -> int:
    """Count the ISPs that can no longer be ordered, or no longer be traded, once a DSO has had its time to order."""
    trading = settings.trading
    before_s = max(settings.markets.intraday.closes_before_s, trading.last_order_s) + trading.intraday_order_s
    edge = now + timedelta(seconds=before_s)
    return min(max(period.isp_of(edge), 0), period.isp_count) if edge >= period.start else 0


def solved_now(run: RunInputs, address: str) -> Solved | NoOffer:
    """Return the program in force under today's facts, or why it says nothing about a congestion point."""
    before = run.before
    assert before is not None
    try:
        named = build(run.inputs)
    except PlanError as error:
        return NoOffer(reason=str(error))
    if not comparable(before, named):
        return NoOffer(reason="the plan in force cannot be compared with today's facts; wait for the next plan")
    solved, left = under_new_facts(before, named)
    there = {
        connection
        for point in run.inputs.portfolio.points
        if point.address == address
        for connection in point.connections
    }
    of = run.inputs.register.connection_of()
    lost = sorted(name for name in left if of.get(name) in there)
    if lost:
        return NoOffer(reason=f"{', '.join(lost[:3])} cannot run the plan in force any more; wait for the next plan")
    return solved
