"""Fits reserve power into the room that finished programs leave, and fills up what is missing. Numpy only."""

import numpy as np

from models.block import slices
from models.case import Case, Direction, Floats
from models.headroom import takes, traded_isps
from models.reserve_room import SIDES, ReserveAllocation

_SAFE = 1.0 - 1e-12
_ENOUGH = 1e-9  # by this share more is filled up than is missing, or by what rounding may take


def _use(case: Case, holding: ReserveAllocation, side: Direction) -> tuple[Floats, Floats]:
    """Return power and energy (n,T) that what is held takes on a side."""
    power, energy = np.zeros_like(holding.held_kw, shape=holding.held_kw.shape[1:]), np.zeros(())
    for r, reserve in enumerate(case.reserves):
        if takes(reserve, side):
            power += holding.held_kw[r]
            if reserve.sustain_h > 0:
                energy = energy + reserve.sustain_h * holding.held_kw[r]
    return power, energy


def fit(case: Case, holding: ReserveAllocation) -> None:
    """Scale what is held down to the room there is."""
    for few in slices(holding.held_kw.shape[1]):
        _fit(case, holding.part(few))


def _fit(case: Case, holding: ReserveAllocation) -> None:
    np.clip(holding.held_kw, 0.0, None, out=holding.held_kw)
    factor: dict[Direction, Floats] = {}
    for side in SIDES:
        power, energy = _use(case, holding, side)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_power = np.where(power > holding.room_kw[side], holding.room_kw[side] / power * _SAFE, 1.0)
            by_energy = np.where(energy > holding.margin_kwh[side], holding.margin_kwh[side] / energy * _SAFE, 1.0)
        factor[side] = np.minimum(by_power, by_energy)
    for r, reserve in enumerate(case.reserves):
        sides = [factor[side] for side in SIDES if takes(reserve, side)]
        holding.held_kw[r] *= sides[0] if len(sides) == 1 else np.minimum(*sides)
        holding.held_kw[r, :, ~traded_isps(reserve)] = 0.0


def spare_kw(case: Case, holding: ReserveAllocation, product: int) -> Floats:
    """Return (n,T) how much more of a product each unit could hold beside what it holds."""
    reserve, shape = case.reserves[product], holding.held_kw.shape[1:]
    result = np.empty(shape, dtype=holding.held_kw.dtype)
    for few in slices(shape[0]):
        part, spare = holding.part(few), np.array(np.inf)
        for side in SIDES:
            if takes(reserve, side):
                power, energy = _use(case, part, side)
                spare = np.minimum(spare, part.room_kw[side] - power)
                if reserve.sustain_h > 0:
                    spare = np.minimum(spare, (part.margin_kwh[side] - energy) / reserve.sustain_h)
        result[few] = np.maximum(spare * _SAFE, 0.0)
    result[:, ~traded_isps(reserve)] = 0.0
    return result


def fill(case: Case, holdings: list[ReserveAllocation], product: int, missing_kw: Floats) -> None:
    """Let the units hold up to missing_kw (T,) more of a product, in proportion to what each still could."""
    if not holdings or not (missing_kw > 0).any():
        return
    spares = [spare_kw(case, holding, product) for holding in holdings]
    total = sum((spare.sum(axis=0, dtype=np.float64) for spare in spares), np.zeros(case.isps))
    rounding = max(_ENOUGH, 8 * max(float(np.finfo(spare.dtype).eps) for spare in spares))
    share = np.minimum(missing_kw * (1 + rounding) / np.where(total > 0, total, 1.0), 1.0)
    for holding, spare in zip(holdings, spares, strict=True):
        for few in slices(len(spare)):
            holding.held_kw[product, few] += spare[few] * share
