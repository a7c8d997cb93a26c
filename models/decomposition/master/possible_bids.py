"""What may be bid and was awarded: the largest bids that depth and units allow, in whole steps."""

import numpy as np

from models.case import Case, Floats
from models.headroom import KW_PER_MW, traded
from models.resources.registry import PRICED


def committed_kw(case: Case) -> Floats:
    """Return the awarded capacity (R,T), kW; 0 where none."""
    result = np.zeros((len(case.reserves), case.isps))
    for r, reserve in enumerate(case.reserves):
        inside = reserve.block >= 0
        result[r, inside] = KW_PER_MW * np.nan_to_num(reserve.committed_mw)[reserve.block[inside]]
    return result


def prequalified_kw(case: Case) -> float:
    """Return the prequalified reserve power of all units, kW."""
    each_kw = (one.reserving.reserve_kw(case).sum() for one in PRICED if one.reserving is not None)
    return float(sum(each_kw))


def most_mw(case: Case) -> list[Floats]:
    """Return the largest bid (B,) of each product, MW, in whole steps, that depth and units allow; 0 where none."""
    able_kw = prequalified_kw(case)
    result = []
    for r, reserve in enumerate(case.reserves):
        elsewhere_kw = 0.0 if case.remainder is None else float(case.remainder.held_kw[r].max())
        most = np.minimum(
            np.where(traded(reserve) & np.isnan(reserve.committed_mw), reserve.max_mw, 0.0),
            (able_kw + elsewhere_kw) / 1e3,
        )
        steps = np.floor(most / reserve.step_mw + 1e-9) * reserve.step_mw
        result.append(np.where(steps >= max(reserve.minimum_mw, reserve.step_mw) - 1e-9, steps, 0.0))
    return result


def coarse(case: Case, steps: int) -> bool:
    """Return whether some free bid has at most so many possible steps."""
    pairs = zip(case.reserves, most_mw(case), strict=True)
    return any(bool(((most > 0) & (most <= steps * reserve.step_mw)).any()) for reserve, most in pairs)
