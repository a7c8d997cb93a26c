"""Rows that are numbered by ISP: the number counts elapsed time from local midnight, so every night is told."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from agr.domain.isp import Period
from agr.scenario.downloads.intervals import Timed
from agr.scenario.downloads.sheet import Sheet, SheetRow
from agr.scenario.downloads.times import is_clock, parts, read_time
from agr.scenario.downloads.timing import Timing

_MINUTES = 15


def numbered(sheet: Sheet, timing: Timing, isp: int, rows: Sequence[SheetRow]) -> list[Timed]:
    """Return the rows with their intervals of 15 minutes; a number that its day or its time contradicts is a fault.

    ISPs are counted from midnight in the zone of the rows' clock.
    """
    found = []
    for row in rows:
        try:
            found.append(_numbered(timing, row, row.cells[isp]))
        except ValueError as error:
            sheet.fault(row.line, str(error))
    return found


def _numbered(timing: Timing, row: SheetRow, number: str) -> Timed:
    zone = timing.clock.zone
    column = timing.day if timing.day is not None else timing.start
    assert column is not None
    begin = read_time(parts(row.cells[column])[0], timing.day_first)
    if begin.tzinfo is not None or not isinstance(zone, ZoneInfo):
        start = begin if begin.tzinfo is not None else timing.clock.instants(begin)[0]
        return Timed(row=row, start=start, minutes=_MINUTES)
    if not number.isdigit():
        raise ValueError(f"'{number}' is not the number of an ISP")
    period = Period(begin.date(), zone.key, _MINUTES)
    if not 1 <= int(number) <= period.isp_count:
        raise ValueError(f"ISP {number} is outside 1..{period.isp_count} of {period}")
    start = period.isp_start(int(number))
    clock = row.cells[timing.start] if timing.start is not None and timing.day is not None else ""
    told = begin.strftime("%H:%M") if (begin.hour, begin.minute) != (0, 0) else ""
    told = clock.strip()[:5].rjust(5, "0") if is_clock(clock) else told
    if told and told != start.astimezone(zone).strftime("%H:%M"):
        raise ValueError(f"ISP {number} of {period} begins at {period.label(int(number))}, not at {told}")
    return Timed(row=row, start=start, minutes=_MINUTES)
