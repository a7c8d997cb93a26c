"""The protocols of connectors, and how a connector is opened.

A connector is registered where it is configured: its settings class (agr.settings.feeds) names its module, which has
a function `open_source`. Only configured connectors are imported. Tables are read and written as whole folders: see
agr.connectors.tables. Bids leave through carriers (agr.settings.bids). Commands to charge points leave by roads
(agr.settings.dispatch).
How to: docs/how-to/add-a-connector.md.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Protocol

from agr.connectors.answers import AnswerAddresses
from agr.domain.award import Award, Trade
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Command, Observation, Receipt, Verified
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.register import Forecast, Price
from agr.forecasting.days import Observed
from agr.settings import BidChannel, DispatchRoad, FeedSection


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """A forecast that others make, of a series that our own forecasts may follow: weather, or an area's load."""

    series: str
    rows: tuple[Observed, ...]
    refused: tuple[str, ...] = ()  # values that cannot be read, and why
    issued: datetime | None = None  # when its maker made it; None: not told
    published: datetime | None = None  # when it had to be known at the latest; None: when it is fetched
    low: float = -math.inf  # values outside are not believed
    high: float = math.inf


@dataclass(frozen=True, kw_only=True)
class SourceData:
    """What a source says about a Period."""

    prices: tuple[Price, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    award: Award | None = None
    trades: tuple[Trade, ...] = ()
    outlooks: tuple[Outlook, ...] = ()
    refused: tuple[str, ...] = ()  # prices that cannot be read, and why; the others are here

    @property
    def fault(self) -> str:
        """What was refused, in words; empty for nothing."""
        count = number_of(len(self.refused), "value")
        return f"{count} refused, the others are kept: {self.refused[0]}" if self.refused else ""


class Source(Protocol):
    """Provides prices, forecasts, awards, trades or outlooks."""

    def fetch(self, period: Period) -> SourceData:
        """Return what there is about a Period, empty if there is nothing yet. Raises FeedError."""
        ...


def open_source(feed: FeedSection, authorities: Path | None = None) -> Source:
    """Return the source of a feed in the settings; `authorities` (PEM) are trusted in addition to the system's."""
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
    """Return the carrier of a channel in the settings; `authorities` (PEM) are trusted in addition to the system's."""
    carrier: BidCarrier = import_module(channel.connector).open_carrier(channel, authorities)
    return carrier


class Road(Protocol):
    """Passes on commands to charge points, and what they report to us. Methods may be called from several threads."""

    def send(self, commands: Sequence[Command]) -> tuple[Receipt, ...]:
        """Hand over commands; return what is known at once, one receipt each. SENT: the answer comes by itself.

        UNKNOWN: the back-end may have taken it. Nothing is raised for what the other side does.
        """
        ...

    def verify(self, point: ChargePoint, number: str) -> Verified | None:
        """Ask what a station will follow at a charge point; None: the answer comes by itself, under the number."""
        ...

    def receipt(self, command: Command, body: bytes) -> Receipt:
        """Read the answer to a command. Raises InputError for anything else."""
        ...

    def verified(self, point: ChargePoint, body: bytes) -> Verified:
        """Read the answer to `verify`. Raises InputError for anything else."""
        ...

    def take(self, station: str, body: bytes, at: datetime) -> int:
        """Keep what a back-end reports of a station by itself; return how many values. Raises InputError."""
        ...

    def readings(self) -> tuple[Observation, ...]:
        """Return what was kept since the last call, oldest first."""
        ...

    def subscribe(self, stations: Collection[str]) -> tuple[str, ...]:
        """Have the back-end tell of these stations by itself; return what is wrong, in words. Idempotent."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def open_road(road: DispatchRoad, answers: AnswerAddresses, authorities: Path | None = None) -> Road:
    """Return the road of the settings; `authorities` (PEM) are trusted as well as the system's. Sends no request."""
    opened: Road = import_module(road.connector).open_road(road, answers, authorities)
    return opened
