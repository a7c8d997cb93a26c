"""Reads what users download: ENTSO-E, regelleistung.net, TenneT, and charge-point operators' session lists.

Which columns a file has says what it is; separators, decimal commas and the publishers' ways to write times are
understood. Times without offset are local to the market. Every fault is collected with file and line.
"""

import gzip
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from agr.errors import TableError
from agr.feeds.findings import Finding, Findings
from agr.isp import local_instant
from agr.portfolio import Price

_LOCAL = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S",
          "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")  # fmt: skip
_MARKED = re.compile(r"\s*\((CES?T)\)")
_HOURS = {"CET": 1, "CEST": 2}
_BLOCK = re.compile(r"(?P<side>NEGPOS|NEG|POS)_(?P<first>\d\d)_(?P<last>\d\d)")
_COUNTRIES = {"NL": "netherlands", "DE": "germany", "BE": "belgium", "AT": "austria", "FR": "france",
              "CH": "switzerland", "DK": "denmark", "SI": "slovenia", "CZ": "czech_republic"}  # fmt: skip

_CODES = {name: code for code, name in _COUNTRIES.items()}
_PRICED = re.compile(r"price.*eur.*mw", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Session:
    """One charging session as its operator recorded it."""

    session: str
    charger: str
    start: datetime
    end: datetime
    energy_kwh: float
    max_kw: float | None


@dataclass(kw_only=True)
class Download:
    """A file as text cells with its findings."""

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
        """Note what is wrong in a row (from 0)."""
        self.found.faults.append(Finding(file=self.path.name, line=row + 2, words=words))


def plain(name: str) -> str:
    """Return a column's name in lower case with underscores for everything else."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def open_download(path: Path) -> Download:
    """Read a CSV file, packed with gzip or not. Raises TableError when it cannot be read."""
    try:
        raw = Path(path).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except OSError as error:
        raise TableError([f"{path}: cannot be read ({error.strerror or error})"]) from error
    except UnicodeDecodeError as error:
        words = "save the sheet as CSV" if raw[:2] == b"PK" else f"save it as UTF-8 (byte {error.start})"
        raise TableError([f"{path}: is not text; {words}"]) from error
    head = text.partition("\n")[0]
    separator = max(";,\t", key=head.count)
    try:
        cells = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError([f"{path}: is no table: {error}"]) from error
    return Download(path=Path(path), cells=cells)


def require(download: Download, **columns: str | None) -> dict[str, str]:
    """Return the columns; raises TableError naming those that are not there."""
    lacking = [name.replace("_", " ") for name, column in columns.items() if column is None]
    if lacking:
        there = ", ".join(map(str, download.cells.columns))
        raise TableError([f"{download.path.name}, line 1: found no column for {', '.join(lacking)}; there is {there}"])
    return {name: column for name, column in columns.items() if column is not None}


def number(text: str) -> float | None:
    """Return a number, with a decimal point or comma; None for an empty cell. Raises ValueError."""
    cleaned = text.strip().replace("\xa0", "")
    if cleaned.lower() in ("", "-", "n/e", "n/a", "nan"):
        return None
    if "," in cleaned:
        cleaned = cleaned.replace(".", "").replace(",", ".")
    return float(cleaned)


def instant(download: Download, text: str, tz: ZoneInfo, series: str) -> datetime:
    """Return a time as UTC; of an hour that the clock repeats, the second one comes second. Raises ValueError."""
    begin = text.split(" - ")[0].strip()
    marked = _MARKED.search(begin)
    if marked:
        local = _local(begin[: marked.start()])
        return (local - timedelta(hours=_HOURS[marked[1]])).replace(tzinfo=UTC)
    try:
        parsed = datetime.fromisoformat(begin)
    except ValueError:
        parsed = _local(begin)
    if parsed.tzinfo is not None:
        return parsed.astimezone(UTC)
    seen = download.seen.setdefault(series, set())
    first = local_instant(parsed.date(), parsed.time(), tz)
    found = local_instant(parsed.date(), parsed.time(), tz, second=True) if first in seen else first
    seen.add(found)
    return found


def _local(text: str) -> datetime:
    for layout in _LOCAL:
        try:
            return datetime.strptime(text.strip(), layout)  # noqa: DTZ007  (made aware by the caller)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a time; expected 2024-04-10T00:00Z or 10/04/2024 00:00")


def _rows(download: Download, read: Callable[[dict[str, str]], Price | Session | None]) -> list[Price | Session]:
    """Return what `read` makes of every row; what it cannot read is a fault of the row."""
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


def _finished(download: Download, values: Iterable[Price | Session]) -> None:
    if download.found.faults:
        raise TableError([str(fault) for fault in download.found.faults])
    if not list(values):
        raise TableError([f"{download.path.name}: holds no values that could be used"])


def day_ahead(path: Path, tz: ZoneInfo) -> list[Price]:
    """Read day-ahead prices, EUR/MWh: ENTSO-E's export, or columns utc_start and price_eur_mwh."""
    download = open_download(path)
    use = require(
        download,
        time=download.column(r"mtu.*", r"utc_start", r"start.*", r"time.*", r"datetime.*"),
        price=download.column(r"day_ahead_price_eur_mwh", r"price_eur_mwh", r".*price.*eur.*mwh.*"),
    )
    sequence, length = download.column("sequence"), download.column(r"resolution_min.*", "minutes")

    def read(cells: dict[str, str]) -> Price | None:
        if sequence and cells[sequence].lower() not in ("", "without sequence", "sequence 1", "sequence sequence 1"):
            return None
        value = number(cells[use["price"]])
        minutes = int(cells[length]) if length else 0
        start = instant(download, cells[use["time"]], tz, str(minutes))
        return None if value is None else Price(series="day_ahead", start=start, minutes=minutes, value=value)

    prices = [p for p in _rows(download, read) if isinstance(p, Price)]
    _finished(download, prices)
    return finest(prices)


def finest(prices: Sequence[Price]) -> list[Price]:
    """Return prices in order of time with their lengths; where resolutions overlap, the finer one counts."""
    ordered = sorted(prices, key=lambda p: (p.start, p.minutes))
    if any(p.minutes == 0 for p in ordered):
        ordered = _with_lengths(ordered)
    fine = {p.start for p in ordered if p.minutes < 60}
    quarter = timedelta(minutes=15)
    return [
        p for p in ordered if p.minutes < 60 or not any(p.start + n * quarter in fine for n in range(p.minutes // 15))
    ]


def _with_lengths(ordered: Sequence[Price]) -> list[Price]:
    """Give each price the usual distance to the next one."""
    starts = sorted({p.start for p in ordered})
    gaps = pd.Series([(b - a) // timedelta(minutes=1) for a, b in pairwise(starts)])
    usual = 60 if gaps.empty else int(gaps.mode().iloc[0])
    kept = {p.start: p for p in ordered}
    lengths = dict(zip(starts, [min(int(gap), usual) for gap in gaps] + [usual], strict=True))
    return [
        Price(series=p.series, start=p.start, minutes=lengths[p.start], value=p.value)
        for p in (kept[s] for s in starts)
    ]


def capacity(path: Path, tz: ZoneInfo, country: str) -> list[Price]:
    """Read FCR or aFRR capacity results in EUR/MW/h → series fcr_capacity, afrr_up_capacity, afrr_down_capacity.

    From regelleistung.net, whose FCR prices are per block, or with utc_start, utc_end and prices per hour.
    """
    download = open_download(path)
    here, name = country.lower(), _COUNTRIES.get(country.upper(), country.lower())
    known = {code.lower() for code in _COUNTRIES} | set(_COUNTRIES.values())
    priced = [plain(str(column)).partition("_")[0] for column in download.cells.columns if _PRICED.search(str(column))]
    others = sorted({_CODES.get(word, word).upper() for word in priced if word in known})
    if others and country.upper() not in others:
        words = f"holds prices of {', '.join(others)}, none of {country.upper()}; choose one of them with --country"
        raise TableError([f"{download.path.name}, line 1: {words}"])
    use = require(
        download,
        time=download.column("utc_start", "date_from", "datefrom"),
        product=download.column("productname", "product"),
        price=download.column(
            rf"{name}_average_capacity_price_eur_mw_h", rf"{here}_avg_price_eur_mw_h", "price_eur_mw_h",
            rf"({name}|{here})_settlementcapacity_price_eur_mw", "price_eur_mw_block",
        ),
    )  # fmt: skip
    until, where = download.column("utc_end"), download.column("country")
    per_block = not plain(use["price"]).endswith("_h")

    def read(cells: dict[str, str]) -> Price | None:
        if where and cells[where].upper() != country.upper():
            return None
        block, value = _BLOCK.search(cells[use["product"]]), number(cells[use["price"]])
        if block is None:
            raise ValueError(f"{cells[use['product']]!r} is not a product such as NEGPOS_00_04 or POS_00_04")
        if value is None:
            return None
        begin = instant(download, cells[use["time"]], tz, cells[use["product"]] + cells[use["time"]])
        end = instant(download, cells[until], tz, "end") if until else None
        if end is None:
            day = begin.astimezone(tz).date()
            begin, end = local_instant(day, time(int(block["first"])), tz), _hour(day, int(block["last"]), tz)
        minutes = (end - begin) // timedelta(minutes=1)
        series = {"NEGPOS": "fcr_capacity", "POS": "afrr_up_capacity", "NEG": "afrr_down_capacity"}[block["side"]]
        hourly = value / (minutes / 60) if per_block else value
        return Price(series=series, start=begin, minutes=minutes, value=round(hourly, 4))

    prices = [p for p in _rows(download, read) if isinstance(p, Price)]
    if not prices and where and not download.found.faults:
        there = ", ".join(sorted(set(download.cells[where])))
        raise TableError([f"{download.path.name}: has no prices of {country}; it has those of {there}"])
    _finished(download, prices)
    return sorted(prices, key=lambda p: (p.series, p.start))


def _hour(day: date, hour: int, tz: ZoneInfo) -> datetime:
    return local_instant(day + timedelta(days=hour // 24), time(hour % 24), tz)


def imbalance(path: Path, tz: ZoneInfo) -> list[Price]:
    """Read TenneT's settlement prices, EUR/MWh → series imbalance_shortage and imbalance_surplus."""
    download = open_download(path)
    use = require(
        download,
        time=download.column("utc_start", r"timeinterval_start.*", "date"),
        shortage=download.column(r"price_shortage.*"),
        surplus=download.column(r"price_surplus.*"),
    )
    number_of = download.column("isp", "ptu")
    local = "utc" not in plain(use["time"])
    columns = (("imbalance_shortage", use["shortage"]), ("imbalance_surplus", use["surplus"]))
    prices: list[Price] = []
    for series, column in columns:

        def read(cells: dict[str, str], series: str = series, column: str = column) -> Price | None:
            value = number(cells[column])
            if value is None:
                return None
            begin = instant(download, cells[use["time"]], tz, series)
            if local and number_of:  # counted from midnight: right on days of 92 and 100 as well
                day = _local(cells[use["time"]].split("T")[0].split(" ")[0]).date()
                begin = local_instant(day, time(0), tz) + timedelta(minutes=15 * (int(cells[number_of]) - 1))
            return Price(series=series, start=begin, minutes=15, value=value)

        prices += [p for p in _rows(download, read) if isinstance(p, Price)]
    _finished(download, prices)
    return prices


def sessions(path: Path, tz: ZoneInfo) -> list[Session]:
    """Read a session list: charger, start, end, energy, and power if there; sessions without energy are left out."""
    download = open_download(path)
    use = require(
        download,
        session=download.column(r"session_?id", r"transaction_?id", "id"),
        charger=download.column(r"charger(_id)?", r"charge_?point(_id)?", r"evse(_id)?", "station", "connection"),
        start=download.column(r"(utc_?)?(transaction_?)?start(_utc|_time)?", "arrival", r"plug_?in.*"),
        end=download.column(r"(utc_?)?(transaction_?)?(end|stop)(_utc|_time)?", "departure", r"plug_?out.*"),
        energy=download.column(r"(total_?)?energy(_kwh)?", r"kwh"),
    )
    power, plug = download.column(r"max_?power(_kw)?", "charge_kw"), download.column(r"connector(_id)?")
    utc = ZoneInfo("UTC") if "utc" in plain(use["start"]) else tz

    def read(cells: dict[str, str]) -> Session | None:
        begin = _moment(download, cells[use["start"]], utc)
        end = _moment(download, cells[use["end"]], utc)
        energy = number(cells[use["energy"]])
        if energy is None or energy <= 0:
            return None
        if end <= begin:
            raise ValueError(f"session {cells[use['session']]} ends {end.isoformat()}, not after {begin.isoformat()}")
        charger = cells[use["charger"]] + (f"-{cells[plug]}" if plug else "")
        most = number(cells[power]) if power else None
        return Session(
            session=cells[use["session"]], charger=charger, start=begin, end=end, energy_kwh=energy, max_kw=most or None
        )

    found = [s for s in _rows(download, read) if isinstance(s, Session)]
    _finished(download, found)
    return sorted(found, key=lambda s: (s.start, s.session))


def _moment(download: Download, text: str, tz: ZoneInfo) -> datetime:
    download.seen.clear()  # sessions start at any moment: a time that is there twice is no repeated hour
    return instant(download, text, tz, "")
