"""Reads the long table of prices: one row per series and interval."""

from datetime import datetime, timedelta

import numpy as np

from agr.connectors.tables.grid import RawTable
from agr.connectors.tables.long import numbers, read_coded
from agr.domain.faults import Findings
from agr.domain.register import Price


def read_prices(grid: RawTable, found: Findings) -> tuple[Price, ...]:
    """Return the good rows in their order; bad ones and intervals that overlap within a series are noted."""
    series, starts, lengths = (read_coded(grid, name, found) for name in ("series", "start", "minutes"))
    values = numbers(grid, "value", found)
    usable = np.flatnonzero(series.good & starts.good & lengths.good & np.isfinite(values))
    prices = [
        Price(series=name, start=start, minutes=minutes, value=value)
        for name, start, minutes, value in zip(
            (series.values[code] for code in series.codes[usable]),
            (starts.values[code] for code in starts.codes[usable]),
            (lengths.values[code] for code in lengths.codes[usable]),
            values[usable].tolist(),
            strict=True,
        )
        if isinstance(name, str) and isinstance(start, datetime) and isinstance(minutes, int)
    ]
    _check_overlap(grid, usable.tolist(), prices, found)
    return tuple(prices)


def intervals(grid: RawTable) -> tuple[Price, ...]:
    """Return every row whose series and time can be read, with a price of 0, even if its price is bad.

    A series with an unreadable time is left out, since the interval of that row is unknown.
    """
    series, starts, lengths = (read_coded(grid, name, Findings()) for name in ("series", "start", "minutes"))
    timed = starts.good & lengths.good
    doubtful = set(series.codes[~timed].tolist())
    rows = [row for row in np.flatnonzero(series.good & timed).tolist() if series.codes[row] not in doubtful]
    cells = ((series.value(row), starts.value(row), lengths.value(row)) for row in rows)
    return tuple(
        Price(series=name, start=start, minutes=minutes, value=0.0)
        for name, start, minutes in cells
        if isinstance(name, str) and isinstance(start, datetime) and isinstance(minutes, int)
    )


def _check_overlap(grid: RawTable, at: list[int], prices: list[Price], found: Findings) -> None:
    order = sorted(range(len(prices)), key=lambda i: (prices[i].series, prices[i].start, i))
    longest = order[0] if order else 0  # of the intervals before, the one that ends last
    for right in order[1:]:
        before, here = prices[longest], prices[right]
        if before.series == here.series and here.start < _end(before):
            words = f"{here.series}: {here.start.isoformat()} overlaps {grid.place} {grid.lines[at[longest]]}"
            found.faults.append(grid.finding(at[right], "start", f"{words}; keep one price for every moment"))
        if before.series != here.series or _end(here) > _end(before):
            longest = right


def _end(price: Price) -> datetime:
    return price.start + timedelta(minutes=price.minutes)
