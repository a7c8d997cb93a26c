"""Several orders at one congestion point: each counts from where the orders before it have brought the program.

An order names a baseline. Where that baseline keeps an earlier order of the same direction, the new deviation adds to
it anyway; where it does not, as when both orders name one D-Prognosis, it is counted from the program that the earlier
one has bought. So no kW is ordered, delivered or missed twice.

An order of the other direction takes back what lies between. Of 10 kW, first 3 kW less and then 1 kW more are ordered:
8 kW are due, no more for the first order and no less for the second. What is taken back need not be delivered any more.
Pure. Source: UFTP specification, settle phase: what is missed is the distance from the baseline with all orders.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agr.domain.flexibility import Disposition, FlexRequest, Obligation


def in_turn(obligations: Iterable[Obligation]) -> tuple[Obligation, ...]:
    """Return the orders of a Period, oldest first, each with the program that it counts from.

    Orders of limits change nothing for an order.
    """
    found = list(obligations)
    start = [list(one.baseline_w) for one in found]
    earlier = [list[int | None]([None] * len(one.baseline_w)) for one in found]
    taken = [[0] * len(one.baseline_w) for one in found]
    binding: dict[tuple[str, int], list[_Bound]] = {}
    for number, one in enumerate(found):
        if one.limits_w:
            continue
        for isp, ordered_w in enumerate(one.order.power_w):
            if not ordered_w:
                continue
            known = binding.get((one.order.congestion_point, isp), [])
            most = min((bound.at_w for bound in known if not bound.more), default=None)
            least = max((bound.at_w for bound in known if bound.more), default=None)
            begin = start[number][isp]
            begin = begin if most is None else min(begin, most)
            begin = begin if least is None else max(begin, least)
            start[number][isp], earlier[number][isp] = begin, least if ordered_w > 0 else most
            new = _Bound(order=number, more=ordered_w > 0, from_w=begin, at_w=begin + ordered_w)
            left = [bound if bound.more == new.more else bound.without(new.at_w) for bound in known]
            for before, after in zip(known, left, strict=True):
                taken[before.order][isp] += abs(before.at_w - after.at_w)
            kept = [bound for bound in left if bound.at_w != bound.from_w]
            binding[one.order.congestion_point, isp] = [*kept, new]
    return tuple(
        one if one.limits_w else replace(
            one, start_w=tuple(start[k]), earlier_w=tuple(earlier[k]), taken_back_w=tuple(taken[k])
        )
        for k, one in enumerate(found)
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Bound:
    """What an order binds the program to in one ISP, W: at least `at_w` where more was ordered, else at most."""

    order: int  # its place among the orders
    more: bool
    from_w: int  # where its deviation begins
    at_w: int

    def without(self, program_w: int) -> "_Bound":
        """Return what is left of it where an order of the other direction demands a program."""
        if self.more:
            return replace(self, at_w=max(min(self.at_w, program_w), self.from_w))
        return replace(self, at_w=min(max(self.at_w, program_w), self.from_w))


def may_be_taken_back(request: FlexRequest, obligations: Iterable[Obligation]) -> tuple[str, ...]:
    """Return the orders, by name, of which an order at the same congestion point may take back a part; limits stay."""
    return tuple(
        one.order.name for one in obligations
        if one.order.congestion_point == request.congestion_point and not one.limits_w
    )  # fmt: skip


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
