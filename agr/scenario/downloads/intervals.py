"""Finds from when to when each row holds. What cannot be told for certain is noted as a fault of the sheet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from agr.scenario.downloads.lengths import MINUTE, spacing_of
from agr.scenario.downloads.nights import settle
from agr.scenario.downloads.sheet import Sheet, SheetRow
from agr.scenario.downloads.timing import Timing, Written, written_of


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A row with the interval it holds for."""

    row: SheetRow
    start: datetime
    minutes: int


def timed(
    sheet: Sheet, timing: Timing, rows: Sequence[SheetRow], *, silent: Callable[[SheetRow], bool],
    days: tuple[date, date] | None,
) -> list[Timed]:  # fmt: skip
    """Return the rows with their intervals, in the order of the file.

    Rows that are `silent` (without a value) are left out where others are faults; so are, with a remark, rows of nights
    outside the `days`, first and last, whose times the clock repeats or skips.
    """

    def fault(one: Written, words: str) -> None:
        if not silent(one.row):
            sheet.fault(one.row.line, words)

    def left_out(one: Written, words: str) -> None:
        night = one.anchor(timing)[0].date()
        around = timedelta(days=1)
        if days is None or days[0] - around <= night <= days[1] + around:
            fault(one, words)
        elif not silent(one.row):
            sheet.note(f"rows of {night} were left out: the clock changes and does not tell when they hold")

    groups: dict[int | None, list[Written]] = {}
    for row in rows:
        if (one := written_of(sheet, timing, row, silent)) is not None:
            groups.setdefault(one.minutes, []).append(one)
    found: list[Timed] = []
    for group in groups.values():
        settle(timing, group, fault=fault, left_out=left_out)
        told = [one for one in group if one.at is not None]
        spacing = _spacing(told, fault)
        found += [t for one in told if (t := _interval(timing, one, spacing, fault)) is not None]
    order = {id(row): n for n, row in enumerate(rows)}
    return sorted(found, key=lambda t: order[id(t.row)])


def _spacing(told: Sequence[Written], fault: Callable[[Written, str], None]) -> int | None:
    """Return the length of rows that do not say theirs; None where all do, and where it cannot be told."""
    if all(one.minutes is not None or (one.start is not None and one.end is not None) for one in told):
        return None
    try:
        return spacing_of(one.at for one in told if one.at is not None)
    except ValueError as error:
        fault(told[0], str(error))
        return None


def _interval(
    timing: Timing, one: Written, spacing: int | None, fault: Callable[[Written, str], None]
) -> Timed | None:  # fmt: skip
    assert one.at is not None
    minutes = one.minutes if one.minutes is not None else spacing
    if one.start is not None and one.end is not None:
        lengths = _lengths(timing, one, one.at)
        if one.minutes is not None and one.minutes not in lengths:
            said = f"begins and ends {lengths[0]:g} minutes apart" if lengths else "ends before it begins"
            fault(one, f"{said}, but its length is {one.minutes} minutes")
            return None
        minutes = one.minutes if one.minutes is not None else next(iter(lengths), None)
        if minutes is None:
            fault(one, f"'{one.end:%Y-%m-%d %H:%M}', its end, is not after its start")
    if minutes is None:
        return None
    start = one.at if one.start is not None else one.at - minutes * MINUTE
    return Timed(row=one.row, start=start.astimezone(UTC), minutes=minutes)


def _lengths(timing: Timing, one: Written, at: datetime) -> list[int]:
    """Return the lengths in minutes that a row's start and end allow, the likeliest first."""
    assert one.start is not None
    assert one.end is not None
    ends = one.ends(timing)
    found = sorted({(end - at) // MINUTE for end in ends if end > at})
    if one.start.tzinfo is None and one.end.tzinfo is None and one.end > one.start:
        on_the_clock = (one.end - one.start) // MINUTE
        if one.earlier or not ends:  # "02:00 - 03:00" of the first of two such hours; an end that the clock skips
            found = [on_the_clock, *(length for length in found if length != on_the_clock)]
    return found
