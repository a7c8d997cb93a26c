"""Heat demand of a building from the temperature outside, by degree days, and what a heat pump makes of a kWh. Pure.

    heat[t] = constant + slope · max(base − temperature[t], 0)

The constant is hot water. The temperature is half that of the hour and half the mean of the day, for walls are slow.
Both coefficients follow from the yearly use and the degree days of a usual year, or from measured days.

    COP = 6.08 − 0.09·lift + 0.0005·lift²        lift = flow − temperature, of air-source heat pumps

Source of the COP: O. Ruhnau, L. Hirth, A. Praktiknjo, Scientific Data 6 (2019) 189.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.forecasting.models.protocols import ForecastModelError

Floats = NDArray[np.float64]
LEAST_DAYS = 14
_HOURS, _YEAR_H = 24.0, 8760.0
_LEAST_LIFT, _LEAST_COP = 15.0, 1.0


@dataclass(frozen=True, kw_only=True)
class HeatDemand:
    """A building's demand, kW: `constant_kw`, and `slope_kw_per_k` for each kelvin below `base_c`."""

    constant_kw: float
    slope_kw_per_k: float
    base_c: float

    def __call__(self, air_c: Floats) -> Floats:
        """Return the demand, (T,), kW, at temperatures (T,) of one day."""
        felt = 0.5 * air_c + 0.5 * air_c.mean()
        demand: Floats = self.constant_kw + self.slope_kw_per_k * np.maximum(self.base_c - felt, 0.0)
        return demand


def from_yearly_use(
    kwh_per_year: float, *, hot_water_share: float, base_c: float, degree_days: float
) -> HeatDemand:  # fmt: skip
    """Return the demand of a building that takes so much heat in a usual year of so many degree days."""
    return HeatDemand(
        constant_kw=hot_water_share * kwh_per_year / _YEAR_H,
        slope_kw_per_k=(1 - hot_water_share) * kwh_per_year / (_HOURS * degree_days), base_c=base_c,
    )  # fmt: skip


def learned(day_kw: Floats, air_c: Floats, base_c: float) -> HeatDemand:
    """Return the demand that fits measured days: mean power (D,) and temperatures by hour (D,24). Raises ModelError.

    Neither coefficient is negative.
    """
    felt = 0.5 * air_c + 0.5 * air_c.mean(axis=1, keepdims=True)
    below = np.maximum(base_c - felt, 0.0).mean(axis=1)
    good = np.isfinite(day_kw) & np.isfinite(below)
    if good.sum() < LEAST_DAYS:
        raise ForecastModelError(
            f"heat and temperature of only {int(good.sum())} days are known; {LEAST_DAYS} are needed"
        )
    x, y = below[good], day_kw[good]
    spread = float(((x - x.mean()) ** 2).sum())
    slope = max(float(((x - x.mean()) * (y - y.mean())).sum()) / spread, 0.0) if spread > 1e-9 else 0.0
    constant = float(y.mean() - slope * x.mean())
    if constant < 0:  # then the line through the origin fits best
        constant, slope = 0.0, float((x * y).sum() / max((x * x).sum(), 1e-9))
    return HeatDemand(constant_kw=constant, slope_kw_per_k=slope, base_c=base_c)


def cop_of(air_c: Floats, flow_c: float) -> Floats:
    """Return what an air-source heat pump makes of a kWh, (T,), with water of `flow_c`."""
    lift = np.maximum(flow_c - air_c, _LEAST_LIFT)
    return np.maximum(6.08 - 0.09 * lift + 0.0005 * lift**2, _LEAST_COP)
