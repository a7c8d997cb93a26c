"""What a plan changed against its predecessor, and which limit, reservation or price caused it. Pure."""

from dataclasses import dataclass, replace

import numpy as np

from agr.domain.plan import Cause, Change, IspChange, PointChange
from agr.planning.case import NamedCase
from models.outcome import Outcome

_BINDING = 1e-3
"""A shadow price below this, in EUR/MWh, is numerical noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """A case with its outcome."""

    named: NamedCase
    outcome: Outcome


def begun_from(before: Solved | None, named: NamedCase) -> NamedCase:
    """Return the case with the dual prices of an earlier plan to start from, where that plan has any that still fit.

    A new congestion point starts from prices of zero.
    """
    if before is None or before.outcome.duals is None or before.named.case.isps != named.case.isps:
        return named
    if not before.named.case.points:
        return named
    duals, names = before.outcome.duals, [reserve.name for reserve in before.named.case.reserves]
    if names != [reserve.name for reserve in named.case.reserves]:
        return named
    row = {address: i for i, address in enumerate(before.named.case.points)}
    rows = np.array([row.get(address, -1) for address in named.case.points], dtype=np.int64)
    program, call = (np.where((rows >= 0)[:, None], table[rows], 0.0) for table in (duals.program, duals.call))
    return replace(named, case=replace(named.case, start=replace(duals, program=program, call=call)))


def binding(solved: Solved, point: int, isp: int) -> list[Cause]:
    """Return the limits and reservations that bind at a congestion point (index) in an ISP (from 0)."""
    case, shadow = solved.named.case, solved.outcome.shadow
    causes = []
    for k in np.flatnonzero(case.reservations.point == point):
        worth = float(shadow.reservation_eur_per_mwh[k, isp])
        if worth > _BINDING:
            held = case.reservations.reserved_kw[k, isp]
            causes.append(Cause(what=f"reservation {case.reservations.name[k]} of {held:+.1f} kW", eur_per_mwh=worth))
    for i in np.flatnonzero(case.limits.point == point):
        bounds = (
            ("import", case.limits.import_kw[i, isp], shadow.limit_import_eur_per_mwh[i, isp]),
            ("export", case.limits.export_kw[i, isp], shadow.limit_export_eur_per_mwh[i, isp]),
        )
        for way, bound, worth in bounds:
            if worth > _BINDING:
                causes.append(Cause(what=f"{way} limit of {abs(bound):.1f} kW", eur_per_mwh=float(worth)))
    return causes


def _reserved(solved: Solved, address: str, isp: int) -> dict[str, float]:
    case = solved.named.case
    if address not in case.points:
        return {}
    rows = np.flatnonzero(case.reservations.point == case.points.index(address))
    return {case.reservations.name[k]: float(case.reservations.reserved_kw[k, isp]) for k in rows}


def causes(before: Solved, after: Solved, point: int, isp: int) -> tuple[Cause, ...]:
    """Return why a program changed in an ISP (from 0).

    The causes: reservations that changed, what binds now, what bound before, and the energy price.
    """
    address = after.named.case.points[point]
    old, new = _reserved(before, address, isp), _reserved(after, address, isp)
    was = before.named.case.points.index(address)
    found = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name, 0.0) != new.get(name, 0.0):
            rows = [k for k, n in enumerate(before.named.case.reservations.name) if n == name]
            worth = float(before.outcome.shadow.reservation_eur_per_mwh[rows[0], isp]) if rows else 0.0
            what = f"reservation {name} went from {old.get(name, 0.0):+.1f} to {new.get(name, 0.0):+.1f} kW"
            found.append(Cause(what=what, eur_per_mwh=worth))
    found += binding(after, point, isp)
    now_bound = {c.what for c in found}
    found += [
        Cause(what=f"no longer bound by {c.what}", eur_per_mwh=c.eur_per_mwh)
        for c in binding(before, was, isp)
        if c.what not in now_bound and not any(c.what.startswith(f"reservation {n} ") for n in old)
    ]
    price = float(after.outcome.shadow.balance_eur_per_mwh[isp])
    found.append(Cause(what="energy price in the portfolio", eur_per_mwh=price))
    return tuple(found)


def earned_eur(after: Solved, isp: int, moved_kw: float) -> float:
    """Return what moving consumption by `moved_kw` in one ISP earns, in EUR, at the portfolio's energy price."""
    case = after.named.case
    return -moved_kw * case.isp_hours / 1000 * float(after.outcome.shadow.balance_eur_per_mwh[isp])


def point_change(before: Solved, after: Solved, address: str, threshold_w: int) -> PointChange | None:
    """Return the ISPs of a congestion point whose power differs by at least the threshold, or None."""
    point, was = after.named.case.points.index(address), before.named.case.points.index(address)
    new, old = np.rint(after.outcome.point_kw[point] * 1000), np.rint(before.outcome.point_kw[was] * 1000)
    isps = [
        IspChange(
            isp=int(t) + 1,
            before_w=int(old[t]),
            after_w=int(new[t]),
            earned_eur=earned_eur(after, int(t), float(new[t] - old[t]) / 1000),
            causes=causes(before, after, point, int(t)),
        )
        for t in np.flatnonzero(np.abs(new - old) >= threshold_w)
    ]
    return PointChange(address=address, isps=tuple(isps)) if isps else None


def change(predecessor: int, before: Solved, after: Solved, threshold_w: int) -> Change:
    """Return what changed: EUR per term of the objective, and W per congestion point and ISP."""
    old, new = before.outcome.terms_eur, after.outcome.terms_eur
    terms = {name: new.get(name, 0.0) - old.get(name, 0.0) for name in sorted(old.keys() | new.keys())}
    common = [a for a in after.named.case.points if a in before.named.case.points]
    found = (point_change(before, after, address, threshold_w) for address in common)
    return Change(predecessor=predecessor, terms_eur=terms, points=tuple(p for p in found if p is not None))
