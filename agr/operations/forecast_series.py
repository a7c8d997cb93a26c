"""Which series the daemon forecasts, and when a value of each is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from agr.domain.faults import meant
from agr.domain.isp import Period, period_of
from agr.domain.register import Price
from agr.forecasting.inputs import INPUT_SERIES
from agr.forecasting.sessions import SESSION_SERIES, of_sessions
from agr.settings import Settings
from agr.store.forecast_runs import HEAT_SERIES, POWER_SERIES

_PUBLISHED_AFTER = timedelta(hours=1)
"""How long after the gate results of capacity auctions are usually published."""
_JUST_COME = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class PriceSeries:
    """A price series that is traded on; `given` is the series in which users give forecasts of it, None: in none."""

    name: str
    given: str | None
    product: str | None  # a capacity product; None: day-ahead

    def published(self, settings: Settings, day: date) -> datetime:
        """Return when the prices of a local day are known."""
        period = Period(day, settings.time_zone, settings.isp_minutes)
        if self.product is None:
            return dict(settings.timetable.moments(period))["day_ahead_results"]
        gate = next(p.gate.gate(p.name) for p in settings.markets.capacity if p.name == self.product)
        return gate.instant(period) + _PUBLISHED_AFTER


def lead_of(series: str) -> int:
    """Return how many days before the first plan's Period the newest day that is known for certain lies.

    Of measured powers two; of charging sessions four, for a day is counted when its cars have left.
    """
    return 4 if of_sessions(series) else 2 if series.startswith(POWER_SERIES) else 1


def price_series(settings: Settings) -> list[PriceSeries]:
    """Return the price series that plans trade on: day-ahead, and the capacity products that are bid for."""
    market = settings.markets.day_ahead
    found = {market.series: PriceSeries(name=market.series, given=market.forecast_series, product=None)}
    for product in settings.markets.capacity:
        if product.max_mw > 0:
            found.setdefault(product.series, PriceSeries(name=product.series, given=None, product=product.name))
    return list(found.values())


def unread(settings: Settings, series: str) -> str:
    """Return in words that no plan reads a series of this name, and which was probably meant; empty: one does."""
    markets = settings.markets
    names = [markets.day_ahead.series, markets.day_ahead.forecast_series]
    names += [one for one in (markets.intraday.buy_series, markets.intraday.sell_series) if one is not None]
    names += [markets.imbalance.shortage_series, markets.imbalance.surplus_series]
    names += [product.series for product in markets.capacity]
    begins = (POWER_SERIES, *HEAT_SERIES, *INPUT_SERIES, *SESSION_SERIES)
    if series in names or series.startswith(begins):
        return ""
    return f"no plan reads a series called {series}; {meant(series, [*names, *(one + 'NAME' for one in begins)])}"


def received(settings: Settings, series: PriceSeries, prices: list[Price], now: datetime) -> Iterator[datetime]:
    """Yield when each price was known: when its auction is published, and not before we saw it if that is just now.

    Of history that is imported nobody knows when it came; it counts from its publication.
    """
    moments: dict[date, datetime] = {}
    for price in prices:
        day = period_of(price.start, settings.time_zone, settings.isp_minutes).day
        if day not in moments:
            published = series.published(settings, day)
            moments[day] = max(published, now) if now - published < _JUST_COME else published
        yield moments[day]
