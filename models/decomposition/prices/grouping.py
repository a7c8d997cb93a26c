"""Groups the units of a case that are priced alike, and finds the congestion points that are priced.

A congestion point is *priced* when a limit, a reservation or an announced program gives its program a price of its own.
A group is the units of one kind at one priced point, or a share of the units of a kind at all other points; units with
a called program form groups of their own for it.
Source: docs/explanation/optimisation.md §3.1.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.block import called_units, reserved_points
from models.case import NO_TARIFF, Bools, Case, Floats, Ints
from models.connection_costs import tariff_shape
from models.connection_loads import may_bind
from models.decomposition.joint.connections import JointConnections, joint_connections, shared, without_joint
from models.decomposition.joint.shared import Shared
from models.decomposition.prices.places import Places, find_places
from models.decomposition.tuning import DEFAULT
from models.errors import CaseError
from models.markets.registry import MARKETS
from models.resources.protocols import ResourceClass
from models.resources.registry import BY_NAME, PRICED
from models.response import Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Units of one class in one scenario, with the rows of prices that they see and the group of each."""

    resource: ResourceClass
    called: bool
    units: Ints  # (U,) positions within the class
    rows: Rows  # (U,)


@dataclass(frozen=True, kw_only=True, eq=False)
class JointBatch:
    """Connections that answer as a whole in one scenario, with the rows of prices that they see and their groups."""

    called: bool
    connections: JointConnections
    shared: Shared
    rows: Rows  # of connections (M,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """Sets of groups that priced points and connection limits connect; beside them only the portfolio's prices do."""

    count: int  # B
    of_point: Ints  # (N,) the block of each priced point
    of_sum: Ints  # (2S,) of each sum at connections, import then export, −1 where nobody counts there
    of_group: Ints  # (G,) −1 for groups that see the portfolio's prices only


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouping:
    """The G groups and their units.

    Rows of power prices: the N priced points, then all other units (none of them is called), then the places.
    """

    priced_points: Ints  # (N,) index into Case.points
    batches: tuple[Batch, ...]
    joint: tuple[JointBatch, ...]  # their groups follow those of the batches
    group_called: Bools  # (G,) whether its programs are called ones
    group_point: Ints  # (G,) index into `priced_points`, −1 for none
    group_reserved: Bools  # (G,) whether it lies at a reserved congestion point
    group_may_hold: Bools  # (G,) whether its units may hold reserve
    group_place: Ints  # (G,) index into `places`, −1 for units whose connection has no price of its own
    group_balance: Ints  # (G,) the row of the balance: its balancing group
    places: Places
    blocks: Blocks

    def paths(self) -> tuple[Ints, Ints]:
        """Return the sums at connections that groups count at, group after group, and where each one's begin (G+1,)."""
        return _paths(self.places, self.group_place, self.group_called)

    @property
    def price_rows(self) -> int:
        """Return the number of rows of power prices: priced points, all other units, and places."""
        return len(self.priced_points) + 1 + len(self.places.point)


def priced_points(case: Case) -> Bools:
    """Return whether each congestion point (C,) has a price of its own."""
    priced = np.zeros(len(case.points), dtype=np.bool_)
    for market in MARKETS:
        if market.priced_points is not None:
            priced |= market.priced_points(case)
    return priced


def _kinds(case: Case, resource: ResourceClass, able: Bools) -> Ints:
    """Return the kind 0..15 of each unit (U,); units of a kind answer alike."""
    kinds = able.astype(np.int64)
    return kinds if resource.kinds is None else kinds + 2 * resource.kinds(case)


def may_hold(case: Case, resource: ResourceClass) -> Bools:
    """Return whether each unit (U,) of a class may hold reserve."""
    if resource.reserving is None or not case.reserves:
        return np.zeros(resource.count(case), dtype=np.bool_)
    return np.asarray(resource.reserving.reserve_kw(case) > 0, dtype=np.bool_)


@dataclass(kw_only=True, eq=False)
class _Members:
    """Puts members (units or connections) into groups, and records what each group is."""

    case: Case
    number_of: Ints
    shares: int
    reserved: Bools
    priced: int
    plain: Bools  # (M+1,) of places; the last stands for none
    total: int = 0
    called: list[Any] = field(default_factory=list)
    numbers: list[Any] = field(default_factory=list)
    at_reserved: list[Any] = field(default_factory=list)
    reserving: list[Any] = field(default_factory=list)
    at_place: list[Any] = field(default_factory=list)

    def add(
        self, point: Ints, kind: Ints, able: Bools, shares: Ints, place: Ints, *, called: bool, most: int = 0
    ) -> Rows:
        """Group members (n,) by kind 0..15 and place, priced point or share; return their rows.

        With `most`, a group has at most so many members; 0: any number.
        """
        number = self.number_of[point]
        share = np.where(number >= 0, number, self.priced + shares)
        share = np.where(place >= 0, self.priced + self.shares + place, share)
        plain = (place >= 0) & self.plain[place]  # these see no prices of congestion points or connections
        share = np.where(plain, self.priced + self.shares + len(self.plain) - 1 + place * self.shares + shares, share)
        key = share * 16 + kind
        if most:
            order = np.argsort(key, kind="stable")
            rank = np.empty(len(key), dtype=np.int64)
            rank[order] = np.arange(len(key)) - np.searchsorted(key[order], key[order])
            key = key * len(key) + rank // most
        keys, group = np.unique(key, return_inverse=True)
        first = np.searchsorted(np.sort(group), np.arange(len(keys)))
        of_group = np.argsort(group, kind="stable")[first]  # one member of each group
        self.called.append(np.full(len(keys), called))
        self.numbers.append(number[of_group])
        self.at_reserved.append(self.reserved[point[of_group]])
        self.reserving.append(able[of_group])
        self.at_place.append(place[of_group])
        held = np.zeros(len(point), dtype=np.int64) if called else self.reserved[point].astype(np.int64)
        rows = Rows(
            power=np.where(place >= 0, self.priced + 1 + place, np.where(number >= 0, number, self.priced)),
            held=np.where(place >= 0, (1 if called else 2) + place, held),
            total=group + self.total,
        )
        self.total += len(keys)
        return rows

    def joined(self, name: str) -> Any:
        """Return one field of all groups (G,)."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *getattr(self, name)])


def _places_of(joint: JointConnections, place_of: dict[str, Ints]) -> Ints:
    """Return the place of each connection (M,), which is that of its devices."""
    place = np.full(joint.count, -1)
    for name, units, at in joint.by_class():
        if name in place_of:
            place[np.repeat(np.arange(joint.count), np.diff(at))] = place_of[name][units]
    return place


def _shares(case: Case, resource: ResourceClass, units: Ints, kind: Ints, count: int) -> Ints:
    """Return the share 0..count−1 of each unit (n,) of a class at an unpriced point."""
    if resource.shares is None or not len(units):
        return np.arange(len(units)) % count
    return resource.shares(case, units, kind, count)


def group_units(
    case: Case, unpriced_groups: int = DEFAULT.pool.unpriced_groups, *, alone: bool = False
) -> Grouping:  # fmt: skip
    """Return the groups of a case; units of one kind at unpriced points are dealt into `unpriced_groups` groups.

    With `alone` no connection answers as a whole: what its devices share has prices of its own.
    Raises CaseError where a market's cost is not a sum over ISPs. Source: docs/explanation/optimisation.md §3.1.
    """
    for market in MARKETS:
        if market.whole_only(case):
            raise CaseError(f"{market.name}: only the reference formulation plans it; choose that method")
    priced = np.flatnonzero(priced_points(case))
    number_of = np.full(len(case.points) + 1, -1, dtype=np.int64)
    number_of[priced] = np.arange(len(priced))
    reserved = reserved_points(case)
    binding, shape = may_bind(case), tariff_shape(case)
    joint = joint_connections(case, binding, shape)
    if alone:
        joint = joint.only(np.zeros(joint.count, dtype=np.bool_))
    others = without_joint(binding, shape, joint, case) if joint.count else (binding, shape)
    places, place_of = find_places(case, number_of, reserved, *others, joint.tariff[joint.tariff != NO_TARIFF])
    members = _Members(
        case=case, number_of=number_of, shares=unpriced_groups, reserved=reserved, priced=len(priced),
        plain=places.plain,
    )  # fmt: skip
    batches, joint_batches = list[Batch](), list[JointBatch]()
    for is_called in (False, True):
        for resource in PRICED:
            point = resource.arrays(case).point
            single = np.ones(len(point), dtype=np.bool_)
            single[joint.units(resource.name)] = False
            units = np.flatnonzero(single & called_units(case, point) if is_called else single)
            if not len(units):
                continue
            able = may_hold(case, resource)
            kind = _kinds(case, resource, able)
            shares = _shares(case, resource, units, kind[units], unpriced_groups)
            place = place_of[resource.name][units] if place_of else np.full(len(units), -1)
            rows = members.add(point[units], kind[units], able[units], shares, place, called=is_called)
            batches.append(Batch(resource=resource, called=is_called, units=units, rows=rows))
    for is_called in (False, True):
        some = joint.only(called_units(case, joint.point)) if is_called else joint
        if some.count:
            place = _places_of(some, place_of)
            rows = members.add(
                some.point, some.holds.astype(np.int64), some.holds, np.arange(some.count) % unpriced_groups, place,
                called=is_called, most=-(-some.count // DEFAULT.joint.groups),
            )  # fmt: skip
            of = shared(case, binding, shape, some, called=is_called)
            joint_batches.append(JointBatch(called=is_called, connections=some, shared=of, rows=rows))

    group_point, group_place = members.joined("numbers"), members.joined("at_place")
    group_called = members.joined("called").astype(np.bool_)
    return Grouping(
        priced_points=priced,
        batches=tuple(batches),
        joint=tuple(joint_batches),
        group_called=group_called,
        group_point=group_point,
        group_reserved=members.joined("at_reserved").astype(np.bool_),
        group_may_hold=members.joined("reserving").astype(np.bool_),
        group_place=group_place,
        group_balance=np.where(group_place >= 0, np.append(places.balance, 0)[group_place], 0),
        places=places,
        blocks=_blocks(len(priced), places, group_point, _paths(places, group_place, group_called)),
    )


def _paths(places: Places, group_place: Ints, group_called: Bools) -> tuple[Ints, Ints]:
    counts, found = (places.planned, places.called), list[Ints]()
    for place, called in zip(group_place.tolist(), group_called.tolist(), strict=True):
        if place >= 0:
            rows = counts[int(called)]
            found.append(rows.indices[rows.indptr[place] : rows.indptr[place + 1]])
        else:
            found.append(np.zeros(0, dtype=np.int64))
    begins = np.cumsum([0, *(len(path) for path in found)], dtype=np.int64)
    return begins, np.concatenate([np.zeros(0, dtype=np.int64), *found]).astype(np.int64)


def _blocks(points: int, places: Places, group_point: Ints, paths: tuple[Ints, Ints]) -> Blocks:
    """Return what groups connect; without connection limits, every priced point is a block of its own."""
    begins, path = paths
    sums, group = places.sums, np.repeat(np.arange(len(group_point)), np.diff(begins))
    first = np.where(group_point >= 0, group_point, -1)
    has = np.diff(begins) > 0
    first[~(first >= 0) & has] = points + path[begins[:-1][~(first >= 0) & has]]
    pairs = sparse.coo_array((np.ones(len(path)), (first[group], points + path)), shape=(points + sums, points + sums))
    _, label = csgraph.connected_components(pairs, directed=False)
    met = np.zeros(sums, dtype=np.bool_)
    met[path] = True
    known = np.concatenate([label[:points], label[points:][met]])
    kept = np.unique(known)
    of_sum = np.where(met, np.searchsorted(kept, label[points:]), -1)
    return Blocks(
        count=len(kept),
        of_point=np.searchsorted(kept, label[:points]),
        of_sum=np.concatenate([of_sum, of_sum]),
        of_group=np.where(first >= 0, np.searchsorted(kept, label[first]), -1) if len(label) else first,
    )


def span_kw(case: Case, grouping: Grouping) -> Floats:
    """Return the rough width (G,), kW, of the range of each group's power in one ISP; it scales the steps of prices."""
    result = np.zeros(len(grouping.group_point))
    for batch in grouping.batches:
        if batch.resource.width_kw is not None:
            np.add.at(result, batch.rows.total, batch.resource.width_kw(case)[batch.units])
    for joint in grouping.joint:
        for name, units, at in joint.connections.by_class():
            width = BY_NAME[name].width_kw
            if width is not None:
                np.add.at(result, np.repeat(joint.rows.total, np.diff(at)), width(case)[units])
    return result
