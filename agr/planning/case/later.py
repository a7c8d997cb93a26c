"""What energy is expected to cost after a Period, for what is left for later: needs, runs, stored energy. Pure.

Results come first, then the forecast. Where a later day has neither, and on all days after those that are known, prices
are those of the day before at the same time of day.
"""

from dataclasses import dataclass

import numpy as np

from agr.domain.isp import Period
from agr.planning.case.inputs import Inputs
from agr.planning.case.markets import Floats, known_price


@dataclass(frozen=True, kw_only=True)
class DaysAhead:
    """The Periods after this one whose prices tell the worth of energy stored at its end; none by default."""

    periods: tuple[Period, ...] = ()
    ends: tuple[int, ...] = ()  # the last ISP of each of them, counted from this Period's end
    isps: int = 0  # of all of them
    note: str = ""

    @classmethod
    def after(cls, period: Period, days: int) -> "DaysAhead":
        """Return so many days after a Period."""
        found = list[Period]()
        for _ in range(days):
            found.append((found[-1] if found else period).next())
        ends = np.cumsum([one.isp_count for one in found], dtype=np.int64).tolist()
        note = (
            f"what batteries and buffers hold at the end is valued by the expected prices up to the end of "
            f"{found[-1]} (planning.look_ahead_days): a planning price in the term stored energy, debited the next day"
            if found
            else ""
        )
        return cls(periods=tuple(found), ends=tuple(end - 1 for end in ends), isps=sum(ends[-1:]), note=note)


class LaterPrice:
    """The day-ahead price after a Period, EUR/MWh: every day is worked out once, when it is first asked for."""

    def __init__(self, inputs: Inputs, price: Floats) -> None:
        """Begin with the Period's own price (T,)."""
        self._settings = inputs.markets.day_ahead
        self._given = (inputs.later_prices, *inputs.further_prices)
        self._period, self._day = inputs.period, price
        self._price = np.empty(0)
        self._missing = list[tuple[Period, int, Floats]]()  # the Period, its first ISP, and where it has no price
        self._add_day()

    def _add_day(self) -> None:
        following = self._period.next()
        day = self._day[np.array(self._period.isps_of_wall_clock(following))]
        number = len(self._missing)
        if number < len(self._given):
            given = known_price(self._settings, self._given[number], following.isp_count)
            self._missing.append((following, len(self._price), np.isnan(given)))
            day = np.where(np.isnan(given), day, given)
        self._period, self._day, self._price = following, day, np.concatenate([self._price, day])

    def upto(self, isps: int) -> Floats:
        """Return the price (isps,) of the ISPs after the Period; a view, not to be written to."""
        while len(self._price) < isps:
            self._add_day()
        return self._price[:isps]

    def unknown(self, isps: int) -> list[Period]:
        """Return the later Periods that lack a price of their own in one of these ISPs (isps,), of those looked at."""
        self.upto(isps)
        return [period for period, first, missing in self._missing if missing[: max(isps - first, 0)].any()]
