"""What a forecast is worth to a battery: it runs by the forecast, and earns at the prices that came.

The battery of reference: 1 MW, 2 MWh, half full at midnight and at the end of the day, 95 % each way, wear of 3 EUR per
MWh charged or discharged. By foresight it earns the most that is possible; whoever forecasts loses the difference.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
POWER_MW, ENERGY_MWH, EFFICIENCY, WEAR = 1.0, 2.0, 0.95, 3.0


@dataclass(frozen=True, kw_only=True)
class StorageValue:
    """Money of some days, EUR; `replanned_eur`: also after trading to the best program once the prices are known."""

    days: int
    earned_eur: float
    replanned_eur: float
    foresight_eur: float

    @property
    def share(self) -> float | None:
        """What is earned of what foresight earns; None where foresight earns nothing."""
        return self.earned_eur / self.foresight_eur if self.foresight_eur > 0 else None

    @property
    def replanned_share(self) -> float | None:
        """The same after planning again."""
        return self.replanned_eur / self.foresight_eur if self.foresight_eur > 0 else None

    @property
    def lost_eur_per_day(self) -> float:
        """What the errors of the forecast cost a day."""
        return (self.foresight_eur - self.earned_eur) / self.days if self.days else 0.0


def worth(forecast: Floats, actual: Floats, *, spread: float | None = None) -> StorageValue:
    """Return what the battery earns on the days that are known as a whole, (K,N) in EUR/MWh.

    `spread`: by so much buying is dearer and selling cheaper than the day-ahead price when it plans again; None: it
    does not.
    """
    whole = np.isfinite(forecast).all(axis=1) & np.isfinite(actual).all(axis=1)
    earned = replanned = best = 0.0
    for expected, came in zip(forecast[whole], actual[whole], strict=True):
        hours = 24 / len(came)
        position, wear = _program(expected, hours)
        earned += float((-came * position).sum() * hours) - wear
        ideal, least = _program(came, hours)
        best += float((-came * ideal).sum() * hours) - least
        if spread is not None:
            replanned += _again(came, position, hours, spread)
    return StorageValue(
        days=int(whole.sum()), earned_eur=earned, replanned_eur=replanned if spread is not None else earned,
        foresight_eur=best,
    )  # fmt: skip


def _program(price: Floats, hours: float) -> tuple[Floats, float]:
    """Return the best program (N,) in MW, bought positive, and its wear in EUR."""
    n = len(price)
    charge, discharge = _solved(np.concatenate([price + WEAR, WEAR - price]) * hours, hours, n)
    return charge - discharge, float((charge + discharge).sum() * hours * WEAR)


def _again(price: Floats, position: Floats, hours: float, spread: float) -> float:
    """Return what is earned in EUR when a position is left for the best program, trading at price ± spread."""
    n = len(price)
    cost = np.concatenate([np.full(2 * n, WEAR), price + spread, spread - price]) * hours
    # Charge − discharge − bought + sold is the position.
    rows = np.hstack([np.eye(n), -np.eye(n), -np.eye(n), np.eye(n)])
    found = _solved(cost, hours, n, (rows, position))
    return float(-(price * position).sum() * hours - cost @ np.concatenate(found))


def _solved(
    cost: Floats, hours: float, n: int, also: tuple[Floats, Floats] | None = None
) -> tuple[Floats, ...]:  # fmt: skip
    """Return the cheapest charge, discharge and further columns, each (N,), within power and energy."""
    from scipy.optimize import linprog

    width = len(cost)
    energy = np.zeros((n, width))
    lower = np.tril(np.ones((n, n)))
    energy[:, :n], energy[:, n : 2 * n] = lower * EFFICIENCY * hours, -lower / EFFICIENCY * hours
    half = ENERGY_MWH / 2
    equal, right = energy[-1:], np.zeros(1)
    if also is not None:
        equal, right = np.vstack([equal, also[0]]), np.concatenate([right, also[1]])
    found = linprog(
        cost, A_ub=np.vstack([energy[:-1], -energy[:-1]]), b_ub=np.full(2 * (n - 1), half), A_eq=equal, b_eq=right,
        bounds=[(0, POWER_MW)] * (2 * n) + [(0, None)] * (width - 2 * n), method="highs",
    )  # fmt: skip
    if found.x is None:
        raise ArithmeticError(f"the program of the battery of reference was not found: {found.message}")
    return tuple(found.x.reshape(-1, n))
