"""A weather forecast behind a web address; see agr.connectors.ports.Source."""

from dataclasses import dataclass
from pathlib import Path

from agr.connectors.http import address_on, get
from agr.connectors.ports import SourceData
from agr.connectors.weather.mosmix import read_mosmix
from agr.connectors.weather.open_meteo import read_open_meteo
from agr.domain.isp import Period
from agr.settings import WeatherFeed


@dataclass(frozen=True, kw_only=True)
class WeatherSource:
    """Weather forecasts of a place."""

    feed: WeatherFeed
    authorities: Path | None = None  # trusted in addition to the system's

    def fetch(self, period: Period) -> SourceData:
        """Return what is forecast, of the Period and of other days. Raises FeedError."""
        answer = get(self.feed, address_on(self.feed.url, period), authorities=self.authorities)
        name, place = self.feed.name, self.feed.place
        if self.feed.layout == "mosmix":
            return SourceData(outlooks=read_mosmix(name, place, answer.content))
        return SourceData(outlooks=read_open_meteo(name, place, answer.text))


def open_source(feed: WeatherFeed, authorities: Path | None = None) -> WeatherSource:
    """Return the source of a feed; sends no request."""
    return WeatherSource(feed=feed, authorities=authorities)
