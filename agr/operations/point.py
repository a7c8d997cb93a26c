"""One congestion point in detail: its prognosis, what binds it, and its called program. Pure."""

from dataclasses import dataclass

import numpy as np

from agr.planning.difference import Solved
from models.audit.totals import points_kw

_SEEN_KW = 0.05
"""Least power in kW that one decimal shows."""


@dataclass(frozen=True, kw_only=True)
class HeldReservation:
    """A reservation that the plan keeps free: signed kW per ISP."""

    contract: str
    reserved_kw: tuple[float, ...]
    shortfall_kwh: float


@dataclass(frozen=True, kw_only=True)
class Detail:
    """Series in kW per ISP; None where there is no bound."""

    program_kw: tuple[float, ...]
    called_kw: tuple[float, ...] | None  # when every reservation is called at once
    import_kw: tuple[float | None, ...] | None
    export_kw: tuple[float | None, ...] | None  # as a negative number
    held: tuple[HeldReservation, ...]
    terms_eur: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """Where the called program exceeds a limit by most."""

    way: str  # import or export
    isp: int  # from 1
    kw: float  # > 0


def beyond(found: Detail) -> Beyond | None:
    """Return where the called program exceeds a limit by most; None where it exceeds none."""
    worst: Beyond | None = None
    for way, bounds, sign in (("import", found.import_kw, 1.0), ("export", found.export_kw, -1.0)):
        for isp, (power, bound) in enumerate(zip(found.called_kw or (), bounds or (), strict=False), start=1):
            over = 0.0 if bound is None else sign * (power - bound)
            if over > max(_SEEN_KW, worst.kw if worst else 0.0):
                worst = Beyond(way=way, isp=isp, kw=over)
    return worst


def detail(solved: Solved, address: str) -> Detail | None:
    """Return the detail of a congestion point of a plan; None when the plan does not know it."""
    case, outcome = solved.named.case, solved.outcome
    if address not in case.points:
        return None
    point = case.points.index(address)
    held = np.flatnonzero(case.reservations.point == point)
    bounds = np.flatnonzero(case.limits.point == point)
    called = points_kw(case, outcome.called)[point] if outcome.called is not None and held.size else None
    return Detail(
        program_kw=_kw(outcome.point_kw[point]),
        called_kw=None if called is None else _kw(called),
        import_kw=_bound(case.limits.import_kw[bounds].min(axis=0)) if bounds.size else None,
        export_kw=_bound(case.limits.export_kw[bounds].max(axis=0)) if bounds.size else None,
        held=tuple(
            HeldReservation(
                contract=case.reservations.name[k], reserved_kw=_kw(case.reservations.reserved_kw[k]),
                shortfall_kwh=float(outcome.reservation_shortfall_kw[k].sum()) * case.isp_hours,
            )
            for k in held
        ),
        terms_eur={
            name: float(terms[point]) for name, terms in outcome.point_terms_eur.items() if abs(terms[point]) >= 0.005
        },
    )  # fmt: skip


def _kw(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[float, ...]:
    return tuple(round(float(v), 3) for v in values)


def _bound(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[float | None, ...] | None:
    found = tuple(round(float(v), 3) if np.isfinite(v) else None for v in values)
    return found if any(v is not None for v in found) else None
