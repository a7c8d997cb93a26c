"""Fits reserve power into the room that finished programs leave, and fills up what is missing. Numpy only."""

from dataclasses import dataclass

import numpy as np

from models.bands import charge_limit_kw, discharge_limit_kw
from models.case import Case, Direction, Floats, Ints
from models.headroom import SIDES, takes, traded_isps
from models.units.curtailable.block import lowest_kw

_SAFE = 1.0 - 1e-12


@dataclass(kw_only=True, eq=False)
class Holding:
    """Units that hold reserve: their room per side (n,T) kW, energy margin per side (n,T) kWh at the connection."""

    held_kw: Floats  # (R,n,T)
    room_kw: dict[Direction, Floats]
    margin_kwh: dict[Direction, Floats]  # inf where energy does not bind


def storage_holding(case: Case, units: Ints, power_kw: Floats, energy_kwh: Floats, held_kw: Floats) -> Holding:
    """Return the room of storage units with finished programs."""
    data = case.storage
    isps = case.isps
    whole_charge, whole_discharge = charge_limit_kw(data, isps)[units], discharge_limit_kw(data, isps)[units]
    cap = data.reserve_kw[units][:, None]
    low = np.broadcast_to(data.energy_min_kwh, (len(data.point), isps))[units]
    high = np.broadcast_to(data.energy_max_kwh, (len(data.point), isps))[units]
    above, below = energy_kwh - low, high - energy_kwh
    start = data.energy_start_kwh[units]
    first_above = np.maximum(start - low[:, 0], 0.0)[:, None]
    first_below = np.maximum(high[:, 0] - start, 0.0)[:, None]
    above = np.minimum(above, np.concatenate([first_above, above[:, :-1]], axis=1))
    below = np.minimum(below, np.concatenate([first_below, below[:, :-1]], axis=1))
    gain = np.broadcast_to(data.charge_efficiency, (len(data.point), isps))[units]
    return Holding(
        held_kw=held_kw,
        room_kw={
            Direction.UP: np.clip(np.minimum(cap, power_kw + whole_discharge), 0.0, None),
            Direction.DOWN: np.clip(np.minimum(cap, whole_charge - power_kw), 0.0, None),
        },
        margin_kwh={
            Direction.UP: np.maximum(above, 0.0) * data.discharge_efficiency[units][:, None],
            Direction.DOWN: np.maximum(below, 0.0) / gain,
        },
    )


def curtailable_holding(case: Case, units: Ints, power_kw: Floats, held_kw: Floats) -> Holding:
    """Return the room of curtailable units with finished programs; only where they can move at all."""
    lowest = lowest_kw(case)[units]
    highest = np.broadcast_to(np.fmax(case.curtailable.pinned_kw, 0.0), (len(case.curtailable.point), case.isps))[units]
    cap = case.curtailable.reserve_kw[units][:, None]
    endless = np.full(lowest.shape, np.inf)
    return Holding(
        held_kw=held_kw,
        room_kw={
            Direction.UP: np.clip(np.minimum(cap, power_kw - lowest), 0.0, None),
            Direction.DOWN: np.clip(np.minimum(cap, highest - power_kw), 0.0, None),
        },
        margin_kwh={Direction.UP: endless, Direction.DOWN: endless},
    )


def _use(case: Case, holding: Holding, side: Direction) -> tuple[Floats, Floats]:
    """Return power and energy (n,T) that what is held takes on a side."""
    power, energy = np.zeros(holding.held_kw.shape[1:]), np.zeros(holding.held_kw.shape[1:])
    for r, reserve in enumerate(case.reserves):
        if takes(reserve, side):
            power += holding.held_kw[r]
            energy += reserve.sustain_h * holding.held_kw[r]
    return power, energy


def fit(case: Case, holding: Holding) -> None:
    """Scale what is held down to the room there is."""
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


def spare_kw(case: Case, holding: Holding, product: int) -> Floats:
    """Return (n,T) how much more of a product each unit could hold beside what it holds."""
    reserve = case.reserves[product]
    spare = np.full(holding.held_kw.shape[1:], np.inf)
    for side in SIDES:
        if takes(reserve, side):
            power, energy = _use(case, holding, side)
            spare = np.minimum(spare, holding.room_kw[side] - power)
            if reserve.sustain_h > 0:
                spare = np.minimum(spare, (holding.margin_kwh[side] - energy) / reserve.sustain_h)
    spare[:, ~traded_isps(reserve)] = 0.0
    return np.maximum(spare * _SAFE, 0.0)


def fill(case: Case, holdings: list[Holding], product: int, missing_kw: Floats) -> None:
    """Let the units hold up to missing_kw (T,) more of a product, in proportion to what each still could."""
    spares = [spare_kw(case, holding, product) for holding in holdings]
    total = sum((spare.sum(axis=0) for spare in spares), np.zeros(case.isps))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(
            missing_kw > 0, np.minimum(missing_kw * (1 + 1e-9) / np.where(total > 0, total, 1.0), 1.0), 0.0
        )
    for holding, spare in zip(holdings, spares, strict=True):
        holding.held_kw[product] += spare * share
