"""Several orders at one congestion point: each counts from where the orders before it have brought the program.

An order names a baseline. Where that baseline keeps an earlier order of the same direction, the new deviation adds to
it anyway; where it does not, as when both orders name one D-Prognosis, it is counted from the program that the earlier
one has bought. So no kW is ordered, delivered or missed twice. Pure. Source: UFTP specification, settle phase: the
deviation is that from the baseline with all flexibility that was procured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agr.domain.flexibility import Disposition, FlexRequest, Obligation


def in_turn(obligations: Iterable[Obligation]) -> tuple[Obligation, ...]:
    """Return the orders of a Period, oldest first, each with the program that it counts from.

    Orders of limits, and those in the other direction, change nothing for an order.
    """
    furthest: dict[tuple[str, int], list[int | None]] = {}
    return tuple(_counted(one, furthest) for one in obligations)


def _counted(one: Obligation, furthest: dict[tuple[str, int], list[int | None]]) -> Obligation:
    if one.limits_w:
        return one
    point, isps = one.order.congestion_point, len(one.baseline_w)
    start, earlier = list(one.baseline_w), list[int | None]([None] * isps)
    for isp, ordered in enumerate(one.order.power_w):
        if not ordered:
            continue
        sign = 1 if ordered > 0 else -1
        known = furthest.setdefault((point, sign), [None] * isps)
        before = known[isp]
        if before is not None:
            start[isp], earlier[isp] = sign * max(sign * start[isp], sign * before), before
        known[isp] = start[isp] + ordered
    return replace(one, start_w=tuple(start), earlier_w=tuple(earlier))


def not_shown(request: FlexRequest, baseline_w: Sequence[int], obligations: Iterable[Obligation]) -> str | None:
    """Return the order that a baseline does not keep yet in an ISP in which a request asks for flexibility, if any.

    Against such a baseline, what was ordered would be sold again.
    """
    asked = [one.isp - 1 for one in request.isps if one.disposition is Disposition.REQUESTED]
    for one in obligations:
        if one.order.congestion_point != request.congestion_point or one.limits_w:
            continue
        for isp in asked:
            least, most = one.bounds_w[isp]
            over = 0 if most is None else baseline_w[isp] - most
            under = 0 if least is None else least - baseline_w[isp]
            if max(over, under) > _ROUNDING_W:
                return one.order.order_reference
    return None


_ROUNDING_W = 1
