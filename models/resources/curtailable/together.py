"""Units that stand for several curtailable units each: what these can do together, at the least cost among them."""

from collections.abc import Sequence

import numpy as np

from models.case import Case, Ints
from models.resources.curtailable import Curtailable


def together(case: Case, groups: Sequence[Ints], point: Ints) -> Curtailable:
    """Return one unit for each of G groups of units (n,), at congestion points `point` (G,)."""
    data, isps = case.curtailable, case.isps
    forecast = np.broadcast_to(data.forecast_kw, (len(data.point), isps))
    pinned = np.broadcast_to(data.pinned_kw, (len(data.point), isps))
    return Curtailable(
        point=point,
        forecast_kw=np.array([forecast[group].sum(axis=0) for group in groups]),
        cost_eur_per_mwh=np.array([data.cost_eur_per_mwh[group].min() for group in groups]),
        reserve_kw=np.array([data.reserve_kw[group].sum() for group in groups]),
        pinned_kw=np.array([pinned[group].sum(axis=0) for group in groups]),  # NaN where one of them is free
    )
