"""Imbalance prices of an area from ENTSO-E's interface; see agr.connectors.ports.Source.

Documents of type A85: IEC 62325-451-6; Regulation (EU) 543/2013, article 17(1)(g). The answer is one document, or a zip
of some. A point has a category: A04 where the balance is in excess, A05 where it is insufficient; where it has none,
both cost the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lxml import etree

from agr.connectors.archives import unpacked
from agr.connectors.entsoe_document import asked, children, points, text_of, time_series
from agr.connectors.ports import SourceData
from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.domain.register import Price
from agr.forecasting.days import Observed
from agr.settings import EntsoeImbalanceFeed

_EXCESS, _INSUFFICIENT = "A04", "A05"
_MOST_EUR = 100_000.0
_LARGEST_BYTES = 16 << 20
_MOST_FILES = 50


@dataclass(frozen=True, kw_only=True)
class EntsoeImbalanceSource:
    """What imbalance of an area was settled for."""

    feed: EntsoeImbalanceFeed
    authorities: Path | None = None  # trusted in addition to the system's

    def fetch(self, period: Period) -> SourceData:
        """Return the prices of a Period, empty where there are none yet. Raises FeedError."""
        area = self.feed.area
        content = asked(self.feed, period, self.authorities, documentType="A85", controlArea_Domain=area)
        return read_prices(self.feed, content)


def open_source(feed: EntsoeImbalanceFeed, authorities: Path | None = None) -> EntsoeImbalanceSource:
    """Return the source of a feed; sends no request."""
    return EntsoeImbalanceSource(feed=feed, authorities=authorities)


def read_prices(feed: EntsoeImbalanceFeed, content: bytes) -> SourceData:
    """Return the prices of a document or a zip of some; points that cannot be read are refused. Raises FeedError."""
    found, refused = dict[tuple[str, datetime], Price](), list[str]()
    for document in unpacked(feed.name, content, "zip", most=_MOST_FILES, largest=_LARGEST_BYTES):
        for series in time_series(feed.name, document, "Balancing_MarketDocument"):
            units = text_of(series, "currency_Unit.name") or "EUR", text_of(series, "price_Measure_Unit.name") or "MWH"
            if units != ("EUR", "MWH"):
                refused.append(f"a series is in {units[0]} per {units[1]}; expected EUR per MWH")
                continue
            for side, rows in _sides(feed, series, refused):
                for one in rows:
                    _keep(found, refused, Price(series=side, start=one.start, minutes=one.minutes, value=one.value))
    return SourceData(prices=tuple(found[key] for key in sorted(found)), refused=tuple(refused))


def _sides(
    feed: EntsoeImbalanceFeed, series: etree._Element, refused: list[str]
) -> Iterator[tuple[str, list[Observed]]]:  # fmt: skip
    stepped = text_of(series, "curveType") == "A03"
    for part in children(series, "Period"):
        for side, category in ((feed.shortage_series, _INSUFFICIENT), (feed.surplus_series, _EXCESS)):
            try:
                yield side, list(points(
                    part, refused, stepped=stepped, amount="imbalance_Price.amount", category=category
                ))  # fmt: skip
            except (ValueError, InputError) as error:
                refused.append(f"a period of {side} cannot be read: {error}")


def _keep(found: dict[tuple[str, datetime], Price], refused: list[str], price: Price) -> None:
    other = found.setdefault((price.series, price.start), price)
    where = f"{price.series} at {price.start.isoformat()}"
    if other.value != price.value:
        refused.append(f"{where} has two prices, {other.value:g} and {price.value:g}; the first counts")
    elif not abs(price.value) <= _MOST_EUR:
        del found[price.series, price.start]
        refused.append(f"{where}: {price.value:g} EUR/MWh is beyond {_MOST_EUR:g}; another unit?")
