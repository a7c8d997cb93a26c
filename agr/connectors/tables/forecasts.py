"""Reads the long table of forecasts: one row per value → one Forecast per resource, quantity and whole Period.

Built for millions of rows: equal cells are read once, the rest is done on arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agr.connectors.tables.grid import RawTable
from agr.connectors.tables.long import Coded, numbers, read_coded
from agr.domain.faults import Findings, meant, verb_of
from agr.domain.isp import Period
from agr.domain.kinds import BY_TABLE, MEASURED, QUANTITIES
from agr.domain.register import Forecast

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MINUTE_US = 60_000_000
_DAY_US = 1440 * _MINUTE_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Long:
    """The table as arrays, one entry per row or, after expansion, per row and ISP."""

    at: Ints  # row of the grid
    pair: Ints  # index into `pairs`
    start_us: Ints  # microseconds since 1970
    minutes: Ints
    value: NDArray[np.float64]
    pairs: tuple[tuple[str, str], ...]  # (resource, quantity)

    def only(self, keep: "Bools | Ints") -> "_Long":
        """Return the chosen entries, in the order given."""
        return replace(
            self,
            at=self.at[keep],
            pair=self.pair[keep],
            start_us=self.start_us[keep],
            minutes=self.minutes[keep],
            value=self.value[keep],
        )


def read_forecasts(
    grid: RawTable, kinds: Mapping[str, str] | None, zone_name: str, isp_minutes: int, found: Findings
) -> tuple[Forecast, ...]:
    """Return the forecasts in the order of their first row.

    `kinds` is resource → its table, None when the folder says nothing about resources.
    """
    resources, quantities, starts, lengths = (
        read_coded(grid, name, found, default)
        for name, default in (("resource", None), ("quantity", None), ("start", None), ("minutes", isp_minutes))
    )
    values = numbers(grid, "value", found)
    usable = resources.good & quantities.good & starts.good & lengths.good & np.isfinite(values)
    doubtful = np.unique(_pair_codes(resources, quantities)[~usable])
    codes, first, pair = np.unique(_pair_codes(resources, quantities), return_index=True, return_inverse=True)
    names = tuple((str(resources.value(row)), str(quantities.value(row))) for row in first)
    instants = np.array([_microseconds(value) for value in starts.values], dtype=np.int64)
    table = _Long(
        at=np.arange(len(values)),
        pair=pair,
        start_us=instants[starts.codes],
        minutes=np.array([int(str(v)) if v is not None else 0 for v in lengths.values], dtype=np.int64)[lengths.codes],
        value=values,
        pairs=names,
    ).only(usable)
    complete = ~np.isin(codes, doubtful)  # a pair with bad cells has gaps that are not faults of their own
    _check_pairs(grid, table, kinds, found)
    return _assemble(grid, table, complete, zone_name, isp_minutes, found)


def _pair_codes(resources: Coded, quantities: Coded) -> Ints:
    return resources.codes * (len(quantities.values) + 1) + quantities.codes


def _microseconds(value: object) -> int:
    return (value - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else 0


def _check_pairs(grid: RawTable, table: _Long, kinds: Mapping[str, str] | None, found: Findings) -> None:
    """Note quantities and resources that do not exist or do not fit each other, and values of the wrong sign."""
    present, first = np.unique(table.pair, return_index=True)
    order = np.argsort(table.pair, kind="stable")
    ends = np.searchsorted(table.pair[order], present, side="right")
    starts = np.searchsorted(table.pair[order], present, side="left")
    for index, at, begin, end in zip(present, table.at[first], starts, ends, strict=True):
        resource, quantity = table.pairs[index]
        kind = None if kinds is None else kinds.get(resource)
        fault = _pair_fault(resource, quantity, kind, kinds is None)
        if fault:
            found.faults.append(grid.finding(int(at), *fault))
        else:
            _check_sign(grid, table.only(order[begin:end]), quantity, kind, found)


def _pair_fault(resource: str, quantity: str, kind: str | None, anything: bool) -> tuple[str, str] | None:
    if quantity not in QUANTITIES:
        return "quantity", f"{quantity!r} is not a quantity; {meant(quantity, QUANTITIES)}"
    if anything:
        return None
    if kind is None:
        return "resource", f"{resource!r} is in no table of resources; add it there or correct it"
    fitting = [followed.name for followed in (*BY_TABLE[kind].follows, *BY_TABLE[kind].measured)]
    if quantity not in fitting:
        needs = f"they follow {' and '.join(fitting)}" if fitting else "they follow no forecast"
        return "quantity", f"{quantity!r} is not a forecast for {resource!r}, one of the {kind}; {needs}"
    return None


def _check_sign(grid: RawTable, rows: _Long, quantity: str, kind: str | None, found: Findings) -> None:
    """Note values out of bounds, and production above zero. Rows are those of one resource and quantity."""
    bound = QUANTITIES[quantity].bound
    if bound is not None:
        wrong = ~bound.holds(rows.value)
        found.faults += [
            grid.finding(int(at), "value", f"{value:g} {bound.words}")
            for at, value in zip(rows.at[wrong], rows.value[wrong], strict=True)
        ]
    elif kind is not None and BY_TABLE[kind].produces and bool((rows.value > 0).any()):
        at = int(rows.at[int(np.argmax(rows.value > 0))])
        name = rows.pairs[int(rows.pair[0])][0]
        if rows.value.sum() > 0:
            words = f"{BY_TABLE[kind].name} {name} consumes on the whole; production is negative: change the sign"
            found.faults.append(grid.finding(at, "value", words))
        else:
            words = f"{BY_TABLE[kind].name} {name} consumes at times; these values count as 0 (first one here)"
            found.warnings.append(grid.finding(at, "value", words))


def _assemble(
    grid: RawTable, table: _Long, complete: Bools, zone_name: str, isp_minutes: int, found: Findings
) -> tuple[Forecast, ...]:
    """Spread the rows over ISPs, note duplicate and missing ISPs, and cut into whole Periods."""
    table = _spread(grid, table, complete, isp_minutes, found)
    periods, midnight = _periods(table.start_us, zone_name, isp_minutes)
    day = np.searchsorted(midnight, table.start_us, side="right") - 1
    since = table.start_us - (midnight[day] if len(midnight) else 0)
    aligned = since % (isp_minutes * _MINUTE_US) == 0
    for at in np.unique(table.at[~aligned]):
        words = f"does not begin with an ISP of {isp_minutes} minutes, counted from local midnight"
        found.faults.append(grid.finding(int(at), "start", words))
    complete[table.pair[~aligned]] = False
    table, day, isp = table.only(aligned), day[aligned], since[aligned] // (isp_minutes * _MINUTE_US)
    order = np.lexsort((table.at, isp, day, table.pair))
    table, day, isp = table.only(order), day[order], isp[order]
    cuts = np.flatnonzero((np.diff(table.pair) != 0) | (np.diff(day) != 0)) + 1
    bounds = [0, *cuts.tolist(), len(isp)] if len(isp) else []
    forecasts: list[tuple[int, Forecast]] = []
    for begin, end in pairwise(bounds):
        period, pair = periods[int(day[begin])], int(table.pair[begin])
        here, mine = table.only(np.arange(begin, end)), isp[begin:end]
        if table.pairs[pair][1] in MEASURED and mine[0] == 0 and bool((np.diff(mine) > 0).all()):
            _note_later(grid, here, mine, period, found)
            every = np.arange(period.isp_count)
            here = here.only(np.searchsorted(mine, every, side="right") - 1)  # a measurement counts until the next one
            mine = every
        if _is_whole(grid, here, mine, period, bool(complete[pair]), found):
            resource, quantity = table.pairs[pair]
            values = tuple(here.value.tolist())
            forecast = Forecast(resource=resource, quantity=quantity, period=period, values=values)
            forecasts.append((int(here.at.min()), forecast))
    return tuple(forecast for _, forecast in sorted(forecasts, key=lambda item: item[0]))


def _note_later(grid: RawTable, rows: _Long, isp: Ints, period: Period, found: Findings) -> None:
    """Note that only the first of a day's measurements counts, where later ones say something else."""
    other = np.flatnonzero(rows.value != rows.value[0])
    if len(other):
        later, (resource, quantity) = int(other[0]), rows.pairs[int(rows.pair[0])]
        clock = period.label(int(isp[later]) + 1)
        words = f"{resource}, {quantity}: {rows.value[later]:g} at {clock} does not count: {period} begins with the"
        found.warnings.append(
            grid.finding(int(rows.at[later]), "start", f"{words} {rows.value[0]:g} measured at 00:00")
        )


def _spread(grid: RawTable, table: _Long, complete: Bools, isp_minutes: int, found: Findings) -> _Long:
    """Repeat coarser values for each of their ISPs; lengths that are not whole ISPs are noted."""
    whole = table.minutes % isp_minutes == 0
    for at, minutes in zip(table.at[~whole], table.minutes[~whole], strict=True):
        words = f"{minutes} is not a multiple of the ISP's {isp_minutes} minutes"
        found.faults.append(grid.finding(int(at), "minutes", words))
    complete[table.pair[~whole]] = False
    table = table.only(whole)
    times = table.minutes // isp_minutes
    if bool((times == 1).all()):
        return table
    row = np.repeat(np.arange(len(times)), times)
    within = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    spread = table.only(row)
    return replace(spread, start_us=spread.start_us + within * isp_minutes * _MINUTE_US)


def _periods(start_us: Ints, zone_name: str, isp_minutes: int) -> tuple[list[Period], Ints]:
    """Return the Periods around the instants, in order, and the microseconds at which they begin."""
    days: set[date] = set()
    for number in np.unique(start_us // _DAY_US).tolist():
        utc = (_EPOCH + timedelta(days=number)).date()
        days |= {utc - timedelta(days=1), utc, utc + timedelta(days=1)}
    periods = [Period(day, zone_name, isp_minutes) for day in sorted(days)]
    return periods, np.array([_microseconds(period.start) for period in periods], dtype=np.int64)


def _is_whole(grid: RawTable, rows: _Long, isp: Ints, period: Period, blame: bool, found: Findings) -> bool:
    """Note duplicate and missing ISPs; rows are of one forecast and Period, sorted by ISP (from 0)."""
    count = period.isp_count
    if len(isp) == count and bool((isp == np.arange(count)).all()):
        return True
    resource, quantity = rows.pairs[int(rows.pair[0])]
    twice = np.flatnonzero(np.diff(isp) == 0) + 1
    for later in twice:
        first = grid.lines[int(rows.at[later - 1])]
        words = f"{resource}, {quantity}: {period} {period.label(int(isp[later]) + 1)} appears twice, first in "
        found.faults.append(grid.finding(int(rows.at[later]), "start", f"{words}{grid.place} {first}"))
    missing = np.setdiff1d(np.arange(count), isp)
    if len(missing) and blame:
        words = (
            f"{resource}, {quantity}: {len(missing)} of {count} ISPs of {period} {verb_of(len(missing))} missing, "
            f"first {period.label(int(missing[0]) + 1)}; give the whole local day"
        )
        found.faults.append(grid.finding(int(rows.at.min()), "start", words))
    return False
