"""The cost of breaches of agreed limits, and its coupling cost. Source: docs/reference/formulation.md §3.3."""

from dataclasses import replace

import numpy as np

from models.block import per_point
from models.case import Bools, Case, Floats, Limits
from models.coupling_costs import PointCosts
from models.outcome import Outcome, ProgramValues


def placed_eur(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return −penalty·Δ·Σ_t breach[l,t] per congestion point (C+1,)."""
    limits, mwh = case.limits, case.isp_hours / 1000
    breach_kw = (answer.breach_import_kw + answer.breach_export_kw).sum(axis=1)
    return {"limit breach": per_point(case, limits.point, -limits.penalty_eur_per_mwh * breach_kw * mwh)}


def settled(case: Case, point_kw: Floats) -> dict[str, Floats]:
    """Return the breaches (L,T), kW, of the limits by programs P_c (C+1,T)."""
    at_limit = point_kw[case.limits.point]
    return {
        "breach_import_kw": np.maximum(at_limit - case.limits.import_kw, 0.0),
        "breach_export_kw": np.maximum(case.limits.export_kw - at_limit, 0.0),
    }


def eased(case: Case, planned: Outcome, eur_per_mwh: float) -> dict[str, Limits]:
    """Return limits that the plan does not breach, and whose breach costs a price."""
    limits = case.limits
    return {
        "limits": replace(
            limits,
            import_kw=limits.import_kw + planned.breach_import_kw,
            export_kw=limits.export_kw - planned.breach_export_kw,
            penalty_eur_per_mwh=np.full_like(limits.penalty_eur_per_mwh, eur_per_mwh),
        )
    }


def priced_points(case: Case) -> Bools:
    """Return whether each congestion point (C,) has a limit."""
    result = np.zeros(len(case.points), dtype=np.bool_)
    limited = np.isfinite(case.limits.import_kw).any(axis=1) | np.isfinite(case.limits.export_kw).any(axis=1)
    result[case.limits.point[limited]] = True
    return result


def programs(case: Case) -> PointCosts:
    """Return the cost (C,T) of each program P beyond its limits."""
    per_kw = case.isp_hours / 1000
    limits = case.limits
    kinks: list[tuple[int, Floats, Floats]] = []  # point, breakpoint (T,), rise of the slope there (T,)
    base = np.zeros((len(case.points), case.isps))
    at_zero = 0.0
    for row, point in enumerate(limits.point.tolist()):
        rise = np.full(case.isps, limits.penalty_eur_per_mwh[row] * per_kw)
        for bound, sign in ((limits.import_kw[row], 1.0), (limits.export_kw[row], -1.0)):
            there = np.isfinite(bound)
            if there.any():
                kinks.append((point, np.where(there, bound, np.inf), np.where(there, rise, 0.0)))
                if sign < 0:
                    base[point] -= np.where(there, rise, 0.0)
                at_zero += float(np.maximum(-sign * bound[there], 0.0) @ rise[there])
    return PointCosts(base=base, kinks=kinks, at_zero_eur=at_zero)
