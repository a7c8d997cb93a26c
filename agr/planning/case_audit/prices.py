"""Checks that prices per ISP are those of the table: at the right instants, also on days on which clocks change. Pure.

Source: docs/reference/tables.md (prices).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np

from agr.domain.register import Price
from agr.planning.case_audit.day import Day
from agr.planning.case_audit.facts import Facts, Floats
from agr.planning.case_audit.findings import differences

_MINUTE = timedelta(minutes=1)


def check(facts: Facts, day: Day, quoted: Sequence[Price]) -> Iterator[str]:
    """Yield series whose prices per ISP are not those of the rows that were read.

    Results of the day-ahead market may be left out where a forecast is known: before the gate they are still unknown.
    """
    of_series: dict[str, list[Price]] = {}
    for row in quoted:
        of_series.setdefault(row.series, []).append(row)
    due = {name: per_isp(rows, day) for name, rows in of_series.items()}
    settings = facts.markets.day_ahead
    expected = due.get(settings.forecast_series)
    for name in sorted(due.keys() | facts.prices.keys()):
        right, found = due.get(name, np.full(day.isps, np.nan)), _found(facts.prices, name, day)
        if name == settings.series and expected is not None:
            right = np.where(np.isnan(found) & ~np.isnan(expected), np.nan, right)
        yield from differences([f"prices {name}"], "value", found[None, :], right[None, :])


def _found(prices: Mapping[str, tuple[float | None, ...]], name: str, day: Day) -> Floats:
    values = prices.get(name) or (None,) * day.isps
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def per_isp(rows: Sequence[Price], day: Day) -> Floats:
    """Return the mean price (T,), NaN where a part of an ISP has none.

    Of rows that overlap, the one that starts later counts, and of those that start together the shorter one.
    """
    spans = sorted(
        ((row.start - day.midnight) // _MINUTE, row.minutes, place, row.value)
        for place, row in enumerate(rows)
        if row.start < day.midnight + day.minutes * _MINUTE and row.start + row.minutes * _MINUTE > day.midnight
    )
    edges = sorted({edge for start, minutes, *_ in spans for edge in (start, start + minutes)})
    found = np.full(day.isps, np.nan)
    for isp in range(day.isps):
        begin, end = isp * day.length, (isp + 1) * day.length
        near = [span for span in spans if span[0] < end and span[0] + span[1] > begin]
        cuts = [begin, *(edge for edge in edges if begin < edge < end), end]
        total = 0.0
        for first, last in pairwise(cuts):
            valid = [span for span in near if span[0] <= first and span[0] + span[1] >= last]
            total += max(valid, key=lambda span: (span[0], -span[1], span[2]))[3] * (last - first) if valid else np.nan
        found[isp] = total / day.length
    return found
