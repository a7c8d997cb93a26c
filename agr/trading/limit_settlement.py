"""Checks what an operator settles of an order of limits. Pure.

There is no baseline: an ISP is kept where the power measured lies within the limit, and deficient by what lies beyond.
"""

from decimal import Decimal

from agr.domain.flexibility import Obligation
from agr.trading.settlement_check import TOLERANCE_EUR, TOLERANCE_W, Judged, faults_of_order
from agr.uftp import messages as m


def judge_limits(item: m.OrderSettlement, obligation: Obligation, penalty_eur_per_mwh: float) -> Judged:
    """Compare an item with the order. `penalty_eur_per_mwh`: of its contract for what lay beyond limits."""
    order, period = obligation.order, obligation.order.period
    faults = faults_of_order(item, order)
    rows = {isp: row for row in item.isps for isp in range(max(row.start, 1), min(row.stop, period.isp_count + 1))}
    beyond_wh = 0.0
    for isp, (least, most) in enumerate(obligation.limits_w, start=1):
        limit = most if least is None else least
        if limit is None:
            continue
        row = rows.get(isp)
        if row is None:
            faults.append(f"ISP {isp} is missing")
            continue
        above = 0 if most is None else row.actual_w - most
        below = 0 if least is None else least - row.actual_w
        beyond = max(above, below, 0)
        beyond_wh += beyond * period.isp_hours
        expected = (("OrderedFlexPower", row.ordered_w, limit), ("PowerDeficiency", abs(row.deficiency_w), beyond))
        faults += [
            f"ISP {isp}: {name} {told} W is not {ours} W"
            for name, told, ours in expected
            if abs(told - ours) > TOLERANCE_W
        ]
    penalty = (Decimal(beyond_wh) / 1_000_000 * Decimal(str(penalty_eur_per_mwh))).quantize(TOLERANCE_EUR)
    if item.penalty > penalty + TOLERANCE_EUR:
        faults.append(f"Penalty {item.penalty:f} is more than the {penalty:f} that follow from the powers")
    return Judged(faults=tuple(faults), expected_net=order.price - penalty, deficiency_kwh=beyond_wh / 1000)
