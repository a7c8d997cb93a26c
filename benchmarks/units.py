"""Draws the resources of an instance, in slices of a class so that a million resources need little memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.case import Bools, Curtailable, Floats, Ints, Storage

_SLICE = 20_000  # units drawn at once
_ROUNDING = 1e-6  # needs are lowered by this share, so that they can be met after rounding to float32


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Values that all units share."""

    isps: int
    hours: float
    floats: np.dtype[Any]  # of (U,T) fields
    rng: np.random.Generator

    @property
    def end_h(self) -> Floats:
        """Hour at the end of each ISP (T,)."""
        return np.arange(1.0, self.isps + 1) * self.hours


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A slice of storage units: fields of models.case.Storage, and their power in the evening, kW (U,)."""

    one: dict[str, Floats]  # (U,)
    wide: dict[str, Floats]  # (U,T)
    least_kw: Floats  # least mean power in the evening that meets the needs
    most_kw: Floats  # power at its cheapest hour


Draw: TypeAlias = Callable[[Fleet, int, slice], Drawn]

_ONE = (
    "discharge_kw", "charge_efficiency", "discharge_efficiency", "retention", "energy_max_kwh", "energy_start_kwh",
    "wear_eur_per_kwh", "end_value_eur_per_kwh", "shortfall_eur_per_kwh", "reserve_kw",
)  # fmt: skip
_WIDE = ("charge_kw", "energy_min_kwh", "demand_kwh", "unmanaged_kw")
_AS_COLUMN = ("discharge_kw", "charge_efficiency", "energy_max_kwh")  # constant over the day: (U,1)


def storage_of(fleet: Fleet, *parts: Any) -> tuple[Storage, tuple[Floats, Floats]]:
    """Return the storage units of all classes, and each unit's least and most power in the evening (last argument)."""
    *classes, evening = parts
    units = sum(len(point) for _, point in classes)
    one = {name: np.empty(units) for name in _ONE}
    wide = {name: np.empty((units, fleet.isps), dtype=fleet.floats) for name in _WIDE}
    least, most = np.empty(units), np.empty(units)
    at = 0
    for draw, point in classes:
        for first in range(0, len(point), _SLICE):
            count = min(_SLICE, len(point) - first)
            drawn, here = draw(fleet, count, evening), slice(at, at + count)
            for name in _ONE:
                one[name][here] = drawn.one[name]
            for name in _WIDE:
                wide[name][here] = drawn.wide[name]
            wide["energy_min_kwh"][here] *= 1 - _ROUNDING
            least[here], most[here] = drawn.least_kw, drawn.most_kw
            at += count
    columns = {name: one.pop(name)[:, None] for name in _AS_COLUMN}
    return Storage(
        point=np.concatenate([point for _, point in classes]),
        pinned_kw=np.full((units, 1), np.nan),
        **one,
        **columns,
        **wide,
    ), (least, most)


def cars(fleet: Fleet, count: int, evening: slice) -> Drawn:
    """Draw EVs: 70 % at home overnight (a seventh of them V2G), 20 % at work, 10 % at public poles.

    Arrival, connection time and energy follow the shape of ElaadNL's published distributions for private, workplace and
    public charging (private: arrival about 18 h, median 11 h connected; public: median 3.4 h, 7.8 kWh).
    """
    rng, end = fleet.rng, fleet.end_h
    kind = rng.choice(3, count, p=[0.7, 0.2, 0.1])
    home = kind == 0
    v2g = home & (rng.random(count) < 1 / 7)
    power = np.where(home, rng.choice([3.7, 7.4, 11.0], count, p=[0.35, 0.35, 0.3]), 11.0)
    power = np.where(v2g, 11.0, power)
    capacity = rng.uniform(40, 80, count)
    trip = np.clip(rng.lognormal(np.log(9.0), 0.6, count), 2.0, 0.3 * capacity)

    leaves = _quarter(np.where(home, np.clip(rng.normal(7.75, 1.0, count), 5.5, 10.5), 0.0))
    work = np.clip(rng.normal(8.5, 0.75, count), 6.5, 11.0)
    public = rng.uniform(8.0, 20.5, count)
    arrives = _quarter(np.select([home, kind == 1], [np.clip(rng.normal(17.75, 1.5, count), 14.5, 21.0), work], public))
    stays = np.where(kind == 1, rng.normal(8.25, 1.0, count), rng.lognormal(np.log(3.4), 0.6, count))
    until = _quarter(np.where(home, 24.0, np.minimum(arrives + np.clip(stays, 0.75, 11.0), 23.75)))

    efficiency = rng.uniform(0.90, 0.95, count)
    able = 0.85 * power * efficiency
    start = np.where(home, rng.uniform(0.45, 0.75, count) * capacity, 0.0)
    morning = np.where(home, np.minimum(rng.uniform(0.0, 0.8, count) * trip, able * leaves), 0.0)
    target = start + morning
    back = np.where(home, target - trip, 0.0)
    full = np.minimum(target + rng.uniform(0.0, 5.0, count), capacity)  # the driver lets charging stop here
    share = np.where(home, rng.uniform(0.4, 0.9, count), 1.0)
    need = np.minimum(share * trip, able * (until - arrives))

    before = home[:, None] & (end <= leaves[:, None])
    after = (end > arrives[:, None]) & (end <= until[:, None])
    low = np.where(home, 0.1 * capacity, 0.0)[:, None] + np.zeros(fleet.isps)
    low[home[:, None] & (end == leaves[:, None])] = target[home]
    low = np.where(end >= until[:, None], (back + need)[:, None], low)
    gone = home[:, None] & (end == (leaves + fleet.hours)[:, None])
    refill = np.where(home, np.minimum(trip, power * efficiency * (until - arrives)), need)
    unmanaged = _at_once(fleet, before, power, morning / efficiency) + _at_once(
        fleet, after, power, refill / efficiency
    )
    in_evening = np.clip((np.minimum(until, 24.0) - np.maximum(arrives, evening.start * fleet.hours)), 0.0, None)
    share_evening = np.where(until > arrives, in_evening / np.maximum(until - arrives, fleet.hours), 0.0)
    length = (evening.stop - evening.start) * fleet.hours
    return Drawn(
        one={
            "discharge_kw": np.where(v2g, power, 0.0),
            "charge_efficiency": efficiency,
            "discharge_efficiency": np.where(v2g, efficiency, 1.0),
            "retention": np.ones(count),
            "energy_max_kwh": np.where(home, full, need),
            "energy_start_kwh": start,
            "wear_eur_per_kwh": np.where(v2g, 0.03, 0.002),
            "end_value_eur_per_kwh": np.where(home, rng.uniform(0.085, 0.115, count), 0.0),
            "shortfall_eur_per_kwh": np.full(count, 5.0),
            "reserve_kw": np.zeros(count),
        },
        wide={
            "charge_kw": np.where(before | after, power[:, None], 0.0),
            "energy_min_kwh": low,
            "demand_kwh": np.where(gone, trip[:, None], 0.0),
            "unmanaged_kw": unmanaged,
        },
        least_kw=need * share_evening / efficiency / length,
        most_kw=np.where(home, power, 0.0),
    )


def batteries(fleet: Fleet, count: int, evening: slice) -> Drawn:
    """Draw domestic and small commercial batteries of 2 to 3 hours, prequalified for reserve for 80 % of their power.

    The energy for 15 minutes of that power is kept free at both ends of the band (IGCC/FCR: at least 15 minutes).
    """
    rng = fleet.rng
    power = rng.choice([2.5, 5.0, 10.0], count, p=[0.45, 0.45, 0.10])
    size = power * rng.uniform(2.0, 3.0, count)
    reserve = 0.8 * power
    one_way = rng.uniform(0.93, 0.97, count)
    low = 0.05 * size + 0.25 * reserve / one_way
    high = 0.95 * size - 0.25 * reserve * one_way
    return Drawn(
        one={
            "discharge_kw": power,
            "charge_efficiency": one_way,
            "discharge_efficiency": one_way.copy(),
            "retention": rng.uniform(0.9998, 1.0, count),
            "energy_max_kwh": high,
            "energy_start_kwh": (low + high) / 2,
            "wear_eur_per_kwh": rng.uniform(0.008, 0.020, count),
            "end_value_eur_per_kwh": rng.uniform(0.085, 0.105, count),
            "shortfall_eur_per_kwh": np.full(count, 5.0),
            "reserve_kw": reserve,
        },
        wide={
            "charge_kw": np.broadcast_to(power[:, None], (count, fleet.isps)),
            "energy_min_kwh": np.broadcast_to(low[:, None], (count, fleet.isps)),
            "demand_kwh": np.zeros((count, fleet.isps)),
            "unmanaged_kw": np.zeros((count, fleet.isps)),
        },
        least_kw=np.zeros(count),
        most_kw=np.zeros(count),
    )


def heat_pumps(fleet: Fleet, count: int, evening: slice) -> Drawn:
    """Draw heat pumps with a buffer: 10 °C outside, about 2 kW of heat, morning and evening peaks.

    COP 3 to 4.2, as for air-source heat pumps with floor heating at that temperature (when2heat's regression).
    """
    rng, end = fleet.rng, fleet.end_h
    power, cop = rng.uniform(1.5, 3.0, count), rng.uniform(3.0, 4.2, count)
    shape = 0.75 + 0.45 * np.exp(-(((end - 7.5) / 1.8) ** 2)) + 0.4 * np.exp(-(((end - 19.5) / 2.5) ** 2))
    mean = rng.uniform(0.25, 0.5, count) * power * cop
    demand = np.minimum(
        mean[:, None] * shape * rng.uniform(0.9, 1.1, (count, fleet.isps)), (0.8 * power * cop)[:, None]
    )
    buffer = mean * rng.uniform(1.5, 4.0, count)  # kWh: hours of mean demand
    electric = demand / cop[:, None]
    used = electric[:, evening].mean(axis=1)
    return Drawn(
        one={
            "discharge_kw": np.zeros(count),
            "charge_efficiency": cop,
            "discharge_efficiency": np.ones(count),
            "retention": rng.uniform(0.995, 0.999, count),
            "energy_max_kwh": buffer,
            "energy_start_kwh": 0.6 * buffer,
            "wear_eur_per_kwh": np.full(count, 0.001),
            "end_value_eur_per_kwh": 0.07 / cop,
            "shortfall_eur_per_kwh": np.full(count, 5.0),
            "reserve_kw": np.zeros(count),
        },
        wide={
            "charge_kw": np.broadcast_to(power[:, None], (count, fleet.isps)),
            "energy_min_kwh": np.zeros((count, fleet.isps)),
            "demand_kwh": demand * fleet.hours,
            "unmanaged_kw": electric,
        },
        least_kw=used,
        most_kw=used,
    )


def solar(fleet: Fleet, point: Ints) -> Curtailable:
    """Draw PV systems of 3 to 10 kWp: a fair October day at 52° north, up to half the peak power."""
    rng, count = fleet.rng, len(point)
    forecast = np.empty((count, fleet.isps), dtype=fleet.floats)
    hour = fleet.end_h - fleet.hours / 2
    for first in range(0, count, _SLICE):
        mine = slice(first, min(first + _SLICE, count))
        size = rng.uniform(3, 10, mine.stop - first)[:, None]
        noon = 13.6 + rng.normal(0, 0.8, size.shape)  # orientation
        sun = np.maximum(np.cos((hour - noon) / 5.6 * np.pi / 2), 0.0) * (np.abs(hour - noon) < 5.6)
        sun = np.where(sun > 0.02, sun, 0.0)
        forecast[mine] = 0.0 - 0.5 * size * sun * rng.uniform(0.9, 1.0, (mine.stop - first, fleet.isps))
    return Curtailable(
        point=point,
        forecast_kw=forecast,
        cost_eur_per_mwh=np.full(count, 5.0),
        reserve_kw=np.zeros(count),
        pinned_kw=np.full((count, 1), np.nan),
    )


def _quarter(hours: Floats) -> Floats:
    return np.round(hours * 4) / 4


def _at_once(fleet: Fleet, connected: Bools, power: Floats, energy_kwh: Floats) -> NDArray[np.float64]:
    """Return charging at full power (U,T), in kW, from the first connected ISP until the energy is reached."""
    most = np.where(connected, power[:, None] * fleet.hours, 0.0)
    before = np.cumsum(most, axis=1) - most
    return np.asarray(np.clip(energy_kwh[:, None] - before, 0.0, most) / fleet.hours)
