"""The highest import of customers whom nobody steers, from day to day of a run: a peak is paid for once.

A case knows what the plans of the days before have reached. Unmanaged, those days would have reached more, and a later
day would pay only for what exceeds that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.register import ConnectionTariff, in_window
from models.case import Case

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class UnmanagedPeaks:
    """What unmanaged customers have reached by the end of each day that was asked about, in order."""

    charges: tuple[ConnectionTariff, ...]
    kw: dict[tuple[ConnectionTariff, date], float] = field(default_factory=dict)

    @staticmethod
    def of(rows: Iterable[ConnectionTariff]) -> "UnmanagedPeaks":
        """Begin with the peak charges among the rows of a register."""
        return UnmanagedPeaks(charges=tuple(row for row in rows if row.peak_eur_per_kw > 0))

    def reached_kw(self, case: Case, period: Period, drawn_kw: Floats) -> Floats:
        """Return what each peak charge (P,) has reached before a Period, kW, and note what it reaches in the Period.

        drawn_kw (N,T): the unmanaged import of connections with a tariff. What the case says counts on the first day.
        """
        tariffs, found = case.connection_tariffs, case.connection_tariffs.peak_reached_kw.astype(np.float64)
        before = period.day - timedelta(days=1)
        for row in self.charges:
            inside = np.array(in_window(period, row.window_start, row.window_end), dtype=np.bool_)
            for p, at in enumerate(tariffs.peak_at.tolist()):
                here = tariffs.name[at] == row.connection and tariffs.peak_eur_per_kw[p] == row.peak_eur_per_kw
                if not here or not np.array_equal(tariffs.peak_inside[p], inside):
                    continue
                if row.goes_on(period.day):
                    found[p] = self.kw.get((row, before), found[p])
                highest = float(drawn_kw[at][inside].max(initial=0.0))
                self.kw[row, period.day] = max(highest, float(found[p]))
        return found
