"""What a DSO may still call of a FlexOption contract, and what it has ordered of it already. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agr.domain.flexibility import Obligation


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """A contract's reservation in W per ISP, signed as reserved; both parts earn the availability fee."""

    callable_w: tuple[int, ...]  # what the DSO may still call
    ordered_w: tuple[int, ...]  # what it has ordered: it is bound as an order, and need not be held ready twice


def after_orders(contract: str, reserved_w: Sequence[int], orders: Iterable[Obligation]) -> Reserved:
    """Return what orders under a contract leave of its reservation, W per ISP.

    An order in the other direction uses up nothing, nor does an order of limits. What is ordered beyond what is
    reserved, as where the DSO has released it, earns no fee.
    """
    left = list(reserved_w)
    for one in orders:
        if one.order.contract_id == contract and not one.limits_w:
            left = [_less(reserved, ordered) for reserved, ordered in zip(left, one.order.power_w, strict=True)]
    used = tuple(reserved - rest for reserved, rest in zip(reserved_w, left, strict=True))
    return Reserved(callable_w=tuple(left), ordered_w=used)


def _less(reserved_w: int, ordered_w: int) -> int:
    """Return what is left of a reservation after an order in the same direction."""
    if reserved_w * ordered_w <= 0:
        return reserved_w
    return min(reserved_w - ordered_w, 0) if reserved_w < 0 else max(reserved_w - ordered_w, 0)
