"""The cost of breaches of connection limits, and its coupling cost. Source: docs/reference/formulation.md §3.7."""

from dataclasses import replace

import numpy as np

from models.block import per_point
from models.case import Bools, Case, ConnectionLimits, Floats
from models.coupling_costs import CouplingCosts
from models.markets.connection_limits.trees import called_limits
from models.outcome import Outcome, ProgramValues

TERM, CALLED_TERM = "connection limit breach", "called connection limit breach"


def placed_eur(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return −penalty·Δ·Σ_t breach per congestion point (C+1,), of planned and of called programs."""
    limits, mwh = case.connection_limits, case.isp_hours / 1000
    if not len(limits.name):
        return {}
    planned = answer.connection_import_breach_kw + answer.connection_export_breach_kw
    called = answer.called_connection_import_breach_kw + answer.called_connection_export_breach_kw
    return {
        term: per_point(case, limits.point, -limits.penalty_eur_per_mwh * breach.sum(axis=1) * mwh)
        for term, breach in ((TERM, planned), (CALLED_TERM, called))
    }


def breaches(case: Case, most_kw: Floats, least_kw: Floats) -> tuple[Floats, Floats]:
    """Return the breaches (L,T), kW, of import and export limits, given the most and the least that is drawn (L,T)."""
    limits = case.connection_limits
    return np.maximum(most_kw - limits.import_kw, 0.0), np.maximum(limits.export_kw - least_kw, 0.0)


def eased(case: Case, planned: Outcome, eur_per_mwh: float) -> dict[str, ConnectionLimits]:
    """Return limits that neither planned nor called programs breach, and whose breach costs a price; none without."""
    limits = case.connection_limits
    if not len(limits.name):
        return {}
    imported = np.maximum(planned.connection_import_breach_kw, planned.called_connection_import_breach_kw)
    exported = np.maximum(planned.connection_export_breach_kw, planned.called_connection_export_breach_kw)
    return {
        "connection_limits": replace(
            limits,
            import_kw=limits.import_kw + imported,
            export_kw=limits.export_kw - exported,
            penalty_eur_per_mwh=np.full_like(limits.penalty_eur_per_mwh, eur_per_mwh),
        )
    }


def couplings(case: Case, import_binds: Bools, export_binds: Bools) -> CouplingCosts:
    """Return the cost (4L,T) of what is drawn at most and at least, planned and called, beyond each limit.

    Rows: import planned, import called, export planned, export called. Where a limit cannot bind (L,T), nothing costs.
    """
    limits, isps = case.connection_limits, case.isps
    count = len(limits.name)
    breakpoints, slopes = np.full((4 * count, isps, 1), np.inf), np.zeros((4 * count, isps, 2))
    if not count:
        return CouplingCosts(breakpoints=breakpoints, slopes=slopes, at_zero_eur=0.0)
    rate = np.broadcast_to((limits.penalty_eur_per_mwh * case.isp_hours / 1000)[:, None], (count, isps))
    called, at_zero = called_limits(case), 0.0
    for k, concerned in ((0, np.ones(count, dtype=np.bool_)), (1, called)):
        for side, bound, binds in ((0, limits.import_kw, import_binds), (1, limits.export_kw, export_binds)):
            rows = slice((2 * side + k) * count, (2 * side + k + 1) * count)
            there = binds & concerned[:, None] & np.isfinite(bound)
            breakpoints[rows, :, 0] = np.where(there, bound, np.inf)
            slopes[rows, :, 1 - side] = np.where(there, rate * (1 if side == 0 else -1), 0.0)
            beyond = np.maximum(-bound if side == 0 else bound, 0.0)
            at_zero += float((rate * beyond)[there].sum())
    return CouplingCosts(breakpoints=breakpoints, slopes=slopes, at_zero_eur=at_zero)
