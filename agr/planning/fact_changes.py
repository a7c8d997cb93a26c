"""Which facts differ between the cases of two plans: outages, forecasts, what was measured, entries, prices. Pure.

Found by comparing the arrays of both cases unit by unit, so that a fact is named whatever brought it in.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.domain.faults import number_of
from agr.domain.plan import Cause
from agr.planning.case import NamedCase
from models.case import NO_POINT, UNIT_CLASSES, Case

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_POWER = {"program_kw", "forecast_kw"}
_FORECAST = {"demand_kwh", "charge_efficiency"}
_NOT_FACTS = {
    "point", "pinned_kw", "pinned_on", "end_value_eur_per_kwh", "worth_step_eur_per_kwh", "worth_from_kwh",
    "worth_zero_kwh", "later_eur",
}  # fmt: skip
"""Fields of a case that follow from the time or from prices, whose changes are named themselves. Fields named
`unmanaged_…` are left out likewise."""
_SHOWN = 8
"""Most changed facts that are named in one place."""
_SLACK = 1e-9
_AT_ONCE = 4096
"""Units compared at one time: their arrays are copied, and each of a million units has a hundred numbers."""


@dataclass(frozen=True, kw_only=True)
class FactChanges:
    """What changed: in the whole portfolio, and by congestion point."""

    portfolio: tuple[Cause, ...] = ()
    points: Mapping[str, tuple[Cause, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Fact:
    """One fact of a resource that changed."""

    address: str  # of its congestion point; empty: in none
    kind: str  # what is counted in the whole portfolio
    words: str


def fact_changes(
    before: NamedCase, after: NamedCase, off_before: Mapping[str, int], off_after: Mapping[str, int]
) -> FactChanges:
    """Return the facts that changed; `off_…`: resource → ISP (from 0) from which an operator marked it unavailable.

    A part of a portfolio is replanned only where nothing but reservations has changed; those are named by ISP.
    """
    if after.case.remainder is not None:
        return FactChanges()
    found = [*_outages(before, after, off_before, off_after)]
    marked = off_before.keys() ^ off_after.keys() | {r for r in off_after if off_before.get(r) != off_after[r]}
    for name in UNIT_CLASSES:
        found += _of_class(name, before, after, marked)
    counts: dict[str, int] = {}
    points: dict[str, list[str]] = {}
    for fact in found:
        counts[fact.kind] = counts.get(fact.kind, 0) + 1
        points.setdefault(fact.address, []).append(fact.words)
    return FactChanges(
        portfolio=(
            *_markets(before.case, after.case), *(Cause(what=f"{kind}: {count}") for kind, count in counts.items()),
        ),
        points={address: _causes(words) for address, words in points.items() if address},
    )  # fmt: skip


def _causes(words: list[str]) -> tuple[Cause, ...]:
    more = [f"and {len(words) - _SHOWN} more facts"] if len(words) > _SHOWN else []
    return tuple(Cause(what=what) for what in (*words[:_SHOWN], *more))


def _outages(
    before: NamedCase, after: NamedCase, off_before: Mapping[str, int], off_after: Mapping[str, int]
) -> Iterator[_Fact]:
    places = {r: at for named in (before, after) for name in UNIT_CLASSES for r, at in _places_of(name, named).items()}
    for name in sorted(off_before.keys() | off_after.keys()):
        since, was = off_after.get(name), off_before.get(name)
        if since is not None and since != was:
            words = f"{name} was marked unavailable from ISP {since + 1}"
            yield _Fact(address=places.get(name, ""), kind="resources marked unavailable", words=words)
        elif since is None:
            yield _Fact(
                address=places.get(name, ""), kind="resources available again", words=f"{name} is available again"
            )


def _of_class(name: str, before: NamedCase, after: NamedCase, marked: Collection[str]) -> Iterator[_Fact]:
    """Yield what changed about the units of a class, those whose availability has changed left out."""
    old: Any = before.case.units(name)
    new: Any = after.case.units(name)
    where, was = _places_of(name, after), _places_of(name, before)
    rows = {resource: row for row, resource in enumerate(before.of(name)) if resource not in marked}
    names = [resource for resource in after.of(name) if resource not in marked]
    yield from (
        _Fact(address=where[r], kind="resources that joined", words=f"{r} joined") for r in names if r not in rows
    )
    yield from (_Fact(address=was[r], kind="resources that left", words=f"{r} left") for r in rows if r not in where)
    here = np.array([row for row, r in enumerate(after.of(name)) if r in rows], dtype=np.int64)
    there = np.array([rows[r] for r in after.of(name) if r in rows], dtype=np.int64)
    entered: dict[str, str] = {}
    for one in fields(new):
        if one.name in _NOT_FACTS or one.name.startswith("unmanaged_"):
            continue
        for row, a, b in _changed(getattr(old, one.name), getattr(new, one.name), there, here):
            resource = after.of(name)[row]
            said = _said(one.name, resource, a, b)
            if said is None:
                entered[resource] = where[resource]
            else:
                yield _Fact(address=where[resource], kind=said[0], words=said[1])
    for resource, address in entered.items():
        yield _Fact(address=address, kind="changed entries of resources", words=f"facts about {resource} changed")


def _changed(old: Floats, new: Floats, there: Ints, here: Ints) -> Iterator[tuple[int, Floats, Floats]]:
    """Yield row in `new`, values before and values now of the units that differ; a few at a time, to save memory."""
    for first in range(0, len(here), _AT_ONCE):
        rows = here[first : first + _AT_ONCE]
        a, b = _alike(old[there[first : first + _AT_ONCE]], new[rows])
        for i in np.flatnonzero(_differ(a, b).any(axis=1)).tolist():
            yield int(rows[i]), a[i], b[i]


def _places_of(name: str, named: NamedCase) -> dict[str, str]:
    points = named.case.units(name).point.tolist()
    return {
        resource: "" if point == NO_POINT else named.case.points[point]
        for resource, point in zip(named.of(name), points, strict=True)
    }


def _alike(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return both as tables (U,K) of the same width, filled with NaN."""
    a, b = (np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in (a, b))
    wide = max(a.shape[1], b.shape[1])
    a, b = (np.broadcast_to(x, (len(x), wide)) if x.shape[1] == 1 else _filled(x, wide) for x in (a, b))
    return a, b


def _filled(values: Floats, wide: int) -> Floats:
    found = np.full((len(values), wide), np.nan)
    found[:, : values.shape[1]] = values
    return found


def _differ(a: Floats, b: Floats) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):  # infinite bounds
        near = (a == b) | (np.abs(a - b) <= _SLACK * (1 + np.abs(a))) | (np.isnan(a) & np.isnan(b))
    return np.asarray(~near, dtype=np.bool_)


def _said(what: str, resource: str, a: Floats, b: Floats) -> tuple[str, str] | None:
    """Return the kind and the words of a change of one field; None for what was entered for a resource."""
    apart = _differ(a[None], b[None])[0]
    isps = number_of(int(apart.sum()), "ISP")
    if what in _POWER:
        largest = int(np.where(apart, np.abs(b - a), -1.0).argmax())
        return "changed forecasts", (
            f"the forecast of {resource} differs in {isps}, most in ISP {largest + 1}: {b[largest]:,.1f} kW, "
            f"before {a[largest]:,.1f}"
        )
    if what in _FORECAST:
        return "changed forecasts", f"the forecast of {resource} differs in {isps}"
    if what == "energy_start_kwh":
        return "other states at the beginning", f"{resource} begins the day with {b[0]:,.1f} kWh, before {a[0]:,.1f}"
    if what == "before":
        return "other states at the beginning", f"{resource} begins the day in another state"
    return None


def _markets(before: Case, after: Case) -> Iterator[Cause]:
    yield from _price("day-ahead prices", before.day_ahead.price_eur_per_mwh, after.day_ahead.price_eur_per_mwh)
    yield from _price("intraday buying prices", before.intraday.buy_eur_per_mwh, after.intraday.buy_eur_per_mwh)
    yield from _price("intraday selling prices", before.intraday.sell_eur_per_mwh, after.intraday.sell_eur_per_mwh)
    yield from _trades(before, after)
    yield from _groups(before, after)
    free, fixed = np.isnan(before.day_ahead.committed_kw), ~np.isnan(after.day_ahead.committed_kw)
    if (free & fixed).any():
        yield Cause(what="the day-ahead position was fixed")
    both = ~np.isnan(before.day_ahead.committed_kw) & fixed if free.shape == fixed.shape else np.zeros(0, dtype=bool)
    if both.any():
        more = (after.day_ahead.committed_kw - before.day_ahead.committed_kw)[both]
        isps = int(np.count_nonzero(np.abs(more) > _SLACK))
        if isps:
            energy = float(more.sum()) * after.isp_hours / 1000
            yield Cause(what=f"the day-ahead position changed by {energy:+z.3f} MWh in {number_of(isps, 'ISP')}")
    known = {reserve.name: reserve for reserve in before.reserves}
    for reserve in after.reserves:
        old = known.get(reserve.name)
        if old is None or len(old.committed_mw) != len(reserve.committed_mw):
            continue
        if _differ(old.committed_mw[None], reserve.committed_mw[None]).any():
            awarded = ", ".join("free" if np.isnan(mw) else f"{mw:g}" for mw in reserve.committed_mw)
            yield Cause(what=f"{reserve.name} was awarded, MW per block: {awarded}")
        if _differ(old.price_eur_per_mw[None], reserve.price_eur_per_mw[None]).any():
            yield Cause(what=f"prices of {reserve.name} differ")


def _groups(before: Case, after: Case) -> Iterator[Cause]:
    """Yield that other balance responsible parties are balanced by themselves."""
    old, new = (" and ".join(one.balancing_groups.name) or "all together" for one in (before, after))
    if old != new:
        yield Cause(what=f"balanced by themselves: {new}; before: {old}")


def _trades(before: Case, after: Case) -> Iterator[Cause]:
    """Yield what was traded intraday since."""
    if len(before.intraday.known_kw) != len(after.intraday.known_kw):
        return
    more = after.intraday.known_kw - before.intraday.known_kw
    isps = int(np.count_nonzero(np.abs(more) > _SLACK))
    if isps:
        energy = float(more.sum()) * after.isp_hours / 1000
        yield Cause(what=f"intraday trades changed by {energy:+z.3f} MWh in {number_of(isps, 'ISP')}")


def _price(what: str, old: Floats, new: Floats) -> Iterator[Cause]:
    apart = _differ(old[None], new[None])[0] if old.shape == new.shape else np.zeros(0, dtype=bool)
    if apart.any():
        most = int(np.where(apart, np.abs(new - old), -1.0).argmax())
        words = f"{what} differ in {number_of(int(apart.sum()), 'ISP')}, most in ISP {most + 1}"
        yield Cause(what=words, eur_per_mwh=float(new[most]), before_eur_per_mwh=float(old[most]))
