"""TenneT's settlement prices: numbered ISPs of 15 minutes, Dutch times, prices of shortage and of surplus."""

from zoneinfo import ZoneInfo

from agr.scenario.downloads.imbalance_columns import imbalance_columns
from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing, read_day_first
from agr.scenario.downloads.words import clock_of

_FEW = 2
"""Most rows of settlement prices that are too few to tell an ISP's length: they are taken to hold for 15 minutes
each."""
_DUTCH = ZoneInfo("Europe/Amsterdam")
_TIMES = ("utc_start", r"time_?interval_start.*", "date|datum", r"start.*", r"date_?time.*")


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    time = one_of(sheet, _TIMES)
    shortage, surplus = (one_of(sheet, (rf"(?:price_)?{side}(?:_.*)?",)) for side in ("shortage", "surplus"))
    if time is None or shortage is None or surplus is None:
        return None
    isp = one_of(sheet, ("isp", "ptu", "pte"))
    timing = Timing(
        start=time, clock=clock_of(sheet.header[time], _DUTCH), day_first=read_day_first(sheet, time, dense=True),
        fixed_minutes=15 if len(sheet.rows) <= _FEW else None,
    )  # fmt: skip
    return PriceColumns(
        timing=timing,
        prices=imbalance_columns(sheet, shortage=shortage, surplus=surplus),
        isp=isp,
    )


TENNET = Layout(name="TenneT's settlement prices", kind="imbalance", columns=_columns)
