"""Checks what a DSO settles, order by order, against our own records. Pure.

With direction s and amount o of what was ordered, and r = s × (actual − baseline): delivered is min(max(r, 0), o), and
the deficiency is max(o − r, 0). Of several orders of one direction in an ISP each counts from where those before it
have brought the program (agr.domain.obligations), and is deficient by no more than it added to them: the latest one
misses first, and what lies beyond all of them counts for the earliest. What a later order of the other direction has
taken back counts as delivered: it was bought, and then bought off. Source: UFTP specification, settle phase,
flexibility settlement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from agr.domain.flexibility import FlexOrder, Obligation
from agr.uftp import messages as m

TOLERANCE_W = 1
TOLERANCE_EUR = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What was delivered of what was ordered in one ISP, in W, both positive."""

    delivered_w: int
    deficiency_w: int


@dataclass(frozen=True, kw_only=True)
class JudgedOrder:
    """What we think of the settlement of one order."""

    faults: tuple[str, ...]  # none: accepted
    expected_net: Decimal
    deficiency_kwh: float
    unchecked: int = 0  # ordered ISPs whose actual power our meters do not tell


def delivery(
    ordered_w: int, baseline_w: int, actual_w: int, earlier_w: int | None = None, taken_back_w: int = 0
) -> Delivered:  # fmt: skip
    """Return what was delivered in one ISP; more than ordered counts as ordered.

    `earlier_w`: the program that earlier orders of this direction bind to, what is missed before it is theirs.
    `taken_back_w`: what later orders of the other direction undo, not negative; it is not to be delivered any more.
    """
    towards = (actual_w - baseline_w) if ordered_w > 0 else (baseline_w - actual_w)
    amount = abs(ordered_w) - taken_back_w
    missed = max(amount - towards, 0) if amount else 0
    if earlier_w is not None:
        end_w = baseline_w + (amount if ordered_w > 0 else -amount)
        missed = min(missed, abs(end_w - earlier_w))
    return Delivered(delivered_w=min(max(towards, 0), amount) + taken_back_w, deficiency_w=missed)


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


@dataclass(frozen=True, kw_only=True)
class Meters:
    """What our own meters say of the congestion point, and how far the DSO's may lie from it."""

    actual_w: Mapping[int, int] = field(default_factory=dict)  # ISP → W; ISPs that were not measured are missing
    tolerance_share: float = 0.05  # of the power ordered

    def off(self, isp: int, told_w: int, ordered_w: int) -> int | None:
        """Return our power where the DSO's is further from it than tolerated; None: it is not, or nobody knows."""
        ours = self.actual_w.get(isp)
        if ours is None or abs(told_w - ours) <= max(self.tolerance_share * abs(ordered_w), TOLERANCE_W):
            return None
        return ours


NO_METERS = Meters()


def judge(
    item: m.OrderSettlement, obligation: Obligation, penalty_eur_per_mwh: float, meters: Meters = NO_METERS
) -> JudgedOrder:
    """Compare an item with the order. `penalty_eur_per_mwh`: of its contract for what is not delivered; 0 without one.

    The price is paid for what was delivered; what was not is part of the penalty, since a settlement names the price
    of all that was ordered. A penalty that is too low is no fault. Where our meters say otherwise than the DSO's by
    more than is tolerated, the ISP is disputed, and ours count.
    """
    order, period = obligation.order, obligation.order.period
    faults = faults_of_order(item, order)
    rows = {isp: row for row in item.isps for isp in range(max(row.start, 1), min(row.stop, period.isp_count + 1))}
    ordered_wh = delivered_wh = deficient_wh = 0.0
    unchecked = 0
    for isp, ordered_w in enumerate(order.power_w, start=1):
        row = rows.get(isp)
        if row is None:
            if ordered_w:
                faults.append(f"ISP {isp} is missing")
                ordered_wh += abs(ordered_w) * period.isp_hours
                delivered_wh += abs(ordered_w) * period.isp_hours
            continue
        start_w = (obligation.start_w or obligation.baseline_w)[isp - 1]
        earlier_w = obligation.earlier_w[isp - 1] if obligation.earlier_w else None
        back_w = obligation.taken_back_w[isp - 1] if obligation.taken_back_w else 0
        found = delivery(ordered_w, start_w, row.actual_w, earlier_w, back_w)
        faults += _faults_of(isp, row, ordered_w, obligation.baseline_w[isp - 1], found)
        ours = meters.off(isp, row.actual_w, ordered_w)
        if ours is not None:
            faults.append(f"ISP {isp}: ActualPower {row.actual_w} W, our meters have {ours} W")
        unchecked += bool(ordered_w) and isp not in meters.actual_w
        is_so = found if ours is None else delivery(ordered_w, start_w, ours, earlier_w, back_w)
        ordered_wh += abs(ordered_w) * period.isp_hours
        delivered_wh += is_so.delivered_w * period.isp_hours
        deficient_wh += is_so.deficiency_w * period.isp_hours
    unpaid = 1 - Decimal(delivered_wh) / Decimal(ordered_wh) if ordered_wh else Decimal(0)
    penalty = order.price * unpaid + Decimal(deficient_wh) / 1_000_000 * Decimal(str(penalty_eur_per_mwh))
    penalty = penalty.quantize(TOLERANCE_EUR)
    if item.penalty > penalty + TOLERANCE_EUR:
        faults.append(f"Penalty {item.penalty:f} is more than the {penalty:f} that follow from the powers")
    return JudgedOrder(
        faults=tuple(faults), expected_net=order.price - penalty, deficiency_kwh=deficient_wh / 1000,
        unchecked=unchecked,
    )  # fmt: skip


def _faults_of(
    isp: int, row: m.OrderSettlementIsp, ordered_w: int, baseline_w: int, found: Delivered
) -> list[str]:  # fmt: skip
    """Return what is wrong about one ISP; delivered power may be written with the order's sign or without."""
    expected = (
        ("BaselinePower", row.baseline_w, baseline_w),
        ("OrderedFlexPower", row.ordered_w, ordered_w),
        ("DeliveredFlexPower", abs(row.delivered_w), found.delivered_w),
        ("PowerDeficiency", abs(row.deficiency_w), found.deficiency_w),
    )
    return [
        f"ISP {isp}: {name} {told} W is not {ours} W" for name, told, ours in expected if abs(told - ours) > TOLERANCE_W
    ]
