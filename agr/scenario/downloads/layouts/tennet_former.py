"""TenneT's former export of settlement prices: months before days in English, numbered PTEs, "Consume" and "Feed".

Who consumes more than planned is short and pays the price of "Consume"; who feeds in more has a surplus.
"""

from agr.scenario.downloads.imbalance_columns import imbalance_columns
from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing, read_day_first
from agr.scenario.downloads.words import clock_of


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    day, number = one_of(sheet, ("date", "datum")), one_of(sheet, ("pte", "ptu"))
    start = one_of(sheet, ("period_from", "periode_van"))
    consume, feed = one_of(sheet, ("consume", "afnemen")), one_of(sheet, ("feed", "invoeden"))
    if day is None or number is None or consume is None or feed is None:
        return None
    first = False if sheet.names()[day] == "date" else read_day_first(sheet, day, dense=True)
    return PriceColumns(
        timing=Timing(day=day, start=start, clock=clock_of("CET/CEST", asked.tz), day_first=first),
        prices=imbalance_columns(sheet, shortage=consume, surplus=feed),
        isp=number,
    )


TENNET_FORMER = Layout(name="TenneT's former export", kind="imbalance", columns=_columns)
