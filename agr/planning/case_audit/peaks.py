"""Checks the peaks with which a Period begins against the program of the Period before. Pure.

Source: docs/reference/formulation.md §3.9.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import numpy as np

from agr.domain.register import ConnectionTariff
from agr.planning.case_audit.day import Day
from agr.planning.case_audit.facts import Facts, Floats, Named
from models.case import NO_TARIFF, UNIT_CLASSES
from models.outcome import Outcome, Programs

_KW = 1e-2


def peaks_left(
    named: Named, outcome: Outcome, tariffs: tuple[ConnectionTariff, ...], today: date, day: Day,
    measured: Mapping[str, Floats],
) -> Mapping[ConnectionTariff, float]:  # fmt: skip
    """Return peak charge → the highest import, kW, that it has seen once a day's program has run, recomputed.

    `today` is the day after, `day` the one of the program; what was measured in it wins. A charge whose new billing
    period begins `today` is left out.
    """
    yesterday = today - timedelta(days=1)
    case = named.case.connection_tariffs
    if named.case.isps != day.isps:
        return {}
    peaks: dict[str, list[int]] = {}
    for p, at in enumerate(case.peak_at.tolist()):
        peaks.setdefault(case.name[at], []).append(p)
    drawn = {connection: np.zeros(day.isps) for connection in case.name}
    for number, power in _powers(named, outcome.programs):
        if number != NO_TARIFF:
            drawn[case.name[number]] += power
    for connection, read in measured.items():
        if connection in drawn:
            drawn[connection] = np.where(np.isnan(read), drawn[connection], read)
    found = dict[ConnectionTariff, float]()
    for row in tariffs:
        counted = row.first_day <= yesterday and (row.last_day is None or row.last_day >= today)
        if row.connection not in drawn or not counted or not _one_bill(row.peak_period, yesterday, today):
            continue
        inside = np.asarray(day.within(row.window_start, row.window_end), dtype=np.bool_)
        begun = [
            float(case.peak_reached_kw[p])
            for p in peaks.get(row.connection, ())
            if case.peak_eur_per_kw[p] == row.peak_eur_per_kw and np.array_equal(case.peak_inside[p], inside)
        ]
        if begun:
            found[row] = max(0.0, min(begun), float(drawn[row.connection][inside].max(initial=0.0)))
    return found


def _powers(named: Named, programs: Programs) -> Iterator[tuple[int, Floats]]:
    """Yield the connection at which each resource pays, as its own case has it, with its program (T,), kW."""
    case, runs = named.case, np.zeros((len(programs.start), named.case.isps))
    for u, start in enumerate(programs.start.tolist()):
        for step in range(int(case.shiftable.length[u])):
            if 0 <= start + step < case.isps:
                runs[u, start + step] = case.shiftable.profile_kw[u, step]
    powers = {
        "storage": programs.charge_kw - programs.discharge_kw, "curtailable": programs.curtailable_kw,
        "fixed": case.fixed.program_kw, "switched": np.multiply(case.switched.on_kw, programs.switched_on),
        "shiftable": runs,
    }  # fmt: skip
    for name, at in zip(UNIT_CLASSES, case.connection_tariffs.of_units, strict=False):
        yield from zip(at.tolist(), powers[name], strict=True)


def check_peaks(facts: Facts, left: Mapping[ConnectionTariff, float]) -> Iterator[str]:
    """Yield peak charges that are to begin with another peak than the day before leaves."""
    told = facts.peaks_reached_kw
    for row in {**left, **told}:
        due, found = left.get(row), told.get(row)
        if due is None or found is None or abs(due - found) > _KW + 1e-4 * due:
            words = "nothing" if found is None else f"{found:.2f} kW"
            right = "nothing is left" if due is None else f"the day before leaves {due:.2f} kW"
            yield f"peak charge at {row.connection}: begins with {words} reached, {right}"


def _one_bill(period: str, one: date, other: date) -> bool:
    """Say whether two days are in one billing period."""
    return period != "day" and one.year == other.year and (period == "year" or one.month == other.month)
