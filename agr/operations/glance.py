"""A plan at a glance: the portfolio's program, prices and limits, and what is promised to each DSO. Pure."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from agr.planning.difference import Solved

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class NearestLimit:
    """Where a program comes nearest to a limit: what is left until it, below 0 where it is exceeded."""

    address: str
    isp: int  # from 1
    left_kw: float


@dataclass(frozen=True, kw_only=True)
class DsoGlance:
    """What is promised to one DSO; power in kW, consumption positive."""

    dso: str
    points: int
    program_kw: tuple[float, ...]  # the sum of its D-Prognoses
    energy_mwh: float  # net
    peak_kw: float  # largest power of either sign
    peak_isp: int  # from 1
    reserved_kw: float  # the most reserved in any ISP, either sign
    limited: int  # congestion points with a limit
    room: NearestLimit | None  # None: nothing is limited


@dataclass(frozen=True, kw_only=True)
class Limited:
    """The congestion points with a limit one way, together; None in ISPs in which none has."""

    points: int
    program_kw: tuple[float | None, ...]
    limit_kw: tuple[float | None, ...]  # of exports a negative number


@dataclass(frozen=True, kw_only=True)
class Glance:
    """A plan at a glance; kW and EUR/MWh per ISP."""

    program_kw: tuple[float, ...]  # the whole portfolio, in a congestion point or not
    price_eur_per_mwh: tuple[float, ...]  # day-ahead, as planned with
    reserved_down_kw: tuple[float, ...]  # <= 0: how much less DSOs may have us consume
    reserved_up_kw: tuple[float, ...]  # >= 0: how much more
    consumed_mwh: float
    produced_mwh: float
    peak_kw: float
    peak_isp: int  # from 1
    dsos: tuple[DsoGlance, ...]
    import_limited: Limited | None
    export_limited: Limited | None


def glance(solved: Solved) -> Glance:
    """Return a plan at a glance; DSOs in alphabetical order."""
    case, outcome = solved.named.case, solved.outcome
    energy = outcome.total_kw * case.isp_hours / 1000
    peak = int(np.abs(outcome.total_kw).argmax())
    reserved = case.reservations.reserved_kw
    upper, lower = _bounds(solved)
    return Glance(
        program_kw=_rounded(outcome.total_kw),
        price_eur_per_mwh=_rounded(case.day_ahead.price_eur_per_mwh),
        reserved_down_kw=_rounded(np.minimum(reserved, 0).sum(axis=0)),
        reserved_up_kw=_rounded(np.maximum(reserved, 0).sum(axis=0)),
        consumed_mwh=float(np.maximum(energy, 0).sum()),
        produced_mwh=float(-np.minimum(energy, 0).sum()),
        peak_kw=float(outcome.total_kw[peak]),
        peak_isp=peak + 1,
        dsos=tuple(_dso(solved, dso, upper, lower) for dso in sorted(set(solved.named.dsos))),
        import_limited=_limited(outcome.point_kw, upper),
        export_limited=_limited(outcome.point_kw, lower),
    )


def _bounds(solved: Solved) -> tuple[Floats, Floats]:
    """Return the import and export limit (C,T) of every congestion point, kW; infinite where there is none."""
    case = solved.named.case
    shape = (len(case.points), case.isps)
    upper, lower = np.full(shape, np.inf), np.full(shape, -np.inf)
    np.minimum.at(upper, case.limits.point, case.limits.import_kw)
    np.maximum.at(lower, case.limits.point, case.limits.export_kw)
    return upper, lower


def _dso(solved: Solved, dso: str, upper: Floats, lower: Floats) -> DsoGlance:
    case, power = solved.named.case, solved.outcome.point_kw
    mine = np.array([name == dso for name in solved.named.dsos], dtype=bool)
    program = power[mine].sum(axis=0)
    peak = int(np.abs(program).argmax())
    reserved = case.reservations.reserved_kw[mine[case.reservations.point]]
    places = np.flatnonzero(mine)
    left = np.minimum(upper[mine] - power[mine], power[mine] - lower[mine])
    row, isp = np.unravel_index(int(left.argmin()), left.shape)
    nearest = float(left[row, isp])
    return DsoGlance(
        dso=dso, points=len(places), program_kw=_rounded(program), peak_kw=float(program[peak]), peak_isp=peak + 1,
        energy_mwh=float(program.sum()) * case.isp_hours / 1000,
        reserved_kw=float(np.abs(reserved).sum(axis=0).max(initial=0.0)),
        limited=int(np.isfinite(left).any(axis=1).sum()),
        room=NearestLimit(address=case.points[places[row]], isp=int(isp) + 1, left_kw=nearest)
        if isfinite(nearest)
        else None,
    )  # fmt: skip


def _limited(power: Floats, bound: Floats) -> Limited | None:
    """Sum programs and limits over the same points, so that a program within its limit is drawn within it.

    A sum hides a single point beyond its limit; `DsoGlance.room` names that one.
    """
    there = np.isfinite(bound)
    if not there.any():
        return None

    limited: list[bool] = np.asarray(there.any(axis=0)).tolist()

    def sums(values: Floats) -> tuple[float | None, ...]:
        total = np.where(there, values, 0.0).sum(axis=0).tolist()
        return tuple(round(v, 3) if some else None for v, some in zip(total, limited, strict=True))

    return Limited(points=int(there.any(axis=1).sum()), program_kw=sums(power), limit_kw=sums(bound))


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(v), 3) for v in values)
