"""The cost of leaving the announced programs, and its coupling cost. Source: docs/reference/formulation.md §3.6."""

import numpy as np

from models.case import Bools, Case, Floats
from models.coupling_costs import PointCosts
from models.outcome import ProgramValues


def placed_eur(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return −price·Δ·Σ_t |P_c[t] − anchor[c,t]| per congestion point (C+1,)."""
    if case.anchor is None:
        return {}
    moved_kw = np.abs(np.nan_to_num(answer.point_kw[:-1] - case.anchor.point_kw)).sum(axis=1)
    eur = np.append(-case.anchor.eur_per_mwh * moved_kw * (case.isp_hours / 1000), 0.0)
    return {"prognosis change": eur}


def priced_points(case: Case) -> Bools:
    """Return whether each congestion point (C,) has an announced program with a price for leaving it."""
    if case.anchor is None or case.anchor.eur_per_mwh <= 0:
        return np.zeros(len(case.points), dtype=np.bool_)
    return np.asarray(~np.isnan(case.anchor.point_kw).all(axis=1), dtype=np.bool_)


def programs(case: Case) -> PointCosts:
    """Return the cost (C,T) of the distance of each program P from the announced one."""
    kinks: list[tuple[int, Floats, Floats]] = []
    base, at_zero = np.zeros((len(case.points), case.isps)), 0.0
    if case.anchor is not None:
        rate = case.anchor.eur_per_mwh * (case.isp_hours / 1000)
        for point in range(len(case.points)):
            known = ~np.isnan(case.anchor.point_kw[point])
            if known.any() and rate > 0:
                level = np.where(known, case.anchor.point_kw[point], np.inf)
                kinks.append((point, level, np.where(known, 2 * rate, 0.0)))
                base[point] -= np.where(known, rate, 0.0)
                at_zero += rate * float(np.abs(case.anchor.point_kw[point][known]).sum())
    return PointCosts(base=base, kinks=kinks, at_zero_eur=at_zero)
