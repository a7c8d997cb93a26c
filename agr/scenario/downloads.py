"""Reads downloads from ENTSO-E, regelleistung.net and TenneT, and charge-point operators' session lists.

A file's columns tell what it is. Every fault is collected with its file and line.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from agr.domain.errors import TableError
from agr.domain.isp import local_instant
from agr.domain.register import Price
from agr.scenario.download import (
    Download,
    finished,
    instant,
    local_time,
    number,
    open_download,
    plain,
    require,
    rows,
    zone_of,
)

_BLOCK = re.compile(r"(?P<side>NEGPOS|NEG|POS)_(?P<first>\d\d)_(?P<last>\d\d)")
_COUNTRIES = {"NL": "netherlands", "DE": "germany", "BE": "belgium", "AT": "austria", "FR": "france",
              "CH": "switzerland", "DK": "denmark", "SI": "slovenia", "CZ": "czech_republic"}  # fmt: skip

_CODES = {name: code for code, name in _COUNTRIES.items()}
_PRICED = re.compile(r"price.*eur.*mw", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Session:
    """One charging session as the charge-point operator recorded it."""

    session: str
    charger: str
    start: datetime
    end: datetime
    energy_kwh: float
    max_kw: float | None


def day_ahead(path: Path, tz: ZoneInfo) -> list[Price]:
    """Read day-ahead prices, EUR/MWh: ENTSO-E's export, or columns utc_start and price_eur_mwh."""
    download = open_download(path)
    use = require(
        download,
        time=download.column(r"mtu.*", r"utc_start", r"start.*", r"time.*", r"datetime.*"),
        price=download.column(r"day_ahead_price_eur_mwh", r"price_eur_mwh", r".*price.*eur.*mwh.*"),
    )
    zone = zone_of(use["time"], tz)
    sequence, length = download.column("sequence"), download.column(r"resolution_min.*", "minutes")

    def read(cells: dict[str, str]) -> Price | None:
        if sequence and cells[sequence].lower() not in ("", "without sequence", "sequence 1", "sequence sequence 1"):
            return None
        value = number(cells[use["price"]])
        minutes = int(cells[length]) if length else 0
        start = instant(download, cells[use["time"]], zone, str(minutes))
        return None if value is None else Price(series="day_ahead", start=start, minutes=minutes, value=value)

    prices = rows(download, read)
    finished(download, prices)
    return finest(prices)


def finest(prices: Sequence[Price]) -> list[Price]:
    """Return prices in order of time with their lengths; where resolutions overlap, the finer one is kept.

    Of a coarse price, the quarters of an hour stay that no finer price covers.
    """
    ordered = sorted(prices, key=lambda p: (p.start, p.minutes))
    if any(p.minutes == 0 for p in ordered):
        ordered = _with_lengths(ordered)
    fine = {p.start for p in ordered if p.minutes < 60}
    quarter = timedelta(minutes=15)
    kept: list[Price] = []
    for price in ordered:
        starts = [price.start + n * quarter for n in range(price.minutes // 15)]
        if price.minutes < 60 or not fine.intersection(starts):
            kept.append(price)
        else:
            kept += [replace(price, start=start, minutes=15) for start in starts if start not in fine]
    return sorted(kept, key=lambda p: (p.start, p.minutes))


def _with_lengths(ordered: Sequence[Price]) -> list[Price]:
    """Give each price the usual distance to the next price as its length."""
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

    The file is from regelleistung.net, whose FCR prices are per block, or has utc_start, utc_end and prices per hour.
    Raises TableError.
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
    zone = zone_of(use["time"], tz)
    per_block = not plain(use["price"]).endswith("_h")

    def read(cells: dict[str, str]) -> Price | None:
        if where and cells[where].upper() != country.upper():
            return None
        block, value = _BLOCK.search(cells[use["product"]]), number(cells[use["price"]])
        if block is None:
            raise ValueError(f"{cells[use['product']]!r} is not a product such as NEGPOS_00_04 or POS_00_04")
        if value is None:
            return None
        begin = instant(download, cells[use["time"]], zone, cells[use["product"]] + cells[use["time"]])
        end = instant(download, cells[until], zone_of(until, tz), "end") if until else None
        if end is None:
            day = begin.astimezone(tz).date()
            begin, end = local_instant(day, time(int(block["first"])), tz), _hour(day, int(block["last"]), tz)
        minutes = (end - begin) // timedelta(minutes=1)
        series = {"NEGPOS": "fcr_capacity", "POS": "afrr_up_capacity", "NEG": "afrr_down_capacity"}[block["side"]]
        hourly = value / (minutes / 60) if per_block else value
        return Price(series=series, start=begin, minutes=minutes, value=round(hourly, 4))

    prices = rows(download, read)
    if not prices and where and not download.found.faults:
        there = ", ".join(sorted(set(download.cells[where])))
        raise TableError([f"{download.path.name}: has no prices of {country}; it has those of {there}"])
    finished(download, prices)
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
    zone = zone_of(use["time"], tz)

    def read(cells: dict[str, str]) -> list[Price]:
        begin = instant(download, cells[use["time"]], zone, "")
        if zone is tz and number_of:  # counted from midnight: also right on days of 92 and 100 ISPs
            day = local_time(cells[use["time"]].split("T")[0].split(" ")[0]).date()
            begin = local_instant(day, time(0), tz) + timedelta(minutes=15 * (int(cells[number_of]) - 1))
        values = {side: number(cells[use[side]]) for side in ("shortage", "surplus")}
        return [
            Price(series=f"imbalance_{side}", start=begin, minutes=15, value=value)
            for side, value in values.items()
            if value is not None
        ]

    prices = [price for pair in rows(download, read) for price in pair]
    finished(download, prices)
    return sorted(prices, key=lambda p: p.series)


def sessions(path: Path, tz: ZoneInfo) -> list[Session]:
    """Read a session list: charger, start, end, energy, and power if given. Raises TableError.

    Sessions without energy are left out.
    """
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
    began = zone_of(use["start"], tz)
    ended = zone_of(use["end"], began)

    def read(cells: dict[str, str]) -> Session | None:
        begin = _moment(download, cells[use["start"]], began)
        end = _moment(download, cells[use["end"]], ended)
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

    found = rows(download, read)
    finished(download, found)
    return sorted(found, key=lambda s: (s.start, s.session))


def _moment(download: Download, text: str, tz: ZoneInfo) -> datetime:
    download.seen.clear()  # sessions may start at the same time: that is not a repeated hour
    return instant(download, text, tz, "")
