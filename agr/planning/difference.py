"""What a plan changed against its predecessor, what caused it, and what it earned. Pure.

Euros add up: what new facts changed in the worth of the program before, plus what was earned by changing the program,
congestion point by congestion point and elsewhere, is the difference between both plans, term by term.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agr.domain.plan import ENERGY, Cause, Change, IspChange, PointChange
from agr.planning.case import NamedCase
from agr.planning.fact_changes import fact_changes
from agr.planning.paying import peaks_made
from models.case import UNIT_CLASSES
from models.outcome import Outcome

PORTFOLIO_PRICE = "energy price in the portfolio"

_SHOWN = 3
"""Most limits of connections and groups that are named in one ISP."""
_KEPT_KW = 1e-3
"""An order binds where the program is within this many kW of its bound."""
_BINDING = 1e-3
"""A shadow price below this, in EUR/MWh, is numerical noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """A case with its outcome."""

    named: NamedCase
    outcome: Outcome

    @cached_property
    def drawn_kw(self) -> NDArray[np.float64]:
        """What each connection with a tariff draws (N,T), kW."""
        from models.connection_costs import drawn_kw

        return drawn_kw(self.named.case, self.outcome.programs)

    @cached_property
    def at_limits_kw(self) -> NDArray[np.float64]:
        """What is drawn at each limit of a connection or group (L,T), kW, reserve that is held not counted."""
        from models.connection_loads import drawn_kw

        found = drawn_kw(self.named.case, self.outcome.programs, None)
        return found[0] if found else np.zeros((0, self.named.case.isps))


def begun_from(before: Solved | None, named: NamedCase) -> NamedCase:
    """Return the case with the dual prices of an earlier plan to start from, where that plan has any that still fit.

    A new congestion point starts from prices of zero, and so do all connection limits where one of them is new.
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
    same = before.named.case.connection_limits.name == named.case.connection_limits.name
    connections = duals.connections if same else np.zeros((0, 0))
    start = replace(duals, program=program, call=call, connections=connections)
    return replace(named, case=replace(named.case, start=start))


def binding(solved: Solved, point: int, isp: int) -> list[Cause]:
    """Return the limits and reservations that bind at a congestion point (index) in an ISP (from 0), and its peaks."""
    connections = _at_connections(solved, point, isp)
    return [*binding_at_point(solved, point, isp), *connections, *peaks_made(solved, point, isp)]


def binding_at_point(solved: Solved, point: int, isp: int) -> list[Cause]:
    """Return the reservations, limits and orders of a congestion point (index) itself that bind in an ISP (from 0)."""
    case, shadow = solved.named.case, solved.outcome.shadow
    causes = []
    for k in np.flatnonzero(case.reservations.point == point):
        worth = float(shadow.reservation_eur_per_mwh[k, isp])
        if worth > _BINDING:
            held = case.reservations.reserved_kw[k, isp]
            causes.append(Cause(what=f"reservation {case.reservations.name[k]} of {held:+z.1f} kW", eur_per_mwh=worth))
    for i in np.flatnonzero(case.limits.point == point):
        bounds = (
            ("import", case.limits.import_kw[i, isp], shadow.limit_import_eur_per_mwh[i, isp]),
            ("export", case.limits.export_kw[i, isp], shadow.limit_export_eur_per_mwh[i, isp]),
        )
        for way, bound, worth in bounds:
            if worth > _BINDING:
                causes.append(Cause(what=f"{way} limit of {abs(bound):.1f} kW", eur_per_mwh=float(worth)))
    return [*causes, *_ordered(solved, point, isp)]


def _ordered(solved: Solved, point: int, isp: int) -> Iterator[Cause]:
    """Yield the orders of flexibility that the program at a congestion point just meets, or misses."""
    orders, power = solved.named.case.orders, solved.outcome.point_kw[point, isp]
    for o in np.flatnonzero(orders.point == point).tolist():
        for words, bound, beyond in (
            ("at most", orders.most_kw[o, isp], power - orders.most_kw[o, isp]),
            ("at least", orders.least_kw[o, isp], orders.least_kw[o, isp] - power),
        ):
            if np.isfinite(bound) and beyond > -_KEPT_KW:
                yield Cause(what=f"order {orders.name[o]}: {words} {bound:.1f} kW")


def _at_connections(solved: Solved, point: int, isp: int) -> Iterator[Cause]:
    """Yield the limits of connections and groups at a congestion point that bind, the highest worth first."""
    here = np.flatnonzero(solved.named.case.connection_limits.point == point)
    yield from limits_that_bind(solved, here.tolist(), isp)


def limits_that_bind(solved: Solved, here: Collection[int], isp: int) -> Iterator[Cause]:
    """Yield those of some limits of connections and groups that bind in an ISP (from 0), the highest worth first."""
    limits, shadow = solved.named.case.connection_limits, solved.outcome.shadow
    found: list[tuple[float, str]] = []
    for way, bound, worth in (
        ("import", limits.import_kw, shadow.connection_import_eur_per_mwh),
        ("export", limits.export_kw, shadow.connection_export_eur_per_mwh),
    ):
        found += [
            (float(worth[i, isp]), f"{way} limit of {limits.name[i]}, {abs(bound[i, isp]):.2f} kW")
            for i in here
            if len(worth) and worth[i, isp] > _BINDING
        ]
    found.sort(reverse=True)
    yield from (Cause(what=what, eur_per_mwh=worth) for worth, what in found[:_SHOWN])
    if len(found) > _SHOWN:
        yield Cause(what=f"limits of {len(found) - _SHOWN} more connections or groups")


def _reserved(solved: Solved, address: str, isp: int) -> dict[str, float]:
    case = solved.named.case
    if address not in case.points:
        return {}
    rows = np.flatnonzero(case.reservations.point == case.points.index(address))
    return {case.reservations.name[k]: float(case.reservations.reserved_kw[k, isp]) for k in rows}


def _limits(solved: Solved, address: str, isp: int) -> dict[str, float]:
    case = solved.named.case
    if address not in case.points:
        return {}
    rows = case.limits.point == case.points.index(address)
    upper, lower = case.limits.import_kw[rows, isp], case.limits.export_kw[rows, isp]
    return {"import": float(upper.min(initial=np.inf)), "export": -float(lower.max(initial=-np.inf))}


def _kw(value: float) -> str:
    return f"{value:.1f} kW" if np.isfinite(value) else "none"


def causes(before: Solved, after: Solved, point: int, isp: int) -> tuple[Cause, ...]:
    """Return why a program changed in an ISP (from 0).

    The causes: reservations and limits that changed, what binds now, what bound before, and prices.
    """
    address = after.named.case.points[point]
    old, new = _reserved(before, address, isp), _reserved(after, address, isp)
    was = before.named.case.points.index(address)
    found = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name, 0.0) != new.get(name, 0.0):
            rows = [k for k, n in enumerate(before.named.case.reservations.name) if n == name]
            worth = float(before.outcome.shadow.reservation_eur_per_mwh[rows[0], isp]) if rows else 0.0
            what = f"reservation {name} went from {old.get(name, 0.0):+z.1f} to {new.get(name, 0.0):+z.1f} kW"
            found.append(Cause(what=what, eur_per_mwh=worth))
    bounds_before, bounds = _limits(before, address, isp), _limits(after, address, isp)
    found += [
        Cause(what=f"{way} limit went from {_kw(bounds_before[way])} to {_kw(bound)}")
        for way, bound in bounds.items()
        if bounds_before and bounds_before[way] != bound
    ]
    found += binding(after, point, isp)
    now_bound = {c.what for c in found}
    found += [
        Cause(what=f"no longer bound by {c.what}", eur_per_mwh=c.eur_per_mwh)
        for c in binding(before, was, isp)
        if c.what not in now_bound and not any(c.what.startswith(f"reservation {n} ") for n in old)
    ]
    return (*found, *_prices(before, was, after, point, isp))


def _prices(before: Solved, was: int, after: Solved, point: int, isp: int) -> Iterable[Cause]:
    old, new = (float(s.named.case.day_ahead.price_eur_per_mwh[isp]) for s in (before, after))
    if abs(new - old) > _BINDING:
        yield Cause(what="day-ahead price", eur_per_mwh=new, before_eur_per_mwh=old)
    old, new = (float(energy_price(s, p)[isp]) for s, p in ((before, was), (after, point)))
    yield Cause(what=PORTFOLIO_PRICE, eur_per_mwh=new, before_eur_per_mwh=old)


def energy_price(solved: Solved, point: int) -> NDArray[np.float64]:
    """Return what energy is worth (T,), EUR/MWh, at a congestion point: in the balancing groups of its resources."""
    case = solved.named.case
    here = [case.balanced_in(name)[case.units(name).point == point] for name in UNIT_CLASSES]
    return _in_groups(solved, np.concatenate(here))


def energy_price_of(solved: Solved, resources: Collection[str]) -> NDArray[np.float64]:
    """Return what energy is worth (T,), EUR/MWh, to some resources."""
    case = solved.named.case
    found = (
        [
            case.balanced_in(name)[row]
            for name in UNIT_CLASSES
            for row, resource in enumerate(solved.named.of(name))
            if resource in resources
        ]
        if case.balancing_groups.name
        else []
    )
    return _in_groups(solved, np.array(found, dtype=np.int64))


def _in_groups(solved: Solved, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the prices of balancing groups (n,); the portfolio's where there are none."""
    shadow = solved.outcome.shadow
    if not solved.named.case.balancing_groups.name or not len(groups):
        return shadow.balance_eur_per_mwh
    return np.asarray(shadow.group_balance_eur_per_mwh[groups].mean(axis=0))


def earned_eur(after: Solved, point: int, isp: int, moved_kw: float) -> float:
    """Return what moving consumption at a congestion point by `moved_kw` in one ISP earns there, EUR, by its energy."""
    case = after.named.case
    return -moved_kw * case.isp_hours / 1000 * float(energy_price(after, point)[isp])


def point_change(
    before: Solved, after: Solved, address: str, threshold_w: int, kept: Outcome | None = None
) -> PointChange | None:
    """Return the ISPs of a congestion point whose power differs by at least the threshold, or None.

    `kept` is the program before, evaluated in the case after; without it, terms are compared with those before.
    """
    point, was = after.named.case.points.index(address), before.named.case.points.index(address)
    new, old = np.rint(after.outcome.point_kw[point] * 1000), np.rint(before.outcome.point_kw[was] * 1000)
    isps = tuple(
        IspChange(
            isp=int(t) + 1,
            before_w=int(old[t]),
            after_w=int(new[t]),
            earned_eur=earned_eur(after, point, int(t), float(new[t] - old[t]) / 1000),
            causes=causes(before, after, point, int(t)),
        )
        for t in np.flatnonzero(np.abs(new - old) >= threshold_w)
    )
    if not isps:
        return None
    own = _own_eur(after.outcome, point)
    yardstick = _own_eur(before.outcome, was) if kept is None else _own_eur(kept, point)
    terms = _differences(own, yardstick) | {ENERGY: sum(one.earned_eur for one in isps)}
    return PointChange(address=address, isps=isps, terms_eur=terms)


def _own_eur(outcome: Outcome, point: int) -> dict[str, float]:
    """Return the terms that arise at a congestion point, without its energy, which the markets pay."""
    return {name: float(eur[point]) for name, eur in outcome.point_terms_eur.items() if name != "energy"}


def _differences(new: Mapping[str, float], old: Mapping[str, float]) -> dict[str, float]:
    return {name: new.get(name, 0.0) - old.get(name, 0.0) for name in sorted(new.keys() | old.keys())}


def change(
    predecessor: int, before: Solved, after: Solved, threshold_w: int, *, kept: Outcome | None = None,
    off_before: Mapping[str, int] | None = None, off_after: Mapping[str, int] | None = None,
) -> Change:  # fmt: skip
    """Return what changed: EUR per term of the objective, W per congestion point and ISP, and why.

    `kept` is the program before, evaluated in the case after, where that could be done. `off_before` and `off_after`:
    resource → ISP (from 0) from which it was marked unavailable.
    """
    terms = _differences(after.outcome.terms_eur, before.outcome.terms_eur)
    facts = {} if kept is None else _differences(kept.terms_eur, before.outcome.terms_eur)
    changed = fact_changes(before.named, after.named, off_before or {}, off_after or {})
    common = [a for a in after.named.case.points if a in before.named.case.points]
    found = (point_change(before, after, address, threshold_w, kept) for address in common)
    points = tuple(replace(point, causes=changed.points.get(point.address, ())) for point in found if point is not None)
    rest = {term: eur - facts.get(term, 0.0) for term, eur in terms.items()}
    for point in points:
        for term, eur in point.terms_eur.items():
            rest[term] = rest.get(term, 0.0) - eur
    return Change(
        predecessor=predecessor, terms_eur=terms, points=points, facts_eur=facts, rest_eur=rest,
        causes=changed.portfolio,
    )  # fmt: skip
