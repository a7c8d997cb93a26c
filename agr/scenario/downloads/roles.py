"""Finds the columns of a table by what their names say, in the languages of the publishers' countries."""

import re
from datetime import tzinfo

from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.times import has_clock
from agr.scenario.downloads.words import TimeConvention, clock_of, names_zone

_BEGIN = r"(?:start|begin|begins|beginn|anfang|von|from|debut|starttijd|begintijd|startzeit|van)"
_END = r"(?:end|ends|ende|bis|until|to|stop|fin|einde|eindtijd|endzeit|tot)"
_AROUND = r"(?:[a-z0-9]+_)*{}(?:_[a-z0-9]+)*"
STARTS = (
    r"(?:utc_)?start(?:_.*)?", _AROUND.format(_BEGIN), r"mtu(?:_.*)?",
    r"(?:date_?time|timestamp|time(?!_?zone)|zeitstempel|(?:uhr)?zeit|tijd|heure|datum_uhrzeit|utc(?!_offset)|interval|period)(?:_.*)?",
)  # fmt: skip
ENDS = (r"(?:utc_)?end(?:_.*)?", _AROUND.format(_END), r"(?:[a-z0-9]+_)*ending(?:_.*)?")
DAYS = (r"(?:delivery_)?(?:date|datum|day(?!_ahead)|tag|dag|jour)(?:_.*)?",)
LENGTHS = (r"(?:[a-z0-9]+_)*(?:resolution|minutes|duration|auflosung|dauer|duur|granularity|length)(?:_.*)?",)
AREAS = (
    r"(?:bidding|price|market)_?(?:area|zone|region)(?:_.*)?|gebotszone|biedzone", "map_code", "area",
    r"area_(?:display_)?name", "area_code", "zone", "region", r"country(?:_name)?", r"country_code",
    r"land|gebied|gebiet|pays",
)  # fmt: skip
UNITS = (r"(?:price_)?(?:measure_)?unit(?:_name)?|einheit|eenheid",)
ZONES = (r"(?:utc_|gmt_)?offset|time_?zone|tz|zeitzone|tijdzone",)
SEQUENCES = (r"sequence|classification_sequence(?:_.*)?",)


def one_of(sheet: Sheet, patterns: tuple[str, ...], *, but: tuple[int | None, ...] = ()) -> int | None:
    """Return the column whose name matches, by the first pattern that any name matches; None where there is none.

    Of several columns of times the one in UTC, or the one that names its zone, is taken. Raises ValueError where more
    than one is left.
    """
    names = sheet.names()
    for pattern in patterns:
        found = [at for at, name in enumerate(names) if at not in but and re.fullmatch(pattern, name)]
        if len(found) > 1:
            found = [at for at in found if "utc" in names[at].split("_")] or found
        if len(found) > 1:
            found = [at for at in found if names_zone(sheet.header[at])] or found
        if len(found) == 1:
            return found[0]
        if found:
            there = ", ".join(f"'{sheet.header[at]}'" for at in found)
            raise ValueError(f"has several columns for the same thing: {there}; delete all but one")
    return None


def zone_column(
    sheet: Sheet, market: tzinfo, *, but: tuple[int | None, ...]
) -> tuple[int | None, TimeConvention | None]:
    """Return a column of offsets, and the zone that a column of zones names; None where there are none.

    Raises ValueError for zones that are not known, and for several.
    """
    column = one_of(sheet, ZONES, but=but)
    told = sorted({cell for cell in sheet.column(column) if cell}) if column is not None else []
    if column is None or not told:
        return None, None
    if all(re.fullmatch(r"[+-]\d{2}:?\d{2}", cell) for cell in sheet.column(column)):
        return column, None
    if len(told) > 1 or not names_zone(told[0]):
        raise ValueError(f"column '{sheet.header[column]}' has {', '.join(told[:3])}; expected one zone or offsets")
    return None, clock_of(told[0], market)


def start_of(sheet: Sheet) -> int | None:
    """Return the column of starts: by its name, or a column of dates whose cells have a time of day."""
    end_only = [at for at, name in enumerate(sheet.names()) if re.fullmatch(ENDS[-1], name)]
    start = one_of(sheet, STARTS, but=tuple(end_only))
    if start is not None:
        return start
    day = one_of(sheet, DAYS)
    return day if day is not None and sheet.rows and has_clock(sheet.rows[-1].cells[day].split(" - ")[0]) else None
