"""Fits reserve power into the room that finished programs leave, and fills up missing reserve. Numpy only."""

import numpy as np

from models.block import slices
from models.case import Case, Direction, Floats
from models.decomposition.primal.limit_rooms import LimitRooms
from models.decomposition.primal.reserve_ceilings import ReserveCeilings
from models.headroom import duration, takes, traded_isps
from models.reserve_room import SIDES, ReserveAllocation

_SAFE = 1.0 - 1e-12
_ENOUGH = 1e-9  # share by which more is filled up than is missing, so that rounding leaves enough


def _use(case: Case, allocation: ReserveAllocation, side: Direction) -> tuple[Floats, Floats]:
    """Return what the reserve held takes on a side (n,T): power, kW, and stored energy, kWh, at both ends of an ISP."""
    shape = allocation.held_kw.shape[1:]
    power, energy = (np.zeros_like(allocation.held_kw, shape=shape) for _ in range(2))
    for r, reserve in enumerate(case.reserves):
        if takes(reserve, side):
            lasts = duration(reserve, case.isp_hours)
            power += allocation.held_kw[r]
            energy += lasts.hours * allocation.held_kw[r]
    return power, energy * allocation.per_kw


def _activated(case: Case, allocation: ReserveAllocation, side: Direction) -> Floats:
    """Return the most energy (n,T), kWh, that activations may have taken until the end of each ISP."""
    taken = np.zeros_like(allocation.held_kw, shape=allocation.held_kw.shape[1:])
    for r, reserve in enumerate(case.reserves):
        if takes(reserve, side):
            long = duration(reserve, case.isp_hours)
            each = long.most_h * allocation.per_kw * allocation.held_kw[r]
            for back in range(min(long.isps, case.isps)):
                taken[:, back:] += each[:, : case.isps - back]
    return taken


def _least_ahead(values: Floats, isps: int) -> Floats:
    """Return the least of each value (n,T) and those of the ISPs after it, `isps` in all."""
    result = values.copy()
    for ahead in range(1, min(isps, values.shape[1])):
        np.minimum(result[:, :-ahead], values[:, ahead:], out=result[:, :-ahead])
    return result


def _share(room: Floats, used: Floats) -> Floats:
    """Return the share of what is used that fits into its room."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.where(used > room, room / used * _SAFE, 1.0)
    return share


def fit(case: Case, allocation: ReserveAllocation) -> None:
    """Scale the reserve held down to its room, in place."""
    for few in slices(allocation.held_kw.shape[1]):
        _fit(case, allocation.part(few))


def _fit(case: Case, allocation: ReserveAllocation) -> None:
    np.clip(allocation.held_kw, 0.0, None, out=allocation.held_kw)
    factor: dict[Direction, Floats] = {}
    for side in SIDES:
        power, energy = _use(case, allocation, side)
        least = np.minimum(allocation.begin_kwh[side], allocation.end_kwh[side])
        factor[side] = np.minimum(_share(allocation.room_kw[side], power), _share(least, energy))
    for r, reserve in enumerate(case.reserves):
        sides = [factor[side] for side in SIDES if takes(reserve, side)]
        allocation.held_kw[r] *= sides[0] if len(sides) == 1 else np.minimum(*sides)
        allocation.held_kw[r, :, ~traded_isps(reserve)] = 0.0
    for side in SIDES:
        share = _share(allocation.end_kwh[side], _activated(case, allocation, side))
        for r, reserve in enumerate(case.reserves):
            if takes(reserve, side) and reserve.sustain_h > 0:
                allocation.held_kw[r] *= _least_ahead(share, duration(reserve, case.isp_hours).isps)


def spare_kw(case: Case, allocation: ReserveAllocation, product: int) -> Floats:
    """Return the power (n,T), kW, of a product that each unit could hold in all ISPs beside its present reserve."""
    reserve, shape = case.reserves[product], allocation.held_kw.shape[1:]
    long = duration(reserve, case.isp_hours)
    result = np.empty(shape, dtype=allocation.held_kw.dtype)
    for few in slices(shape[0]):
        part, spare = allocation.part(few), np.array(np.inf)
        for side in SIDES:
            if takes(reserve, side):
                power, energy = _use(case, part, side)
                left = _least_ahead(part.end_kwh[side] - _activated(case, part, side), long.isps)
                spare = np.minimum(spare, part.room_kw[side] - power)
                if long.hours > 0:
                    spare = np.minimum(spare, (part.end_kwh[side] - energy) / (long.hours * part.per_kw))
                    spare = np.minimum(spare, (part.begin_kwh[side] - energy) / (long.hours * part.per_kw))
                if long.isps > 1:  # every ISP of the window may get more
                    spare = np.minimum(spare, left / (long.isps * long.most_h * part.per_kw))
        result[few] = np.maximum(spare * _SAFE, 0.0)
    result[:, ~traded_isps(reserve)] = 0.0
    return result


def fill(
    case: Case, allocations: list[ReserveAllocation], product: int, missing_kw: Floats, rooms: LimitRooms | None = None,
    ceilings: ReserveCeilings | None = None,
) -> None:  # fmt: skip
    """Let units hold up to missing_kw (T,) more of a product in all, in proportion to each unit's spare room.

    `rooms`: what connection limits leave for them; `ceilings`: what their congestion points may hold.
    """
    if not allocations or not (missing_kw > 0).any():
        return
    spares = [spare_kw(case, allocation, product) for allocation in allocations]
    spares = spares if rooms is None else rooms.within(product, spares)
    spares = spares if ceilings is None else ceilings.within(product, spares)
    total = sum((spare.sum(axis=0, dtype=np.float64) for spare in spares), np.zeros(case.isps))
    rounding = max(_ENOUGH, 8 * max(float(np.finfo(spare.dtype).eps) for spare in spares))
    share = np.minimum(missing_kw * (1 + rounding) / np.where(total > 0, total, 1.0), 1.0)
    for allocation, spare in zip(allocations, spares, strict=True):
        for few in slices(len(spare)):
            allocation.held_kw[product, few] += spare[few] * share
