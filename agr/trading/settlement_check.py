"""Checks what a DSO settles, order by order, against our own records. Pure.

With direction s and amount o of what was ordered, and r = s × (actual − baseline): delivered is min(max(r, 0), o), and
the deficiency is max(o − r, 0). Source: UFTP specification, settle phase, flexibility settlement.
"""

from dataclasses import dataclass
from decimal import Decimal

from agr.domain.flexibility import FlexOrder, Obligation
from agr.uftp import messages as m

TOLERANCE_W = 1
TOLERANCE_EUR = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What was delivered of what was ordered in one ISP, in W, both positive."""

    delivered_w: int
    deficiency_w: int


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What we think of the settlement of one order."""

    faults: tuple[str, ...]  # none: accepted
    expected_net: Decimal
    deficiency_kwh: float


def delivery(ordered_w: int, baseline_w: int, actual_w: int) -> Delivery:
    """Return what was delivered in one ISP; more than ordered counts as ordered."""
    towards = (actual_w - baseline_w) if ordered_w > 0 else (baseline_w - actual_w)
    amount = abs(ordered_w)
    return Delivery(delivered_w=min(max(towards, 0), amount), deficiency_w=max(amount - towards, 0) if amount else 0)


def faults_of_order(item: m.OrderSettlement, order: FlexOrder) -> list[str]:
    """Return what is wrong with an item apart from its powers and the penalty for them."""
    faults: list[str] = []
    if item.period != order.period.day:
        faults.append(f"Period {item.period} is not the order's {order.period}")
    if item.congestion_point != order.congestion_point:
        faults.append("CongestionPoint is not the order's")
    if abs(item.price - order.price) > TOLERANCE_EUR:
        faults.append(f"Price {item.price:f} is not the order's {order.price:f}")
    if abs(item.net_settlement - (item.price - item.penalty)) > TOLERANCE_EUR:
        faults.append(f"NetSettlement {item.net_settlement:f} is not Price minus Penalty")
    return faults


def judge(item: m.OrderSettlement, obligation: Obligation, penalty_eur_per_mwh: float) -> Judged:
    """Compare an item with the order. `penalty_eur_per_mwh`: of its contract for what is not delivered; 0 without one.

    The price is paid for what was delivered; what was not is part of the penalty, since a settlement names the price
    of all that was ordered. A penalty that is too low is no fault.
    """
    order, period = obligation.order, obligation.order.period
    faults = faults_of_order(item, order)
    rows = {isp: row for row in item.isps for isp in range(max(row.start, 1), min(row.stop, period.isp_count + 1))}
    ordered_wh = delivered_wh = deficient_wh = 0.0
    for isp, ordered_w in enumerate(order.power_w, start=1):
        row = rows.get(isp)
        if row is None:
            if ordered_w:
                faults.append(f"ISP {isp} is missing")
                ordered_wh += abs(ordered_w) * period.isp_hours
                delivered_wh += abs(ordered_w) * period.isp_hours
            continue
        faults += _faults_of(isp, row, ordered_w, obligation.baseline_w[isp - 1])
        is_so = delivery(ordered_w, obligation.baseline_w[isp - 1], row.actual_w)
        ordered_wh += abs(ordered_w) * period.isp_hours
        delivered_wh += is_so.delivered_w * period.isp_hours
        deficient_wh += is_so.deficiency_w * period.isp_hours
    unpaid = 1 - Decimal(delivered_wh) / Decimal(ordered_wh) if ordered_wh else Decimal(0)
    penalty = order.price * unpaid + Decimal(deficient_wh) / 1_000_000 * Decimal(str(penalty_eur_per_mwh))
    penalty = penalty.quantize(TOLERANCE_EUR)
    if item.penalty > penalty + TOLERANCE_EUR:
        faults.append(f"Penalty {item.penalty:f} is more than the {penalty:f} that follow from the powers")
    return Judged(faults=tuple(faults), expected_net=order.price - penalty, deficiency_kwh=deficient_wh / 1000)


def _faults_of(isp: int, row: m.OrderSettlementIsp, ordered_w: int, baseline_w: int) -> list[str]:
    """Return what is wrong about one ISP; delivered power may be written with the order's sign or without."""
    found = delivery(ordered_w, baseline_w, row.actual_w)
    expected = (
        ("BaselinePower", row.baseline_w, baseline_w),
        ("OrderedFlexPower", row.ordered_w, ordered_w),
        ("DeliveredFlexPower", abs(row.delivered_w), found.delivered_w),
        ("PowerDeficiency", abs(row.deficiency_w), found.deficiency_w),
    )
    return [
        f"ISP {isp}: {name} {told} W is not {ours} W" for name, told, ours in expected if abs(told - ours) > TOLERANCE_W
    ]
