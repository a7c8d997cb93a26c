"""Finds the connections whose devices answer prices together, and what these devices share. Numpy only.

Such a connection has only stores and curtailable generation, all at one congestion point and in one balancing group.
The chain of limits and the tariff that count its devices count nothing else, and at least one of them may bind. Limits
around several connections keep prices of their own.
Source: docs/explanation/optimisation.md §3.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.case import NO_LIMIT, NO_TARIFF, Bools, Case, Floats, Ints
from models.connection_costs import TariffShape
from models.connection_costs import fixed_kw as fixed_tariffs_kw
from models.connection_loads import Binding
from models.connection_loads import fixed_kw as fixed_units_kw
from models.decomposition.joint.shared import Shared
from models.decomposition.tuning import DEFAULT, Joint
from models.headroom import has_margins, takes
from models.markets.connection_limits.trees import with_below
from models.reserve_room import SIDES
from models.resources.registry import PRICED

STORAGE, SOLAR = "storage", "curtailable"
"""The classes whose units answer prices together: this package states their one LP, and knows no other class."""


@dataclass(frozen=True, kw_only=True, eq=False)
class JointConnections:
    """M connections with their devices; the devices of a connection stand next to each other."""

    point: Ints  # (M,) congestion point
    stores: Ints  # (n,) units of storage
    store_at: Ints  # (M+1,) where those of each connection begin
    solars: Ints  # (n,) units of curtailable generation
    solar_at: Ints  # (M+1,)
    limits: Ints  # (l,) limits that are theirs alone
    limit_at: Ints  # (M+1,)
    tariff: Ints  # (M,) NO_TARIFF for none, or for one that is linear and so needs no joint answer
    holds: Bools  # (M,) whether a store may hold reserve

    @property
    def count(self) -> int:
        """Return M."""
        return len(self.point)

    def units(self, name: str) -> Ints:
        """Return the units (n,) of a class behind these connections."""
        return next((units for known, units, _ in self.by_class() if known == name), self.stores[:0])

    def by_class(self) -> tuple[tuple[str, Ints, Ints], ...]:
        """Return each class, its units (n,), and where those of each connection begin (M+1,)."""
        return (STORAGE, self.stores, self.store_at), (SOLAR, self.solars, self.solar_at)

    def only(self, some: Bools) -> "JointConnections":
        """Return some of the connections (M,)."""
        stores, solars, limits = (np.repeat(some, np.diff(at)) for at in (self.store_at, self.solar_at, self.limit_at))
        return JointConnections(
            point=self.point[some], stores=self.stores[stores], store_at=_begins(np.diff(self.store_at)[some]),
            solars=self.solars[solars], solar_at=_begins(np.diff(self.solar_at)[some]),
            limits=self.limits[limits], limit_at=_begins(np.diff(self.limit_at)[some]), tariff=self.tariff[some],
            holds=self.holds[some],
        )  # fmt: skip


def _begins(sizes: Ints) -> Ints:
    return np.append(0, np.cumsum(sizes)).astype(np.int64)


def joint_connections(
    case: Case, binding: Binding, shape: TariffShape, *, tuning: Joint = DEFAULT.joint
) -> JointConnections:
    """Return the connections whose devices answer together, given where limits and tariffs may bind.

    Stores that may hold reserve answer together only where that reserve needs no energy and the steps of bids are fine.
    The choice is the same for a part of a portfolio as for the whole: the bound of the part must not lie below its
    share of the bound of the whole.
    """
    coarse = any(reserve.step_mw > tuning.fine_mw for reserve in case.reserves)
    tariffs = np.zeros(len(case.connection_tariffs.name) + 1, dtype=np.bool_)  # NO_TARIFF reads the last one
    tariffs[shape.kinked] = True
    tariffs[case.connection_tariffs.peak_at[shape.peak_binds.any(axis=1)]] = True
    names = [resource.name for resource in PRICED]
    of_class = np.repeat(np.arange(len(names)), [len(case.units(name).point) for name in names])
    point = np.concatenate([case.units(name).point for name in names])
    leaf, tariff, group = (
        np.concatenate([of(name) for name in names]) for of in (case.leaf, case.tariff, case.balanced_in)
    )
    tariff = np.where(tariffs[tariff], tariff, NO_TARIFF)
    able = np.concatenate([_able(case, name, alone=coarse or has_margins(case)) for name in names])
    behind = np.flatnonzero((leaf != NO_LIMIT) | (tariff != NO_TARIFF))
    parts, key = np.unique(np.stack([point, leaf, tariff, group])[:, behind], axis=1, return_inverse=True)
    key, number = key.reshape(-1), np.full(len(point), -1)
    number[behind] = key
    size = np.bincount(key, minlength=parts.shape[1])
    paying = np.append(np.bincount(tariff[tariff != NO_TARIFF], minlength=len(tariffs) - 1), 0)
    kept = np.bincount(key, weights=able[behind], minlength=len(size)) == size
    kept &= (size <= tuning.most_units) & ((parts[2] == NO_TARIFF) | (paying[parts[2]] == size))
    chains = [
        _chain(case, below, binding) if good else []
        for below, good in zip(_below(case, leaf, parts[1], size), kept, strict=True)
    ]
    kept &= (parts[2] != NO_TARIFF) | np.array([len(chain) > 0 for chain in chains], dtype=np.bool_)
    order = np.flatnonzero(kept)
    place = np.full(len(kept) + 1, -1)
    place[order] = np.arange(len(order))
    stores, store_at = _devices(place[number], of_class == names.index(STORAGE), len(order))
    solars, solar_at = _devices(place[number], of_class == names.index(SOLAR), len(order))
    mine = [chains[k] for k in order.tolist()]
    holds = np.zeros(len(order), dtype=np.bool_)
    if case.reserves:
        at = np.repeat(np.arange(len(order)), np.diff(store_at))
        holds[at[case.storage.reserve_kw[stores] > 0]] = True
    return JointConnections(
        point=parts[0, order], stores=stores, store_at=store_at, solars=solars, solar_at=solar_at,
        limits=np.array([limit for chain in mine for limit in chain], dtype=np.int64),
        limit_at=_begins(np.array([len(chain) for chain in mine], dtype=np.int64)), tariff=parts[2, order], holds=holds,
    )  # fmt: skip


def _able(case: Case, name: str, *, alone: bool) -> Bools:
    """Return whether units (U,) of a class can answer together with others."""
    if name == STORAGE:
        data = case.storage
        return np.asarray((data.charge_min_kw <= 0) & ((data.reserve_kw <= 0) | (not (alone and case.reserves))))
    if name == SOLAR:
        return np.asarray((case.curtailable.reserve_kw <= 0) | (not case.reserves))
    return np.zeros(len(case.units(name).point), dtype=np.bool_)


def _below(case: Case, leaf: Ints, innermost: Ints, size: Ints) -> Iterator[list[int]]:
    """Yield for each connection, given its innermost limit (m,), the limits that count its units (m,) and no others."""
    limits = case.connection_limits
    count = with_below(limits, np.bincount(leaf[leaf != NO_LIMIT], minlength=len(limits.name)).astype(np.float64))
    for limit, units in zip(innermost.tolist(), size.tolist(), strict=True):
        found = list[int]()
        while limit != NO_LIMIT and count[limit] == units:
            found.append(limit)
            limit = int(limits.parent[limit])
        yield found


def _chain(case: Case, limits: list[int], binding: Binding) -> list[int]:
    return [limit for limit in limits if binding.imports[limit].any() or binding.exports[limit].any()]


def _devices(place: Ints, chosen: Bools, count: int) -> tuple[Ints, Ints]:
    """Return the chosen units of one class that have a place, by place, and where those of each place begin."""
    of = place[chosen]
    some = np.flatnonzero(of >= 0)
    some = some[np.argsort(of[some], kind="stable")]
    return some, _begins(np.bincount(of[some], minlength=count))


def without_joint(
    binding: Binding, shape: TariffShape, joint: JointConnections, case: Case
) -> tuple[Binding, TariffShape]:  # fmt: skip
    """Return what may bind, without what joint connections settle among their own devices."""
    others = np.ones((len(binding.imports), 1), dtype=np.bool_)
    others[joint.limits] = False
    settled = np.zeros(len(case.connection_tariffs.name), dtype=np.bool_)
    settled[joint.tariff[joint.tariff != NO_TARIFF]] = True
    peaks = settled[case.connection_tariffs.peak_at]
    reached = case.connection_tariffs.peak_reached_kw
    return Binding(imports=binding.imports & others, exports=binding.exports & others), TariffShape(
        linear_eur_per_kw=np.where(settled[:, None], 0.0, shape.linear_eur_per_kw),
        kink_eur_per_kw=np.where(settled[:, None], 0.0, shape.kink_eur_per_kw),
        level_low_kw=np.where(peaks, reached, shape.level_low_kw),
        level_high_kw=np.where(peaks, reached, shape.level_high_kw),
        peak_binds=shape.peak_binds & ~peaks[:, None],
    )


def shared(case: Case, binding: Binding, shape: TariffShape, joint: JointConnections, *, called: bool) -> Shared:
    """Return what the devices of each connection share, as compiled code reads it; called programs pay no tariff."""
    case = case.when_called() if called else case
    per_kw, limits, isps = case.isp_hours / 1000, case.connection_limits, case.isps
    draws = with_below(limits, fixed_units_kw(case))[joint.limits]
    most, least = (_rows(of, joint.limits, isps) for of in (limits.import_kw, limits.export_kw))
    rooms = (
        np.where(binding.imports[joint.limits], most - draws, np.inf),
        np.where(binding.exports[joint.limits], draws - least, np.inf),
    )
    paying = np.flatnonzero(joint.tariff != NO_TARIFF) if not called else joint.tariff[:0]
    tariff_of = np.full(joint.count, NO_TARIFF)
    tariff_of[paying] = np.arange(len(paying))
    tariff = joint.tariff[paying]
    tariffs, at = case.connection_tariffs, np.full(len(case.connection_tariffs.name) + 1, -1)
    at[tariff] = paying
    peaks = np.flatnonzero((at[tariffs.peak_at] >= 0) & shape.peak_binds.any(axis=1))
    peaks = peaks[np.argsort(at[tariffs.peak_at[peaks]], kind="stable")]
    data, sides = case.curtailable, [[float(takes(reserve, side)) for reserve in case.reserves] for side in SIDES]
    return Shared(
        store_at=joint.store_at, store=np.arange(len(joint.stores)), solar_at=joint.solar_at,
        solar_kw=_rows(data.forecast_kw, joint.solars, isps), solar_pinned_kw=_rows(data.pinned_kw, joint.solars, isps),
        solar_eur=(0.0 if called else 1.0) * data.cost_eur_per_mwh[joint.solars].astype(np.float64) * per_kw,
        limit_at=joint.limit_at, import_room_kw=np.ascontiguousarray(rooms[0]),
        export_room_kw=np.ascontiguousarray(rooms[1]),
        limit_eur=limits.penalty_eur_per_mwh[joint.limits] * per_kw, tariff_of=tariff_of,
        linear_eur=_rows(shape.linear_eur_per_kw, tariff, isps), kink_eur=_rows(shape.kink_eur_per_kw, tariff, isps),
        fixed_kw=_rows(fixed_tariffs_kw(case), tariff, isps),
        peak_at=_begins(np.bincount(at[tariffs.peak_at[peaks]], minlength=joint.count)),
        peak_eur=tariffs.peak_eur_per_kw[peaks], peak_reached_kw=tariffs.peak_reached_kw[peaks],
        peak_inside=_rows(shape.peak_binds, peaks, isps), up=np.array(sides[0]).reshape(-1),
        down=np.array(sides[1]).reshape(-1),
    )  # fmt: skip


def _rows(values: Any, some: Ints | slice, isps: int) -> Floats:
    """Return some rows, one value per ISP, in double precision."""
    wide = values.reshape(len(values), -1) if values.size else np.zeros((len(values), isps))
    return np.ascontiguousarray(np.broadcast_to(wide, (len(wide), isps))[some], dtype=np.float64)
