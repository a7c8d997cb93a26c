"""Results of capacity auctions: regelleistung.net's FCR, aFRR and mFRR, and tables with starts and ends of blocks."""

import re

from agr.scenario.downloads.areas import area_code
from agr.scenario.downloads.capacity import CapacityColumns
from agr.scenario.downloads.layout import ImportOptions, Layout
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.words import clock_of

_COUNTRIES = {"NL": "netherlands", "DE": "germany", "BE": "belgium", "AT": "austria", "FR": "france",
              "CH": "switzerland", "DK": "denmark", "SI": "slovenia", "CZ": "czech_republic"}  # fmt: skip
_CODES = {name: code for code, name in _COUNTRIES.items()} | {code.lower(): code for code in _COUNTRIES}
_PRICED = re.compile(r"price.*eur.*mw")


def _columns(sheet: Sheet, asked: ImportOptions) -> CapacityColumns | None:
    product = one_of(sheet, ("product_?name", "product"))
    time = one_of(sheet, ("utc_start", "date_?from"))
    country = area_code(asked.country)
    here, name = country.lower(), _COUNTRIES.get(country, asked.country.lower())
    priced = [word.partition("_")[0] for word in sheet.names() if _PRICED.search(word)]
    others = sorted({_CODES[word] for word in priced if word in _CODES})
    if product is None or time is None:
        return None
    if others and country not in others:
        raise ValueError(f"holds prices of {', '.join(others)}, none of {country}; choose one of them with --country")
    price = one_of(
        sheet,
        (rf"{name}_average_capacity_price_eur_mw_h", rf"{here}_avg_price_eur_mw_h", "price_eur_mw_h",
         rf"(?:{name}|{here})_settlement_?capacity_price_eur_mw", "price_eur_mw_block"),
    )  # fmt: skip
    if price is None:
        return None
    until = one_of(sheet, ("utc_end",))
    local = clock_of("CET/CEST", asked.tz)
    return CapacityColumns(
        time=time, product=product, price=price, until=until, last_day=one_of(sheet, ("date_?to",)),
        type=one_of(sheet, ("type_of_reserves?", "reserve_type", "reserve", "type")),
        country=one_of(sheet, ("country", "area|zone|bidding_zone")), clock=clock_of(sheet.header[time], local.zone),
        per_block=not sheet.names()[price].endswith("_h"),
    )  # fmt: skip


def lacking(sheet: Sheet) -> list[str]:
    """Return what no column was found for."""
    roles = {
        "time": ("utc_start", "date_?from"),
        "product": ("product_?name", "product"),
        "price": (r".*price.*eur.*mw.*",),
    }
    return [role for role, patterns in roles.items() if not _any(sheet, patterns)]


def _any(sheet: Sheet, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns for name in sheet.names())


CAPACITY_TABLE = Layout(name="regelleistung.net's results", kind="capacity", columns=_columns)
