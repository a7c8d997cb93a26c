"""The cost of breaches of connection limits, and its coupling cost. Source: docs/reference/formulation.md §3.7."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.block import per_point
from models.case import Bools, Case, ConnectionLimits, Floats, Ints
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
    """Return breaches (L,T) of import and of export limits, kW, given the most and the least that is drawn (L,T)."""
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


def couplings(case: Case, import_binds: Bools, export_binds: Bools, sums: Ints) -> CouplingCosts:
    """Return the cost (2n,T) of what is drawn at most and at least beyond the limits of some sums (n,).

    Sums 0..L−1 are planned, L..2L−1 called. Rows: import, then export. Where a limit cannot bind (L,T), nothing costs.
    """
    limits, isps, at_zero = case.connection_limits, case.isps, 0.0
    breakpoints, slopes = np.full((2 * len(sums), isps, 1), np.inf), np.zeros((2 * len(sums), isps, 2))
    if not len(sums):
        return CouplingCosts(breakpoints=breakpoints, slopes=slopes, at_zero_eur=0.0)
    of, rate = sums % len(limits.name), _rates(case, sums)
    for side, (bound, there) in enumerate(_where_they_bind(case, import_binds, export_binds, sums)):
        rows = slice(side * len(sums), (side + 1) * len(sums))
        breakpoints[rows, :, 0] = np.where(there, bound[of], np.inf)
        slopes[rows, :, 1 - side] = np.where(there, rate * (1 if side == 0 else -1), 0.0)
        beyond = np.maximum(-bound[of] if side == 0 else bound[of], 0.0)
        at_zero += float((rate * beyond)[there].sum())
    return CouplingCosts(breakpoints=breakpoints, slopes=slopes, at_zero_eur=at_zero)


def alone_eur(case: Case, import_binds: Bools, export_binds: Bools, sums: Ints, drawn_kw: Floats) -> float:
    """Return the cost, EUR, of some sums (n,) where limits draw what is fixed, drawn_kw (L,T); see couplings.

    import_binds, export_binds (L,): whether a limit may bind in that direction.
    """
    drawn, rate, total = drawn_kw[sums % len(drawn_kw)], _rates(case, sums), 0.0
    for side, (bound, there) in enumerate(_where_they_bind(case, import_binds, export_binds, sums)):
        over = (drawn - bound[sums % len(drawn_kw)]) * (1 if side == 0 else -1)
        total += float((rate * np.maximum(over, 0.0))[there].sum())
    return total


def _rates(case: Case, sums: Ints) -> Floats:
    """Return what a kW beyond the limit of each sum costs in an ISP (n,1), EUR."""
    penalty = case.connection_limits.penalty_eur_per_mwh
    return np.asarray((penalty * case.isp_hours / 1000)[sums % len(penalty), None])


def _where_they_bind(
    case: Case, import_binds: Bools, export_binds: Bools, sums: Ints
) -> Iterator[tuple[Floats, Bools]]:  # fmt: skip
    """Yield the limits (L,T) of import, then of export, and where those of each sum (n,T) may cost anything."""
    limits, count = case.connection_limits, len(case.connection_limits.name)
    concerned = ((sums < count) | called_limits(case)[sums % count])[:, None]
    for bound, binds in ((limits.import_kw, import_binds), (limits.export_kw, export_binds)):
        yield bound, np.asarray(binds[sums % count] & concerned & np.isfinite(bound[sums % count]))
