"""Checks what an operator settles of an order of limits. Pure.

There is no baseline: an ISP is kept where the power measured lies within the limit, and deficient by what lies beyond.
"""

from decimal import Decimal

from agr.domain.flexibility import Obligation
from agr.trading.settlement_check import NO_METERS, TOLERANCE_EUR, TOLERANCE_W, JudgedOrder, Meters, faults_of_order
from agr.uftp import messages as m


def judge_limits(
    item: m.OrderSettlement, obligation: Obligation, penalty_eur_per_mwh: float, meters: Meters = NO_METERS
) -> JudgedOrder:
    """Compare an item with the order. `penalty_eur_per_mwh`: of its contract for what lay beyond limits.

    Where our meters say otherwise than the operator's by more than is tolerated, the ISP is disputed and ours count.
    """
    order, period = obligation.order, obligation.order.period
    faults = faults_of_order(item, order)
    rows = {isp: row for row in item.isps for isp in range(max(row.start, 1), min(row.stop, period.isp_count + 1))}
    beyond_wh, unchecked = 0.0, 0
    for isp, (least, most) in enumerate(obligation.limits_w, start=1):
        limit = most if least is None else least
        if limit is None:
            continue
        row = rows.get(isp)
        if row is None:
            faults.append(f"ISP {isp} is missing")
            continue
        ours = meters.off(isp, row.actual_w, limit)
        if ours is not None:
            faults.append(f"ISP {isp}: ActualPower {row.actual_w} W, our meters have {ours} W")
        unchecked += isp not in meters.actual_w
        beyond = _beyond_w(row.actual_w, least, most)
        beyond_wh += (beyond if ours is None else _beyond_w(ours, least, most)) * period.isp_hours
        expected = (("OrderedFlexPower", row.ordered_w, limit), ("PowerDeficiency", abs(row.deficiency_w), beyond))
        faults += [
            f"ISP {isp}: {name} {told} W is not {ours} W"
            for name, told, ours in expected
            if abs(told - ours) > TOLERANCE_W
        ]
    penalty = (Decimal(beyond_wh) / 1_000_000 * Decimal(str(penalty_eur_per_mwh))).quantize(TOLERANCE_EUR)
    if item.penalty > penalty + TOLERANCE_EUR:
        faults.append(f"Penalty {item.penalty:f} is more than the {penalty:f} that follow from the powers")
    return JudgedOrder(
        faults=tuple(faults), expected_net=order.price - penalty, deficiency_kwh=beyond_wh / 1000, unchecked=unchecked
    )  # fmt: skip


def _beyond_w(actual_w: int, least: int | None, most: int | None) -> int:
    return max(0 if most is None else actual_w - most, 0 if least is None else least - actual_w, 0)
