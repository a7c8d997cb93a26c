"""Elia's imbalance prices: instants with their offset, prices of positive and of negative imbalance.

A positive imbalance is a surplus, a negative one a shortage.
"""

from agr.scenario.downloads.layout import Asked, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import clock_of


def _columns(sheet: Sheet, asked: Asked) -> PriceColumns | None:
    time, length = one_of(sheet, (r"date_?time(?:_.*)?",)), one_of(sheet, ("resolution_code", "resolution"))
    surplus, shortage = (one_of(sheet, (rf"{sign}_imbalance_price(?:_.*)?",)) for sign in ("positive", "negative"))
    if time is None or surplus is None or shortage is None:
        return None
    return PriceColumns(
        timing=Timing(start=time, length=length, clock=clock_of(sheet.header[time], asked.tz)),
        prices=[
            PriceColumn(column=shortage, series="imbalance_shortage"),
            PriceColumn(column=surplus, series="imbalance_surplus"),
        ],
    )


ELIA = Layout(name="Elia's imbalance prices", kind="imbalance", columns=_columns)
