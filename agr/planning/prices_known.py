"""The prices that a plan made at a given moment knows: those that are given, and our own forecasts where none are."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agr.domain.isp import Period
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.planning.own_forecasts import fill_in
from agr.planning.ports import PlanningSettings, PlanReader


def prices_now(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime
) -> dict[str, tuple[float | None, ...]]:
    """Return series → price per ISP, as a plan made now would use them."""
    return prices_per_isp(quoted_prices(reader, settings, period, now, []), settings, period, now)


def quoted_prices(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, notes: list[str]
) -> tuple[Price, ...]:
    """Return the prices that are given, and forecasts of our own where none are."""
    given = tuple(reader.prices(period.start - timedelta(days=1), period.end))
    return given + fill_in(reader, settings.markets, period, given, now, notes)


def prices_per_isp(
    rows: Sequence[Price], settings: PlanningSettings, period: Period, now: datetime
) -> dict[str, tuple[float | None, ...]]:
    """Return series → price per ISP.

    Before the gate, results are left out as still unknown; in ISPs without a forecast, they stand in for it.
    """
    prices = {name: values_on(rows, name, period) for name in sorted({row.series for row in rows})}
    market = settings.markets.day_ahead
    expected, results = prices.get(market.forecast_series), prices.get(market.series)
    if expected and results and now < dict(settings.timetable.moments(period))["day_ahead_gate"]:
        prices[market.series] = tuple(
            result if forecast is None else None for forecast, result in zip(expected, results, strict=True)
        )
    return prices
