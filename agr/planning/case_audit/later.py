"""What energy is expected to cost after midnight: what a plan leaves for later is valued at these prices. Pure.

Results of a later day come first, then its forecast. Where it has neither, and on the days after those that are known,
prices are those of the day before at the same time on the clock. Source: docs/reference/formulation.md §2.3 and §2.4.
"""

import numpy as np

from agr.planning.case_audit.day import Day, after, calendar_after
from agr.planning.case_audit.facts import Calendar, Facts, Floats

_DAYS = 4
"""Days that are checked; whatever goes on for longer is not."""


def later_price(facts: Facts, day: Day) -> Floats:
    """Return the price of every ISP (n,), EUR/MWh, of a few days after the Period; NaN where the audit knows none.

    That is where clocks change and a price of the same time on another day would be needed.
    """
    settings, found = facts.markets.day_ahead, list[Floats]()
    price, before = np.full(day.isps, np.nan), day
    for series in (settings.forecast_series, settings.series):
        price = _over(price, facts.prices.get(series, ()))
    calendar: Calendar = facts.period
    for number in range(_DAYS):
        following, calendar = after(calendar), calendar_after(calendar)
        price = price if np.array_equal(following.clock, before.clock) else np.full(following.isps, np.nan)
        known = (facts.later_prices, *facts.further_prices)[number : number + 1]
        for prices in known:
            for series in (settings.forecast_series, settings.series):
                price = _over(price, prices.get(series, ()))
        found.append(price)
        before = following
    return np.concatenate(found)


def _over(price: Floats, values: tuple[float | None, ...]) -> Floats:
    """Return the price (T,) with those values in its place that are known."""
    known = np.array([np.nan if value is None else value for value in values] or [np.nan] * len(price))
    return np.where(np.isnan(known), price, known)
