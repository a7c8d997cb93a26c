"""A downloaded table as text cells with the lines they stand in: separators, preambles, rows of another length."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from agr.domain.errors import TableError
from agr.domain.faults import Finding
from agr.scenario.downloads.words import plain

_SEPARATORS = (";", "\t", ",", "|")
_DEEPEST_HEADER = 25
"""Lines from the top in which the header is looked for."""
_QUOTE = "'"
_SHOWN = 5
"""Most faults of one kind that are listed one by one."""


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """One row; `line` counts the file's lines, or its records, from 1."""

    line: int
    cells: tuple[str, ...]


@dataclass(kw_only=True)
class Sheet:
    """A table, what is wrong with it, and what is to be said about it."""

    file: str
    header: tuple[str, ...]
    rows: list[SheetRow]
    separator: str = ""  # empty: none, as in JSON and XML
    place: str = "line"
    head_line: int = 1
    faults: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """Return the columns' names as words joined by underscores."""
        return [plain(name) for name in self.header]

    def column(self, position: int) -> list[str]:
        """Return the cells of a column."""
        return [row.cells[position] for row in self.rows]

    def fault(self, line: int, words: str, column: int | None = None) -> None:
        """Note a fault in a line."""
        name = "" if column is None else self.header[column]
        self.faults.append(Finding(file=self.file, line=line, column=name, words=words, place=self.place))

    def note(self, words: str) -> None:
        """Say something about the file, once."""
        if (told := f"{self.file}: {words}") not in self.notes:
            self.notes.append(told)

    def refuse(self, words: str, line: int = 0) -> TableError:
        """Return the error for a fault of the table as a whole."""
        return TableError([Finding(file=self.file, line=line, words=words, place=self.place)])

    def check(self) -> None:
        """Raise TableError if faults were noted; of many that say the same, the first ones and how many there are."""
        if not self.faults:
            return
        kinds: dict[str, list[Finding]] = {}
        for fault in dict.fromkeys(self.faults):
            alike = f"{fault.column} {fault.words.rpartition(_QUOTE)[2]}"
            kinds.setdefault(alike, []).append(fault)
        told: list[Finding] = []
        for same in kinds.values():
            told += same[:_SHOWN]
            if len(same) > _SHOWN:
                last = same[-1]
                words = f"{len(same) - _SHOWN:,} more like {self.place} {same[0].line}, the last here"
                told.append(Finding(file=self.file, line=last.line, column=last.column, words=words, place=self.place))
        raise TableError(sorted(told))


def candidates(file: str, text: str) -> Iterator[Sheet]:
    """Yield the text as a table for every separator and header line that it may have, the most columns first.

    Raises TableError for a JSON text that is no list of records.
    """
    if text.lstrip()[:1] in ("[", "{"):
        yield _of_records(file, text)
        return
    lines = text.splitlines(keepends=True)
    told = lines[0].strip().strip('"').lower() if lines else ""
    skip = 1 if told.startswith("sep=") and len(told) == 5 else 0
    separators = [told[4]] if skip else list(_SEPARATORS)

    def columns(separator: str) -> int:
        rows, _ = _parsed(lines[skip:], separator, skip, most=50)
        return max((len(row.cells) for row in rows), default=0)

    for separator in sorted(separators, key=columns, reverse=True):
        rows, fault = _parsed(lines[skip:], separator, skip)
        for at, row in enumerate(rows[:_DEEPEST_HEADER]):
            if sum(bool(cell.strip()) for cell in row.cells) > 1:
                yield _below(file, rows[at:], separator, fault)


def _parsed(
    lines: Sequence[str], separator: str, skipped: int, *, most: int | None = None
) -> tuple[list[SheetRow], tuple[int, str] | None]:  # fmt: skip
    """Return the rows, the first ones at most, that are not blank, and the line and words of what ended them early."""
    rows: list[SheetRow] = []
    reader = csv.reader(lines, delimiter=separator, strict=True)
    line = skipped + 1
    try:
        for cells in reader:
            if len(rows) == most:
                break
            if any(cell.strip() for cell in cells):
                rows.append(SheetRow(line=line, cells=tuple(cell.strip(" \t\r\n") for cell in cells)))
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        return rows, (line, f"is not a row of a table ({error}); is a quotation mark missing?")
    return rows, None


def _below(file: str, rows: Sequence[SheetRow], separator: str, fault: tuple[int, str] | None) -> Sheet:
    header = list(rows[0].cells)
    while not header[-1]:
        header.pop()
    sheet = Sheet(file=file, header=tuple(header), rows=[], separator=separator, head_line=rows[0].line)
    if fault:
        sheet.fault(*fault)
    width = len(header)
    below = [row for row in rows[1:] if len(row.cells) == width or not row.cells[0].startswith("#")]  # no comments
    ended = _all_end_with_separators(below, width, separator)
    for row in below:
        cells = row.cells[:width] if ended else row.cells
        if cells == sheet.header:
            sheet.note(f"{sheet.place} {row.line} repeats the header")
            continue
        if len(cells) != width:
            sheet.fault(row.line, _another_width(len(cells), width, separator))
        else:
            sheet.rows.append(SheetRow(line=row.line, cells=cells))
    return sheet


def _all_end_with_separators(rows: Sequence[SheetRow], width: int, separator: str) -> bool:
    """Return whether every row has the same number of empty values more than the header: separators at its end.

    Between commas, two numbers side by side may also be one whose decimal comma made it two.
    """
    if len({len(row.cells) for row in rows}) != 1 or any(any(row.cells[width:]) for row in rows):
        return False
    return separator != "," or not any(
        left.lstrip("+-").isdigit() and right[:1].isdigit() for row in rows for left, right in pairwise(row.cells)
    )


def _another_width(cells: int, width: int, separator: str) -> str:
    words = f"has {cells} values, the header has {width} columns"
    if separator == "," and cells > width:
        words += (
            "; if its numbers have decimal commas, save it with semicolons between the columns or quotes around them"
        )
    elif cells > width:
        words += "; put values that hold the separator in quotes"
    return words


def _of_records(file: str, text: str) -> Sheet:
    """Return a JSON list of records, or the one list in a JSON object, as a table; nested names are joined by dots."""
    try:
        content: Any = json.loads(text, parse_float=str, parse_int=str)
    except (json.JSONDecodeError, RecursionError) as error:
        raise TableError([f"{file}: is not a CSV table, and not JSON: {error}"]) from error
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        content = lists[0] if len(lists) == 1 else [content]
    if not all(isinstance(record, dict) for record in content):
        raise TableError([f"{file}: is JSON, but no list of records (objects)"])
    flat = [dict(_leaves(record)) for record in content]
    header = tuple(dict.fromkeys(name for record in flat for name in record))
    rows = [
        SheetRow(line=n, cells=tuple(record.get(name, "") for name in header)) for n, record in enumerate(flat, start=1)
    ]
    return Sheet(file=file, header=header, rows=rows, place="record")


def _leaves(record: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        elif not isinstance(value, list):
            yield f"{above}{name}", "" if value is None else str(value)
