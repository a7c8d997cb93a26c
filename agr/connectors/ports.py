"""The protocols of connectors, and how a connector is opened.

A connector is registered where it is configured: its settings class (agr.settings.feeds) names its module, which has
a function `open_source`. Only configured connectors are imported. Tables are read and written as whole folders: see
agr.connectors.tables. Bids leave through carriers (agr.settings.bids). Charge-point back-ends will get a protocol of
their own here.
How to: docs/how-to/add-a-connector.md.
"""

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Protocol

from agr.domain.award import Award, Trade
from agr.domain.isp import Period
from agr.domain.register import Forecast, Price
from agr.settings import BidChannel, FeedSection


@dataclass(frozen=True, kw_only=True)
class Series:
    """What a source says about a Period."""

    prices: tuple[Price, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    award: Award | None = None
    trades: tuple[Trade, ...] = ()


class Source(Protocol):
    """Provides prices, forecasts, awards or trades."""

    def fetch(self, period: Period) -> Series:
        """Return what there is about a Period, empty if there is nothing yet. Raises FeedError."""
        ...


def open_source(feed: FeedSection, authorities: Path | None = None) -> Source:
    """Return the source of a feed in the settings; `authorities` (PEM) are trusted beside the system's."""
    source: Source = import_module(feed.connector).open_source(feed, authorities)
    return source


@dataclass(frozen=True, kw_only=True)
class BidPost:
    """A bid that leaves through one channel."""

    id: str  # the same for every attempt
    period: str
    plan: int
    revision: int
    file_name: str
    content: bytes
    content_type: str
    sent_at: datetime


@dataclass(frozen=True, kw_only=True)
class BidReceipt:
    """What shows that a bid has arrived."""

    text: str


class BidCarrier(Protocol):
    """Brings bids to whoever trades for us; doing it again with the same bid does no harm."""

    def deliver(self, post: BidPost) -> BidReceipt:
        """Deliver one bid. Raises DeliveryError when it has not arrived, or when that is not known."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def open_carrier(channel: BidChannel, authorities: Path | None = None) -> BidCarrier:
    """Return the carrier of a channel in the settings; `authorities` (PEM) are trusted beside the system's."""
    carrier: BidCarrier = import_module(channel.connector).open_carrier(channel, authorities)
    return carrier
