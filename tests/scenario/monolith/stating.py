"""Columns and rows of one unit: its program, its own cost, and the reserve it can hold.

Source: docs/reference/formulation.md §2 and §3.5.
"""

from dataclasses import dataclass, replace

import numpy as np

from tests.scenario.monolith.linear_model import LinearModel, Term
from tests.scenario.monolith.reading import Day
from tests.scenario.monolith.switching import switched
from tests.scenario.monolith.units import Curtailable, Fixed, Run, Store, Switched


@dataclass(frozen=True, kw_only=True)
class Sustain:
    """How long full power must last, per product, and how row (3) of §3.5 is read."""

    hours: tuple[float, ...]
    cautious: bool


@dataclass(frozen=True, kw_only=True)
class Stated:
    """Columns of a unit over the day: its power, and per reserve product what it holds up and down (None: nothing)."""

    power: np.ndarray  # (T,)
    up: list[np.ndarray] | None = None  # each (T,)
    down: list[np.ndarray] | None = None
    unit: Store | Curtailable | None = None
    energy: np.ndarray | None = None
    misses: bool = False  # bounds of its energy, whatever it does

    def held_again(self, model: LinearModel, day: Day, sustain: Sustain) -> "Stated":
        """Return the same program with reserve of its own, as in the called program."""
        return _with_reserve(model, day, replace(self, up=None, down=None), sustain)


def state(
    model: LinearModel, day: Day, unit: Fixed | Curtailable | Run | Store | Switched, comfort: float,
    sustain: Sustain, *, own: bool,
) -> Stated:  # fmt: skip
    """State a unit; `own`: with its own costs (a called program has none but missed comfort)."""
    match unit:
        case Fixed():
            return Stated(power=model.columns(day.isps, unit.power, unit.power))
        case Curtailable():
            cost = unit.eur_per_kwh * day.hours if own else 0.0
            power = model.columns(day.isps, unit.forecast, 0.0, -cost)
            model.constant += cost * float(unit.forecast.sum())
            return _with_reserve(model, day, Stated(power=power, unit=unit), sustain)
        case Run():
            starts = model.columns(len(unit.later_eur), 0, 1, -unit.later_eur if own else 0.0, whole=True)
            model.one([(starts, 1.0)], 1.0, 1.0)
            power = model.columns(day.isps, -np.inf, np.inf)
            for t in range(day.isps):
                model.one([(starts, unit.programs[:, t]), (power[t], -1.0)], 0.0, 0.0)
            return Stated(power=power)
        case Switched():
            return Stated(power=switched(model, day, unit, comfort, own=own))
        case Store():
            return _with_reserve(model, day, _stored(model, day, unit, comfort, own=own), sustain)


def least_missed(day: Day, unit: Store) -> float:
    """Return the least energy, kWh, by which a store misses its bounds whatever it does."""
    model = LinearModel()
    _moves(model, day, unit, missed=1.0, wear=0.0)
    missed = -model.solve().value
    return 0.0 if missed < 1e-7 else missed


def _moves(
    model: LinearModel, day: Day, unit: Store, *, missed: float | None, wear: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """State a store's movements; return columns of power, energy, and what it misses, over its own ISPs."""
    n = unit.end - unit.first
    charge, discharge = model.columns(n, 0.0, unit.charge, -wear), model.columns(n, 0.0, unit.discharge, -wear)
    power, energy = model.columns(n, -np.inf, np.inf), model.columns(n, unit.low, unit.high)
    model.each([(power, 1.0), (charge, -1.0), (discharge, 1.0)], 0.0, 0.0)
    change: list[Term] = [
        (energy, 1.0),
        (charge, -day.hours * unit.gain),
        (discharge, day.hours / unit.discharge_efficiency),
    ]
    missing = np.array([], dtype=int)
    if missed is not None:
        unmet, excess = (model.columns(n, 0.0, np.inf, -missed) for _ in range(2))
        change += [(unmet, -1.0), (excess, 1.0)]
        missing = np.concatenate([unmet, excess])
    if n > 1:
        later: list[Term] = [(columns[1:], np.broadcast_to(c, (n,))[1:]) for columns, c in change]
        model.each([*later, (energy[:-1], -unit.keep)], -unit.demand[1:], -unit.demand[1:])
    start = unit.keep * unit.content - unit.demand[0]
    model.each([(columns[:1], np.broadcast_to(c, (n,))[:1]) for columns, c in change], start, start)
    if unit.discharge.any():
        charging = model.columns(n, 0, 1, whole=True)
        model.each([(charge, 1.0), (charging, -unit.charge)], -np.inf, 0.0)
        model.each([(discharge, 1.0), (charging, unit.discharge)], -np.inf, unit.discharge)
    if unit.charge_min.any():
        on, partly = (model.columns(n, 0, 1, whole=True) for _ in range(2))
        model.each([(charge, 1.0), (on, -unit.charge)], -np.inf, 0.0)
        model.each([(charge, 1.0), (on, -unit.charge_min), (partly, unit.charge_min)], 0.0, np.inf)
        model.one([(partly, 1.0)], 0.0, 1.0)
    return power, energy, missing


def _stored(model: LinearModel, day: Day, unit: Store, comfort: float, *, own: bool) -> Stated:
    least = least_missed(day, unit)
    wear = unit.wear_eur_per_kwh * day.hours if own else 0.0
    power, energy, missing = _moves(model, day, unit, missed=comfort if least else None, wear=wear)
    if least:
        model.one([(missing, 1.0)], 0.0, least + 1e-7)
        model.constant += 0.0 if own else comfort * least  # what nobody could meet is charged to the plan only
    if own:
        model.constant += unit.worth_base_eur
    if own and unit.worth:
        kwh, eur = (np.array(values) for values in zip(*unit.worth, strict=True))
        pieces = model.columns(len(kwh), 0.0, kwh, eur)
        model.one([(energy[-1], -1.0), (pieces, 1.0)], -unit.worth_from, -unit.worth_from)
    whole, content = (model.columns(day.isps, value, value) for value in (0.0, unit.content))
    whole[unit.first : unit.end], content[unit.first : unit.end] = power, energy
    return Stated(power=whole, unit=unit, energy=content, misses=least > 0)


def _with_reserve(model: LinearModel, day: Day, stated: Stated, sustain: Sustain) -> Stated:
    """Return the same with what the unit holds of each reserve product, where it is prequalified."""
    unit, n = stated.unit, len(stated.power)
    if unit is None or not unit.reserve or not sustain.hours or stated.misses:
        return stated
    up, down = ([model.columns(n, 0.0, unit.reserve) for _ in sustain.hours] for _ in range(2))
    low, high = np.zeros(n), np.zeros(n)
    if isinstance(unit, Store):
        low[unit.first : unit.end], high[unit.first : unit.end] = -unit.discharge, unit.charge
    else:
        low = unit.forecast
    each_up, each_down = ([(columns, 1.0) for columns in held] for held in (up, down))
    model.each(each_up, -np.inf, unit.reserve)
    model.each(each_down, -np.inf, unit.reserve)
    model.each([*each_up, (stated.power, -1.0)], -np.inf, -low)
    model.each([*each_down, (stated.power, 1.0)], -np.inf, high)
    if isinstance(unit, Store) and stated.energy is not None:
        _margins(model, day, stated.energy, unit, sustain, up, down)
    return replace(stated, up=up, down=down)


def _margins(
    model: LinearModel, day: Day, energy: np.ndarray, unit: Store, sustain: Sustain, up: list[np.ndarray],
    down: list[np.ndarray],
) -> None:  # fmt: skip
    """Energy for full activations after which the store can still meet all it owes: rows (1) to (3) of §3.5.

    `sustain.cautious`: an activation that lasts into ISP t may have begun in one ISP more than it fills.
    """
    n, hours = unit.end - unit.first, day.hours
    now = slice(unit.first, unit.end)
    low, high, low_before, high_before = _owed(day, unit)
    both = np.maximum(unit.gain, 1 / unit.discharge_efficiency)
    taken = both if unit.discharge.any() else unit.gain
    lasts = [value or hours for value in sustain.hours]
    # before the first ISP the content is a number, and so is the room for an activation
    room = [max(unit.content - low_before, 0.0), max(high_before - unit.content, 0.0)]
    for sign, held, bound, may, first in (
        (1.0, up, low, unit.discharge.any(), room[0]),
        (-1.0, down, high, unit.charge.any(), room[1]),
    ):
        for t in range(n):
            this = [(columns[now][t], lasting * taken[t]) for columns, lasting in zip(held, lasts, strict=True)]
            begun = [
                (columns[now][t], lasting * taken[t]) for columns, lasting in zip(held, sustain.hours, strict=True)
            ]
            over = [
                (columns[now][s], min(lasting, hours) * taken[s])
                for columns, lasting in zip(held, lasts, strict=True)
                for s in range(max(t - int(np.ceil(lasting / hours - 1e-9)) + (not sustain.cautious), 0), t + 1)
            ]
            for terms in (this, over):
                model.one([*terms, (energy[now][t], -sign)], -np.inf, -sign * bound[t])
            if may and t == 0:
                model.one(begun, -np.inf, first)
            elif may:
                model.one([*begun, (energy[now][t - 1], -sign)], -np.inf, -sign * bound[t - 1])


def _owed(day: Day, unit: Store) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return the energies, at the ends of ISPs and before the first, from which later bounds can be kept."""
    low, high = unit.low.copy(), unit.high.copy()
    gained, given = day.hours * unit.gain * unit.charge, day.hours * unit.discharge / unit.discharge_efficiency
    for t in range(len(low) - 1, 0, -1):
        low[t - 1] = max(low[t - 1], (low[t] - gained[t] + unit.demand[t]) / unit.keep)
        high[t - 1] = min(high[t - 1], (high[t] + given[t] + unit.demand[t]) / unit.keep)
    if unit.first == 0:
        return low, high, low[0], high[0]
    return low, high, max(unit.floor, low[0] - gained[0]), min(unit.high[0], high[0] + given[0])
