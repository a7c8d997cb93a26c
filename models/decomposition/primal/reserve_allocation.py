"""Fits reserve power into the room that finished programs leave, and fills up missing reserve. Numpy only."""

import numpy as np

from models.block import slices
from models.case import Case, Direction, Floats
from models.headroom import takes, traded_isps
from models.reserve_room import SIDES, ReserveAllocation

_SAFE = 1.0 - 1e-12
_ENOUGH = 1e-9  # share by which more is filled up than is missing, so that rounding leaves enough


def _use(case: Case, allocation: ReserveAllocation, side: Direction) -> tuple[Floats, Floats]:
    """Return the power and energy (n,T), kW and kWh, that the reserve held takes on a side."""
    power, energy = np.zeros_like(allocation.held_kw, shape=allocation.held_kw.shape[1:]), np.zeros(())
    for r, reserve in enumerate(case.reserves):
        if takes(reserve, side):
            power += allocation.held_kw[r]
            if reserve.sustain_h > 0:
                energy = energy + reserve.sustain_h * allocation.held_kw[r]
    return power, energy


def fit(case: Case, allocation: ReserveAllocation) -> None:
    """Scale the reserve held down to its room, in place."""
    for few in slices(allocation.held_kw.shape[1]):
        _fit(case, allocation.part(few))


def _fit(case: Case, allocation: ReserveAllocation) -> None:
    np.clip(allocation.held_kw, 0.0, None, out=allocation.held_kw)
    factor: dict[Direction, Floats] = {}
    for side in SIDES:
        power, energy = _use(case, allocation, side)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_power = np.where(power > allocation.room_kw[side], allocation.room_kw[side] / power * _SAFE, 1.0)
            by_energy = np.where(
                energy > allocation.margin_kwh[side], allocation.margin_kwh[side] / energy * _SAFE, 1.0
            )
        factor[side] = np.minimum(by_power, by_energy)
    for r, reserve in enumerate(case.reserves):
        sides = [factor[side] for side in SIDES if takes(reserve, side)]
        allocation.held_kw[r] *= sides[0] if len(sides) == 1 else np.minimum(*sides)
        allocation.held_kw[r, :, ~traded_isps(reserve)] = 0.0


def spare_kw(case: Case, allocation: ReserveAllocation, product: int) -> Floats:
    """Return the power (n,T), kW, of a product that each unit could hold on top of its present reserve."""
    reserve, shape = case.reserves[product], allocation.held_kw.shape[1:]
    result = np.empty(shape, dtype=allocation.held_kw.dtype)
    for few in slices(shape[0]):
        part, spare = allocation.part(few), np.array(np.inf)
        for side in SIDES:
            if takes(reserve, side):
                power, energy = _use(case, part, side)
                spare = np.minimum(spare, part.room_kw[side] - power)
                if reserve.sustain_h > 0:
                    spare = np.minimum(spare, (part.margin_kwh[side] - energy) / reserve.sustain_h)
        result[few] = np.maximum(spare * _SAFE, 0.0)
    result[:, ~traded_isps(reserve)] = 0.0
    return result


def fill(case: Case, allocations: list[ReserveAllocation], product: int, missing_kw: Floats) -> None:
    """Let units hold up to missing_kw (T,) more of a product in all, in proportion to each unit's spare room."""
    if not allocations or not (missing_kw > 0).any():
        return
    spares = [spare_kw(case, allocation, product) for allocation in allocations]
    total = sum((spare.sum(axis=0, dtype=np.float64) for spare in spares), np.zeros(case.isps))
    rounding = max(_ENOUGH, 8 * max(float(np.finfo(spare.dtype).eps) for spare in spares))
    share = np.minimum(missing_kw * (1 + rounding) / np.where(total > 0, total, 1.0), 1.0)
    for allocation, spare in zip(allocations, spares, strict=True):
        for few in slices(len(spare)):
            allocation.held_kw[product, few] += spare[few] * share
