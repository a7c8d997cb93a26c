"""What a plan in force leaves to the next day, computed again from the powers of its programs.

Source: docs/reference/formulation.md §2.3, §2.4, §3.9 and §4.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tests.scenario.monolith.reading import Day, number
from tests.scenario.monolith.units import Left, Run, Store, Switched, units

EQUAL_KW = 1e-6


def leave(day: Day, series: str, begun: Left, power_kw: Mapping[str, np.ndarray]) -> Left:
    """Return what a day leaves that began with `begun`; `power_kw` (T,) of each resource, prices of `series`."""
    left = Left(level_kw=_levels(day, begun, power_kw))
    credited = 0.0
    for name, unit in units(day, series, begun):
        power = power_kw[name]
        match unit:
            case Store():
                there, credit = _held(day, unit, power[unit.first : unit.end])
                left.content_kwh[name] = there
                credited += credit
            case Run():
                fits = np.abs(unit.programs - power).max(axis=1) < EQUAL_KW
                later = unit.later_eur[fits]
                credited -= float(later.min()) if fits.any() else np.nan
                begins = np.flatnonzero(unit.programs[fits].any(axis=0))
                if name in begun.began:
                    left.began[name] = begun.began[name]
                elif begins.size:
                    left.began[name] = day.begin(int(begins[0]))
            case Switched():
                on = np.flatnonzero(power > EQUAL_KW)
                left.off_isps[name] = day.isps - 1 - int(on[-1]) if on.size else day.isps - unit.before
    return replace(left, credited_eur=credited)


def _held(day: Day, unit: Store, power: np.ndarray) -> tuple[float, float]:
    """Return what a store holds at its last ISP's end, and what that was credited: with missed energy, EUR."""
    there = counted = unit.content
    for t, kw in enumerate(power):
        change = day.hours * (max(kw, 0.0) * unit.gain[t] - max(-kw, 0.0) / unit.discharge_efficiency) - unit.demand[t]
        there = min(max(unit.keep * there + change, 0.0), unit.most)
        counted = min(max(unit.keep * counted + change, unit.low[t]), unit.high[t])
    worth, kwh = unit.worth_base_eur, counted - unit.worth_from
    for length, slope in unit.worth:
        worth += slope * min(max(kwh, 0.0), length)
        kwh -= length
    return there, worth


def _levels(day: Day, begun: Left, power_kw: Mapping[str, np.ndarray]) -> dict[int, float]:
    """Return the highest import that each row with a peak charge has seen, kW."""
    behind: dict[str, np.ndarray] = {}
    for table in day.tables.values():
        for row in table:
            if row.get("resource") in power_kw and "connection" in row:
                behind[row["connection"]] = behind.get(row["connection"], 0.0) + power_kw[row["resource"]]
    levels = dict(begun.level_kw)
    for i, row in enumerate(day.tables["connection_tariffs"]):
        drawn = behind.get(row["connection"], np.zeros(day.isps))[day.window(row)]
        levels[i] = max(levels.get(i, number(row, "peak_reached_kw")), float(drawn.max(initial=0.0)))
    return levels
