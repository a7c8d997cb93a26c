"""What energy is expected to cost after a Period, for what is left for later: needs, runs, stored energy. Pure.

Results come first, then the forecast. Where the next day has neither, and on all days after it, prices are those of the
day before at the same time of day.
"""

import numpy as np

from agr.planning.case.inputs import Inputs
from agr.planning.case.markets import Floats, known_price


class LaterPrice:
    """The day-ahead price after a Period, EUR/MWh: every day is worked out once, when it is first asked for."""

    def __init__(self, inputs: Inputs, price: Floats) -> None:
        """Begin with the Period's own price (T,)."""
        period = inputs.period.next()
        given = known_price(inputs.markets.day_ahead, inputs.later_prices, period.isp_count)
        self._missing = np.isnan(given)
        same_clock = price[np.array(inputs.period.isps_of_wall_clock(period))]
        self._period, self._day = period, np.where(self._missing, same_clock, given)
        self._price = self._day

    def upto(self, isps: int) -> Floats:
        """Return the price (isps,) of the ISPs after the Period; a view, not to be written to."""
        while len(self._price) < isps:
            following = self._period.next()
            self._day = self._day[np.array(self._period.isps_of_wall_clock(following))]
            self._period, self._price = following, np.concatenate([self._price, self._day])
        return self._price[:isps]

    def known(self, isps: int) -> bool:
        """Say whether the next day has a price of its own for each of the ISPs (isps,) that lie in it."""
        return not bool(self._missing[:isps].any())
