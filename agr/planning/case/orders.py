"""Orders of flexibility → rows that bind a congestion point's program. Pure.

Source: docs/reference/formulation.md §3.8.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from agr.domain.flexibility import Obligation
from models.case import Imbalance, Orders, no_orders

_ROUNDING_KW = 0.0004
"""Bounds are widened by this, in kW: a program this far beyond a bound still rounds to the bound's whole W."""
_TWICE_AND_LOSSES = 3.0
"""Least penalty of an order, as a multiple of the highest imbalance price: 1 kWh that an order moves may be out of
balance where it is not used, and again, with losses, where it is made up for."""


def orders_of(
    obligations: Sequence[Obligation], index: Mapping[str, int], isps: int, eur_per_mwh: float, imbalance: Imbalance
) -> Orders:
    """Return what orders bind the programs of congestion points to, by their `index`; others are left out.

    An order of less consumption is an upper bound, one of more a lower bound, each in its ISPs; an order of limits says
    its bounds itself. Not to deliver costs eur_per_mwh, or more where imbalance is dear: an order is never broken to
    save balance. Its price is a fact.
    """
    here = [one for one in obligations if one.order.congestion_point in index]
    if not here:
        return no_orders()
    most, least = np.full((len(here), isps), np.inf), np.full((len(here), isps), -np.inf)
    for row, one in enumerate(here):
        for isp, (lowest, highest) in enumerate(one.bounds_w):
            if highest is not None:
                most[row, isp] = highest / 1000 + _ROUNDING_KW
            if lowest is not None:
                least[row, isp] = lowest / 1000 - _ROUNDING_KW
    penal = float(np.max(np.maximum(imbalance.short_eur_per_mwh, imbalance.long_eur_per_mwh)))
    return Orders(
        name=tuple(one.order.name for one in here),
        point=np.array([index[one.order.congestion_point] for one in here], dtype=np.int64),
        least_kw=least, most_kw=most,
        penalty_eur_per_mwh=np.full(len(here), max(eur_per_mwh, _TWICE_AND_LOSSES * penal)),
        price_eur=np.array([float(one.order.price) for one in here]),
    )  # fmt: skip
