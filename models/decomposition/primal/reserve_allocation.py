"""Fits reserve power into the room that finished programs leave, and fills up what is missing. Numpy only."""

from dataclasses import dataclass

import numpy as np

from models.block import slices
from models.case import Case, Direction, Floats, Ints
from models.headroom import SIDES, takes, traded_isps
from models.outcome import Programs

_SAFE = 1.0 - 1e-12
_ENOUGH = 1e-9  # by this share more is filled up than is missing, or by what rounding may take


@dataclass(kw_only=True, eq=False)
class ReserveAllocation:
    """Units that hold reserve: their room per side (n,T) kW, energy margin per side (n,T) kWh at the connection."""

    held_kw: Floats  # (R,n,T)
    room_kw: dict[Direction, Floats]
    margin_kwh: dict[Direction, Floats]  # inf where energy does not bind

    def part(self, few: slice) -> "ReserveAllocation":
        """Return some units, in the same memory."""
        return ReserveAllocation(
            held_kw=self.held_kw[:, few],
            room_kw={side: values[few] for side, values in self.room_kw.items()},
            margin_kwh={side: values[few] for side, values in self.margin_kwh.items()},
        )

    def forget_rooms(self) -> None:
        """Let go of everything but what is held."""
        self.room_kw, self.margin_kwh = {}, {}


def _roomless(case: Case, held_kw: Floats, *, margins: bool) -> ReserveAllocation:
    """Return a holding whose rooms are to be filled in; without margins, energy never binds."""
    shape = held_kw.shape[1:]

    def tables() -> dict[Direction, Floats]:
        return {side: np.empty(shape, dtype=held_kw.dtype) for side in SIDES}

    endless = np.broadcast_to(np.array(np.inf, dtype=held_kw.dtype), shape)
    binds = margins and any(reserve.sustain_h > 0 for reserve in case.reserves)
    return ReserveAllocation(
        held_kw=held_kw, room_kw=tables(), margin_kwh=tables() if binds else dict.fromkeys(SIDES, endless)
    )


def _rows(values: Floats, units: Ints, isps: int) -> Floats:
    """Return the rows of some units (n,T) of values (U,T) or (U,1), whatever their strides."""
    narrow = values[:, :1] if values.strides[1] == 0 else values
    return np.broadcast_to(narrow[units], (len(units), isps))


def storage_holding(case: Case, units: Ints, programs: Programs, place: Ints, held_kw: Floats) -> ReserveAllocation:
    """Return the room of storage units (n,) with finished programs, theirs at rows `place` (n,)."""
    holding = _roomless(case, held_kw, margins=True)
    for few in slices(len(units)):
        _storage_room(case, units[few], programs, place[few], holding.part(few))
    return holding


def _storage_room(case: Case, units: Ints, programs: Programs, place: Ints, holding: ReserveAllocation) -> None:
    data, isps = case.storage, case.isps
    power_kw = programs.charge_kw[place] - programs.discharge_kw[place]
    pinned = _rows(data.pinned_kw, units, isps)
    charge = np.fmax(_rows(data.charge_kw, units, isps), pinned)
    discharge = np.fmax(_rows(data.discharge_kw, units, isps), -pinned)
    cap = data.reserve_kw[units][:, None]
    holding.room_kw[Direction.UP][:] = np.clip(np.minimum(cap, power_kw + discharge), 0.0, None)
    holding.room_kw[Direction.DOWN][:] = np.clip(np.minimum(cap, charge - power_kw), 0.0, None)
    if not holding.margin_kwh[Direction.UP].flags.writeable:
        return
    energy_kwh, start = programs.energy_kwh[place], data.energy_start_kwh[units]
    low, high = _rows(data.energy_min_kwh, units, isps), _rows(data.energy_max_kwh, units, isps)
    above, below = energy_kwh - low, high - energy_kwh
    first_above = np.maximum(start - low[:, 0], 0.0)[:, None]
    first_below = np.maximum(high[:, 0] - start, 0.0)[:, None]
    above = np.minimum(above, np.concatenate([first_above, above[:, :-1]], axis=1))
    below = np.minimum(below, np.concatenate([first_below, below[:, :-1]], axis=1))
    gain, loss = _rows(data.charge_efficiency, units, isps), data.discharge_efficiency[units][:, None]
    holding.margin_kwh[Direction.UP][:] = np.maximum(above, 0.0) * loss
    holding.margin_kwh[Direction.DOWN][:] = np.maximum(below, 0.0) / gain


def curtailable_holding(case: Case, units: Ints, power_kw: Floats, held_kw: Floats) -> ReserveAllocation:
    """Return the room of curtailable units (n,) with finished programs (n,T); only where they can move at all."""
    holding, data, isps = _roomless(case, held_kw, margins=False), case.curtailable, case.isps
    for few in slices(len(units)):
        some = units[few]
        pinned, part, power = _rows(data.pinned_kw, some, isps), holding.part(few), power_kw[few]
        lowest = np.fmin(_rows(data.forecast_kw, some, isps), pinned)
        cap = data.reserve_kw[some][:, None]
        part.room_kw[Direction.UP][:] = np.clip(np.minimum(cap, power - lowest), 0.0, None)
        part.room_kw[Direction.DOWN][:] = np.clip(np.minimum(cap, np.fmax(pinned, 0.0) - power), 0.0, None)
    return holding


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
    if not (missing_kw > 0).any():
        return
    spares = [spare_kw(case, holding, product) for holding in holdings]
    total = sum((spare.sum(axis=0, dtype=np.float64) for spare in spares), np.zeros(case.isps))
    rounding = max(_ENOUGH, 8 * max(float(np.finfo(spare.dtype).eps) for spare in spares))
    share = np.minimum(missing_kw * (1 + rounding) / np.where(total > 0, total, 1.0), 1.0)
    for holding, spare in zip(holdings, spares, strict=True):
        for few in slices(len(spare)):
            holding.held_kw[product, few] += spare[few] * share
