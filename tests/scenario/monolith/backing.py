"""What units could take and give without regard to energy, which limits trades that pay without any resource.

Source: docs/reference/formulation.md §3.2.
"""

import numpy as np

from tests.scenario.monolith.units import Curtailable, Fixed, Run, Store, Switched

EQUAL = 1e-9
"""Prices that differ by less are equal, EUR per kWh."""


def able_kw(unit: Fixed | Curtailable | Run | Store | Switched, isps: int) -> np.ndarray:
    """Return the least and the most power of a unit in each ISP (2,T)."""
    found = np.zeros((2, isps))
    match unit:
        case Fixed():
            found[:] = unit.power
        case Curtailable():
            found[0] = unit.forecast
        case Run():
            found[:] = unit.programs.min(axis=0), unit.programs.max(axis=0)
        case Store():
            found[:, unit.first : unit.end] = -unit.discharge, unit.charge
        case Switched():
            for inside, _, _ in unit.windows:
                found[1, inside] = unit.power_kw
    return found


def position_bounds(
    pays: np.ndarray, able: np.ndarray, isps_of_product: int, most_sold: float, most_bought: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the most day-ahead position of each product; `pays` (T,) where they must be backed."""
    product = np.arange(len(pays)) // isps_of_product
    low, high = np.full(product[-1] + 1, -most_sold), np.full(product[-1] + 1, most_bought)
    for p in np.unique(product[pays]):
        low[p] = max(low[p], min(0.0, able[0, product == p].min()))
        high[p] = min(high[p], max(0.0, able[1, product == p].max()))
    return low, high
