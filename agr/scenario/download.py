"""Reads a downloaded table as text cells: separators, decimal commas, publishers' time formats, faults by line.

Times without offset are local to the market, unless their column is named UTC.
"""

import gzip
import io
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pandas as pd

from agr.domain.errors import TableError
from agr.domain.faults import Finding, Findings
from agr.domain.isp import local_instant

Value = TypeVar("Value")
_LOCAL = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S",
          "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")  # fmt: skip
_MARKED = re.compile(r"\s*\((CES?T)\)")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?:\.\d{3})+,|(?:,\d{3})+\.)\d*")
_HOURS = {"CET": 1, "CEST": 2}


@dataclass(kw_only=True)
class Download:
    """A file as text cells, with the findings about it."""

    path: Path
    cells: pd.DataFrame
    found: Findings = field(default_factory=Findings)
    seen: dict[str, set[datetime]] = field(default_factory=dict)

    def column(self, *patterns: str) -> str | None:
        """Return the first column whose name, in words joined by underscores, matches a pattern."""
        for pattern in patterns:
            for name in self.cells.columns:
                if re.fullmatch(pattern, plain(str(name))):
                    return str(name)
        return None

    def fault(self, row: int, words: str) -> None:
        """Note a fault in a row (from 0)."""
        self.found.faults.append(Finding(file=self.path.name, line=row + 2, words=words))


def plain(name: str) -> str:
    """Return a column's name in lower case, with underscores between its words."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def open_download(path: Path) -> Download:
    """Read a CSV file, plain or gzipped. Raises TableError when it cannot be read."""
    try:
        raw = Path(path).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        words = getattr(error, "strerror", None) or f"{error}; is it damaged? download it again"
        raise TableError([f"{path}: cannot be read ({words})"]) from error
    except UnicodeDecodeError as error:
        words = "save the sheet as CSV" if raw[:2] == b"PK" else f"save it as UTF-8 (byte {error.start})"
        raise TableError([f"{path}: is not text; {words}"]) from error
    head = text.partition("\n")[0]
    separator = max(";,\t", key=head.count)
    try:
        cells = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError([f"{path}: is not a table: {error}"]) from error
    return Download(path=Path(path), cells=cells)


def require(download: Download, **columns: str | None) -> dict[str, str]:
    """Return the columns. Raises TableError naming the missing ones."""
    lacking = [name.replace("_", " ") for name, column in columns.items() if column is None]
    if lacking:
        there = ", ".join(map(str, download.cells.columns))
        raise TableError([f"{download.path.name}, line 1: found no column for {', '.join(lacking)}; there is {there}"])
    return {name: column for name, column in columns.items() if column is not None}


def number(text: str) -> float | None:
    """Return a number, with a decimal point or comma; None for an empty cell. Raises ValueError.

    Where both signs occur, the last one is the decimal sign and the other one groups thousands.
    """
    cleaned = text.strip().replace("\xa0", "")
    if cleaned.lower() in ("", "-", "n/e", "n/a", "nan"):
        return None
    if "," in cleaned and "." in cleaned:
        if not _GROUPED.fullmatch(cleaned):
            raise ValueError(f"{text!r} is not a number; expected 1234.56, 1234,56, 1,234.56 or 1.234,56")
        cleaned = re.sub(r"[.,](?=.*[.,])", "", cleaned)
    return float(cleaned.replace(",", "."))


def zone_of(column: str, tz: ZoneInfo) -> ZoneInfo:
    """Return the zone of a column's times without offset: UTC where its name says so, else tz."""
    return ZoneInfo("UTC") if re.search("utc(?!h)", plain(column)) else tz  # "Dutch time" does not name UTC


def instant(download: Download, text: str, tz: ZoneInfo, series: str) -> datetime:
    """Return a time as UTC; a repeated wall-clock time is taken as the later hour. Raises ValueError."""
    begin = text.split(" - ")[0].strip()
    marked = _MARKED.search(begin)
    if marked:
        local = local_time(begin[: marked.start()])
        return (local - timedelta(hours=_HOURS[marked[1]])).replace(tzinfo=UTC)
    try:
        parsed = datetime.fromisoformat(begin)
    except ValueError:
        parsed = local_time(begin)
    if parsed.tzinfo is not None:
        return parsed.astimezone(UTC)
    seen = download.seen.setdefault(series, set())
    first = local_instant(parsed.date(), parsed.time(), tz)
    found = local_instant(parsed.date(), parsed.time(), tz, second=True) if first in seen else first
    seen.add(found)
    return found


def local_time(text: str) -> datetime:
    """Return a time as written, without a zone. Raises ValueError."""
    for layout in _LOCAL:
        try:
            return datetime.strptime(text.strip(), layout)  # noqa: DTZ007  (made aware by the caller)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a time; expected 2024-04-10T00:00Z or 10/04/2024 00:00")


def rows(download: Download, read: Callable[[dict[str, str]], Value | None]) -> list[Value]:
    """Return `read` of every row; a row that cannot be read is noted as a fault."""
    values = []
    for row, cells in enumerate(download.cells.to_dict("records")):
        try:
            value = read({str(k): str(v) for k, v in cells.items()})
        except ValueError as error:
            download.fault(row, str(error))
            continue
        if value is not None:
            values.append(value)
    return values


def finished(download: Download, values: Sequence[object]) -> None:
    """Raise TableError when there are faults or no values."""
    if download.found.faults:
        raise TableError(download.found.faults)
    if not values:
        raise TableError([f"{download.path.name}: holds no usable values"])
