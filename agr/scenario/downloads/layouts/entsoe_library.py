"""ENTSO-E's file library, energy prices (12.1.D): instants in UTC, with resolution, area, contract and sequence."""

from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import clock_of

_DAY_AHEAD = frozenset({"", "day-ahead", "day ahead", "daily", "a01"})


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    start, length = one_of(sheet, (r"date_?time_utc",)), one_of(sheet, ("resolution_code",))
    price, area = one_of(sheet, (r"price_currency_mwh",)), one_of(sheet, ("map_code", "area_display_name"))
    contract, currency = one_of(sheet, ("contract_type",)), one_of(sheet, ("currency",))
    if start is None or length is None or price is None or area is None or currency is None:
        return None
    return PriceColumns(
        timing=Timing(start=start, length=length, clock=clock_of("UTC", asked.tz)),
        prices=[PriceColumn(column=price)],
        area=area,
        sequence=one_of(sheet, ("sequence",)),
        only={} if contract is None else {contract: _DAY_AHEAD},
    )


ENTSOE_LIBRARY = Layout(name="ENTSO-E's file library", kind="day_ahead", columns=_columns)
