"""What speaks to the outside, but for UFTP, as the rest of the service sees it: small protocols, and how one is opened.

A connector is registered where it is configured: its class of settings names its module (agr.settings.feeds), which
has a function `open_source`. Only what is configured is imported. Tables are read and written as whole folders, see
agr.connectors.tables. Charge-point back-ends and exchanges get a protocol here of their own.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from agr.domain.isp import Period
from agr.domain.register import Forecast, Price
from agr.settings import FeedSection


@dataclass(frozen=True, kw_only=True)
class Series:
    """What a source gives of a Period."""

    prices: tuple[Price, ...] = ()
    forecasts: tuple[Forecast, ...] = ()


class Source(Protocol):
    """Gives prices or forecasts."""

    def fetch(self, period: Period) -> Series:
        """Return what there is of a Period, nothing if there is nothing yet. Raises FeedError, in words."""
        ...


def open_source(feed: FeedSection) -> Source:
    """Return the source that a feed of the settings describes."""
    source: Source = import_module(feed.connector).open_source(feed)
    return source
