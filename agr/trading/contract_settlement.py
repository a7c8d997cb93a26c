"""Checks what a DSO settles of contracts, ISP by ISP, against our own records. Pure.

UFTP has no answer for single contracts, so what is wrong is told to operators. Source: UFTP specification, settle
phase, flexibility settlement; UFTP-agr-dso.xsd, ContractSettlement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agr.domain.flexibility import Disposition, FlexOffer, FlexOrder, FlexRequest
from agr.domain.isp import Period
from agr.uftp import messages as m

TOLERANCE_W = 1
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class ContractDay:
    """What we know of a contract's Period: power per ISP in W, signed as in messages."""

    period: Period
    reserved_w: Sequence[int]  # by its newest update, or as contracted
    requests: Sequence[FlexRequest]  # the accepted ones under the contract
    offers: Sequence[FlexOffer]  # those that were sent
    orders: Sequence[FlexOrder]


def contract_faults(name: str, told: m.ContractSettlementPeriod, known: ContractDay) -> tuple[str, ...]:
    """Return what is wrong about one Period of a contract, power by power."""
    ours = {
        "ReservedPower": list(known.reserved_w),
        "RequestedPower": _requested_w(known),
        "OfferedPower": _offered_w(known),
        "OrderedPower": _sums([order.power_w for order in known.orders], known.period),
    }
    rooms, found = _available_w(known), []
    for row in told.isps:
        values = {
            "ReservedPower": row.reserved_w, "RequestedPower": row.requested_w, "OfferedPower": row.offered_w,
            "OrderedPower": row.ordered_w,
        }  # fmt: skip
        for isp in range(row.start, row.stop):
            if not 1 <= isp <= known.period.isp_count:
                found.append(f"contract {name}: ISP {isp} is not in {known.period}")
                continue
            found += [
                f"contract {name}, {known.period}, ISP {isp}: {field} {value} W is not {ours[field][isp - 1]} W"
                for field, value in values.items()
                if value is not None and abs(value - ours[field][isp - 1]) > TOLERANCE_W
            ]
            room = rooms[isp - 1]
            if row.available_w is not None and min(abs(row.available_w - bound) for bound in room) > TOLERANCE_W:
                what = f"AvailablePower {row.available_w} W is not {' or '.join(f'{bound} W' for bound in room)}"
                found.append(f"contract {name}, {known.period}, ISP {isp}: {what}")
    more = [f"contract {name}: and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return (*found[:_SHOWN], *more)


def _requested_w(known: ContractDay) -> list[int]:
    """Return the largest deviation requested per ISP; of several requests the newest counts."""
    found = [0] * known.period.isp_count
    for request in sorted(known.requests, key=lambda one: one.revision):
        for isp in request.requested:
            found[isp.isp - 1] = isp.min_w or isp.max_w
    return found


def _available_w(known: ContractDay) -> list[tuple[int, ...]]:
    """Return how far an offer might go per ISP, by the newest request: to either bound where it asks for nothing.

    Source: UFTP specification, flex settlement: AvailablePower.
    """
    found: list[tuple[int, ...]] = [(0,)] * known.period.isp_count
    for request in sorted(known.requests, key=lambda one: one.revision):
        for isp in request.isps:
            far = max((isp.min_w, isp.max_w), key=abs)
            found[isp.isp - 1] = (far,) if isp.disposition is Disposition.REQUESTED else (isp.min_w, isp.max_w)
    return found


def _offered_w(known: ContractDay) -> list[int]:
    """Return the largest option of every offer, summed per ISP."""
    largest = [
        max(offer.options, key=lambda option: sum(abs(power or 0) for power in option.power_w)).power_w
        for offer in known.offers
    ]
    return _sums([[power or 0 for power in powers] for powers in largest], known.period)


def _sums(powers: Sequence[Sequence[int]], period: Period) -> list[int]:
    return [sum(one[isp] for one in powers) for isp in range(period.isp_count)]
