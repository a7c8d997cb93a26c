"""The protocols of connectors, and how a connector is opened.

A connector is registered where it is configured: its settings class (agr.settings.feeds) names its module, which has
a function `open_source`. Only configured connectors are imported. Tables are read and written as whole folders: see
agr.connectors.tables. Charge-point back-ends and exchanges will get protocols of their own here.
How to: docs/how-to/add-a-connector.md.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from agr.domain.isp import Period
from agr.domain.register import Forecast, Price
from agr.settings import FeedSection


@dataclass(frozen=True, kw_only=True)
class Series:
    """Prices and forecasts from a source for a Period."""

    prices: tuple[Price, ...] = ()
    forecasts: tuple[Forecast, ...] = ()


class Source(Protocol):
    """Provides prices or forecasts."""

    def fetch(self, period: Period) -> Series:
        """Return prices and forecasts of a Period, empty if there are none yet. Raises FeedError."""
        ...


def open_source(feed: FeedSection) -> Source:
    """Return the source of a feed in the settings."""
    source: Source = import_module(feed.connector).open_source(feed)
    return source
