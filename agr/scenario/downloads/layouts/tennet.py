"""TenneT's settlement prices: numbered ISPs of 15 minutes, a price of shortage and one of surplus."""

from agr.scenario.downloads.layout import Asked, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing, read_day_first
from agr.scenario.downloads.words import clock_of

_TIMES = ("utc_start", r"time_?interval_start.*", "date|datum", r"start.*", r"date_?time.*")


def _columns(sheet: Sheet, asked: Asked) -> PriceColumns | None:
    time = one_of(sheet, _TIMES)
    shortage, surplus = (one_of(sheet, (rf"(?:price_)?{side}(?:_.*)?",)) for side in ("shortage", "surplus"))
    if time is None or shortage is None or surplus is None:
        return None
    clock = clock_of(sheet.header[time], asked.tz)
    first = read_day_first(sheet, time, dense=True)
    return PriceColumns(
        timing=Timing(start=time, fixed_minutes=15, clock=clock, day_first=first),
        prices=[
            PriceColumn(column=shortage, series="imbalance_shortage"),
            PriceColumn(column=surplus, series="imbalance_surplus"),
        ],
        isp=one_of(sheet, ("isp", "ptu", "pte")),
    )


TENNET = Layout(name="TenneT's settlement prices", kind="imbalance", columns=_columns)
