"""What energy is expected to cost after a Period, for what is left for later: needs, runs, stored energy. Pure."""

import numpy as np

from agr.planning.case.inputs import Inputs
from agr.planning.case.markets import Floats, filled
from agr.planning.case.rows import Draft


def later_price(draft: Draft, isps: int) -> Floats:
    """Return the expected price (isps,) after the Period, EUR/MWh; notes once where today's had to stand in."""
    price, known = price_after(draft.inputs, draft.price, isps)
    following = draft.inputs.period.next()
    note = f"no day-ahead price of {following} yet: what is left for it is valued at today's of the same time of day"
    if not known and note not in draft.notes:
        draft.notes.append(note)
    return price


def price_after(inputs: Inputs, price: Floats, isps: int) -> tuple[Floats, bool]:
    """Return the day-ahead price (isps,) of the ISPs after the Period, EUR/MWh, and whether all are known.

    Results come first, then the forecast. Where the next day has neither, and on all days after it, prices are those of
    the day before at the same time of day; `price` (T,) are the Period's own.
    """
    settings, period, days, known = inputs.markets.day_ahead, inputs.period, list[Floats](), True
    while sum(map(len, days)) < isps:
        period, before = period.next(), period
        price = price[np.array(before.isps_of_wall_clock(period))]
        if not days:
            for series in (settings.forecast_series, settings.series):
                given = filled(inputs.later_prices.get(series, ()), period.isp_count)
                price = np.where(np.isnan(given), price, given)
            missing = np.isnan(filled(inputs.later_prices.get(settings.series, ()), period.isp_count))
            missing &= np.isnan(filled(inputs.later_prices.get(settings.forecast_series, ()), period.isp_count))
            known = not bool(missing[:isps].any())
        days.append(price)
    return np.concatenate([np.zeros(0), *days])[:isps], known
