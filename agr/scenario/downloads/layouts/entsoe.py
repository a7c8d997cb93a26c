"""ENTSO-E's export of day-ahead prices: market time units "begin - end", one area and sequence or several."""

from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import clock_of, per_mwh


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    time, price = one_of(sheet, (r"mtu(_.*)?",)), one_of(sheet, (r"day_ahead_price(_.*)?",))
    if time is None or price is None:
        return None
    factor = per_mwh(sheet.header[price])
    if factor is None:
        raise ValueError(f"column '{sheet.header[price]}' is not in EUR/MWh; export the prices in EUR")
    return PriceColumns(
        timing=Timing(start=time, clock=clock_of(sheet.header[time], asked.tz), day_first=True),
        prices=[PriceColumn(column=price, factor=factor)],
        area=one_of(sheet, ("area", "bidding_zone", "country")),
        sequence=one_of(sheet, ("sequence",)),
    )


ENTSOE = Layout(name="ENTSO-E's export", kind="day_ahead", columns=_columns)
