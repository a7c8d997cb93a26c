"""Day-ahead forecasts of load, wind and sun of an area from ENTSO-E's interface; see agr.connectors.ports.Source.

Documents of type A65 (load) and A69 (wind and solar), process A01 (day-ahead): IEC 62325-451-6. Load has to be
published two hours before the gate of the day-ahead market, wind and sun by 18:00, Brussels time: Regulation (EU)
543/2013, articles 6 and 14.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from agr.connectors.entsoe_document import asked, children, points, text_of, time_series
from agr.connectors.ports import Outlook, SourceData
from agr.domain.errors import InputError
from agr.domain.isp import Period, local_instant, zone
from agr.forecasting.days import Observed
from agr.forecasting.inputs import entsoe_series
from agr.settings import EntsoeFeed

_BRUSSELS = "Europe/Brussels"
_MOST_MW = 500_000.0
_KINDS = {"B16": "solar_mw", "B18": "wind_offshore_mw", "B19": "wind_onshore_mw"}
"""ENTSO-E's code of a production type → our quantity."""


@dataclass(frozen=True, kw_only=True)
class EntsoeSource:
    """What grid operators forecast of an area."""

    feed: EntsoeFeed
    authorities: Path | None = None  # trusted in addition to the system's

    def fetch(self, period: Period) -> SourceData:
        """Return the forecasts of a Period, empty where there are none yet. Raises FeedError."""
        load = self._ask(period, documentType="A65", outBiddingZone_Domain=self.feed.area)
        sources = self._ask(period, documentType="A69", in_Domain=self.feed.area)
        outlooks = read_document(self.feed, load, _published(period, 10), "load_mw")
        return SourceData(outlooks=(*outlooks, *read_document(self.feed, sources, _published(period, 18))))

    def _ask(self, period: Period, **what: str) -> bytes:
        return asked(self.feed, period, self.authorities, processType="A01", **what)


def open_source(feed: EntsoeFeed, authorities: Path | None = None) -> EntsoeSource:
    """Return the source of a feed; sends no request."""
    return EntsoeSource(feed=feed, authorities=authorities)


def read_document(feed: EntsoeFeed, content: bytes, published: datetime, quantity: str = "") -> tuple[Outlook, ...]:
    """Return the outlooks of a document, of the one quantity, or by type of production; empty where there is no data.

    Points that cannot be read are refused one by one. Raises FeedError.
    """
    found: dict[str, tuple[list[Observed], list[str]]] = {}
    for series in time_series(feed.name, content, "GL_MarketDocument"):
        name = quantity or _KINDS.get(text_of(series, "psrType"), "")
        if not name:
            continue
        rows, refused = found.setdefault(name, ([], []))
        unit = text_of(series, "quantity_Measure_Unit.name")
        if unit not in ("", "MAW"):
            refused.append(f"a series is in {unit}; expected MAW")
            continue
        stepped = text_of(series, "curveType") == "A03"
        for part in children(series, "Period"):
            try:
                rows += points(part, refused, stepped=stepped)
            except (ValueError, InputError) as error:
                refused.append(f"a period of {name} cannot be read: {error}")
    return tuple(
        Outlook(series=entsoe_series(name, feed.area), rows=tuple(rows), refused=tuple(refused), published=published,
                low=0.0, high=_MOST_MW)
        for name, (rows, refused) in found.items()
    )  # fmt: skip


def _published(period: Period, hour: int) -> datetime:
    return local_instant(period.day - timedelta(days=1), time(hour), zone(_BRUSSELS))
