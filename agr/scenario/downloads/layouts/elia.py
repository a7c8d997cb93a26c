"""Elia's imbalance prices: instants with their offset, prices of positive and negative imbalance, or one.

A positive imbalance is a surplus, a negative one a shortage.
"""

from agr.scenario.downloads.imbalance_columns import imbalance_columns
from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import clock_of


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    time, length = one_of(sheet, (r"date_?time(?:_.*)?",)), one_of(sheet, ("resolution_code", "resolution"))
    surplus, shortage = (one_of(sheet, (rf"{sign}_imbalance_price(?:_.*)?",)) for sign in ("positive", "negative"))
    if surplus is None and shortage is None:  # since 2020 there is one price for both
        surplus = shortage = one_of(sheet, (r"imbalance_price(?:_.*)?",))
    if time is None or surplus is None or shortage is None:
        return None
    return PriceColumns(
        timing=Timing(start=time, length=length, clock=clock_of(sheet.header[time], asked.tz)),
        prices=imbalance_columns(sheet, shortage=shortage, surplus=surplus),
    )


ELIA = Layout(name="Elia's imbalance prices", kind="imbalance", columns=_columns)
