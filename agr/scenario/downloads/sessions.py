"""Reads a table of charging sessions whose columns are known: times that may be meant twice, units, doubles."""

from datetime import datetime, timedelta

from agr.domain.faults import number_of
from agr.scenario.downloads.layout import RecordedSession, SessionColumns
from agr.scenario.downloads.numbers import Decimals, decimals_of
from agr.scenario.downloads.plausibility import check_sessions
from agr.scenario.downloads.sheet import Sheet, SheetRow
from agr.scenario.downloads.times import read_time
from agr.scenario.downloads.words import TimeConvention

_LONGEST_NAME = 200
_TOLERANCE = 1.02
"""Rounded energies may need this many times the highest power."""


def read_sessions(sheet: Sheet, columns: SessionColumns) -> list[RecordedSession]:
    """Return the sessions with energy, in order of time. Raises TableError with all faults of the table."""
    numbers = [columns.energy] + ([] if columns.power is None else [columns.power])
    decimals = decimals_of([sheet.column(at) for at in numbers], sheet.separator)
    found: dict[str, tuple[SheetRow, RecordedSession]] = {}
    left_out: list[int] = []
    for row in sheet.rows:
        try:
            session = _session(sheet, columns, row, decimals)
        except ValueError as error:
            sheet.fault(row.line, str(error))
            continue
        if session is None:
            left_out.append(row.line)
            continue
        before = found.setdefault(session.session, (row, session))[0]
        if before is not row and before.cells != row.cells:
            words = f"session '{session.session}' is also in {sheet.place} {before.line}, with other values"
            sheet.fault(row.line, f"{words}; keep one of them")
    if columns.session is None:
        sheet.notes.append(f"{sheet.file} has no numbers of sessions; they are named after their {sheet.place}s")
    sessions = [session for _, session in found.values()]
    check_sessions(sheet, sessions, named=columns.energy_factor is not None)
    sheet.check()
    if not sessions:
        raise sheet.refuse("holds no usable values")
    if left_out:
        without = number_of(len(left_out), "session")
        sheet.note(f"{without} without energy left out, the first in {sheet.place} {left_out[0]}")
    if len(sheet.rows) - len(left_out) > len(sessions):
        doubles = len(sheet.rows) - len(left_out) - len(sessions)
        sheet.note(f"{number_of(doubles, 'row says', 'rows say')} what others said before")
    return sorted(sessions, key=lambda s: (s.start, s.session))


def _session(sheet: Sheet, columns: SessionColumns, row: SheetRow, decimals: Decimals) -> RecordedSession | None:
    name = str(row.line) if columns.session is None else row.cells[columns.session]
    charger = "-".join(part for at in columns.charger if (part := row.cells[at]))
    if not name or not charger:
        raise ValueError(f"names no {'charger' if name else 'session'}")
    if not (name + charger).isprintable() or max(len(name), len(charger)) > _LONGEST_NAME:
        raise ValueError(f"'{name}' at '{charger}': names have at most {_LONGEST_NAME} printable characters")
    offset = "" if columns.offset is None else row.cells[columns.offset]
    begins = _instants(row.cells[columns.start] + offset, columns.clock, columns.day_first)
    ends = _instants(row.cells[columns.end] + offset, columns.end_clock, columns.day_first)
    energy = _number(sheet, decimals, row, columns.energy)
    if energy is None or energy <= 0:
        return None
    energy = round(energy * (columns.energy_factor or 1.0), 9)
    most = None if columns.power is None else _number(sheet, decimals, row, columns.power)
    most = most * (columns.power_factor or 1.0) if most else None
    spans = [(begin, end) for begin in begins for end in ends if end > begin]
    if not spans:
        raise ValueError(f"session {name} ends {ends[0].isoformat()}, not after {begins[0].isoformat()}")
    (begin, end), doubt = spans[0], ""
    if len(spans) > 1:
        fitting = [span for span in spans if most is not None and _needed(energy, *span) <= most * _TOLERANCE]
        if len(fitting) == 1:
            begin, end = fitting[0]
            words = f"session {name} lies in the hour that the clock repeats; {energy:g} kWh at {most:g} kW "
            sheet.notes.append(
                f"{sheet.file}, {sheet.place} {row.line}: {words}fit from {_said(begin)} to {_said(end)}"
            )
        else:
            meant = " or ".join(f"{_said(b)} to {_said(e)}" for b, e in spans)
            words = f"session {name} may last from {meant}, since the clock repeats that hour"
            doubt = (
                f"{sheet.file}, {sheet.place} {row.line}: {words}; write the offset behind its times, such as +01:00"
            )
    return RecordedSession(
        session=name, charger=charger, start=begin, end=end, energy_kwh=energy, max_kw=most, line=row.line, doubt=doubt
    )


def _number(sheet: Sheet, decimals: Decimals, row: SheetRow, column: int) -> float | None:
    try:
        return decimals.number(row.cells[column])
    except ValueError as error:
        raise ValueError(f"{sheet.header[column]} {error}") from error


def _needed(energy_kwh: float, begin: datetime, end: datetime) -> float:
    return energy_kwh / ((end - begin) / timedelta(hours=1))


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%MZ}"


def _instants(text: str, clock: TimeConvention, day_first: bool | None) -> list[datetime]:
    """Return the instants that a time may mean. Raises ValueError where it is none."""
    moment = read_time(text, day_first)
    if moment.tzinfo is not None:
        return [moment]
    found = clock.instants(moment)
    if not found:
        raise ValueError(f"'{text}' does not exist: the clock skips it")
    return found
