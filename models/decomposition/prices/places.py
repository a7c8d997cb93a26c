"""Places: units that see the same prices of connections on top of the price of their congestion point.

A unit sees the prices of every limit that counts it, added up along the tree, those of its connection's tariff and peak
charges, and, in a balancing group other than the first, a price of energy of its own. What cannot bind, whatever the
units do, has no price. Units that see the same prices share a place, so homes that cannot turn from import to export
share one for each tariff.
Source: docs/explanation/optimisation.md §3.1.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import NO_LIMIT, NO_TARIFF, Bools, Case, Floats, Ints
from models.connection_costs import TariffShape
from models.connection_loads import Binding
from models.headroom import takes
from models.markets.connection_limits.trees import called_limits, chains
from models.reserve_room import SIDES
from models.resources.registry import PRICED


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """M places and the S sums that have prices.

    All sums: at limits 0..L−1 as planned and L..2L−1 as called, at N tariffs, and at P peak charges. Most have no
    price: what cannot bind, and what connections settle among themselves.
    """

    point: Ints  # (M,) number of the priced congestion point, −1 for none
    balance: Ints  # (M,) balancing group
    groups: int  # number of balancing groups, at least 1
    reserved: Bools  # (M,) whether that point has a reservation
    rows: Ints  # (S,) which of all sums these are, in ascending order
    every: int  # number of all sums, 2L+N+P
    limits: int  # how many of the S are at limits; they come first
    planned: sparse.csr_array  # (M,S) 1 for each sum at which planned programs count
    called: sparse.csr_array  # (M,S) the same for called programs
    takes: Floats  # (2,R) 1 where a product takes the side up, and down
    binding: Binding  # where limits may bind
    tariffs: TariffShape
    own_eur_per_kw: Floats | None  # (M,T) the linear part of tariffs, which no search changes; None without tariffs

    @property
    def sums(self) -> int:
        """Return the number S of sums."""
        return len(self.rows)

    @property
    def plain(self) -> Bools:
        """Return whether each place (M,), and one more that stands for none, differs by its balancing group only."""
        sums = np.diff(self.planned.indptr) + np.diff(self.called.indptr)
        linear = np.zeros(len(self.point), dtype=np.bool_)
        if self.own_eur_per_kw is not None:
            linear = (self.own_eur_per_kw != 0).any(axis=1)
        return np.append((self.point < 0) & (sums == 0) & ~linear & (self.balance > 0), np.False_)

    @property
    def with_reserve(self) -> Bools:
        """Return whether reserve held counts at each sum (S,): at limits only, since nobody pays for what is held."""
        return np.arange(self.sums) < self.limits

    def of_all(self, values: Floats) -> Floats:
        """Return the rows (2S,T) of values (2·every,T) at all sums; both import, then export."""
        return np.concatenate([values[self.rows], values[self.every + self.rows]])

    def at_all(self, values: Floats) -> Floats:
        """Return values (2·every,T) at all sums, given those (2S,T), else zero; both import, then export."""
        result = np.zeros((2 * self.every, *values.shape[1:]))
        result[self.rows], result[self.every + self.rows] = values[: self.sums], values[self.sums :]
        return result

    def power_eur_per_kw(self, connections: Floats, *, called: bool) -> Floats:
        """Return what is added to the price of power (M,T), given the prices of sums (2S,T): import, then export.

        All prices are in EUR per kW of one ISP.
        """
        half, counts = self.sums, self.called if called else self.planned
        found = np.asarray(counts @ (connections[:half] + connections[half:]))
        return found if called or self.own_eur_per_kw is None else found + self.own_eur_per_kw

    def held_eur_per_kw(self, connections: Floats, *, called: bool) -> Floats:
        """Return what limits charge for reserve held (M,R,T), EUR per kW of one ISP.

        Import limits charge for reserve down, export limits for reserve up. connections (2S,T): prices of sums, import,
        then export.
        """
        half, rows, counts = self.sums, self.limits, (self.called if called else self.planned)[:, : self.limits]
        imports, exports = counts @ connections[:rows], counts @ connections[half : half + rows]
        up, down = self.takes[:, :, None]
        return np.asarray(down * imports[:, None] - up * exports[:, None])


def find_places(
    case: Case, number_of: Ints, reserved: Bools, binding: Binding, shape: TariffShape, settled: Ints
) -> tuple[Places, dict[str, Ints]]:
    """Return the places, and class → the place of each unit (U,), −1 for those with no price of their own.

    number_of, reserved (C+1,): the number of each congestion point among the priced ones, −1 for none, and whether it
    has a reservation. `binding` (where limits may bind) and `shape` (of tariffs) come without what connections settle
    among their own devices; the tariffs `settled` have no price.
    """
    limits, count = case.connection_limits, len(case.connection_limits.name)
    tariffs = case.connection_tariffs
    groups = max(len(case.balancing_groups.name), 1)
    priced = tuple(resource.name for resource in PRICED) if count or len(tariffs.name) or groups > 1 else ()
    active: Bools = np.asarray(binding.imports.any(axis=1) | binding.exports.any(axis=1))
    first = np.append(np.where(active, np.arange(count), NO_LIMIT), NO_LIMIT)  # innermost that may bind
    for limit in range(count - 1, -1, -1):
        if not active[limit]:
            first[limit] = first[limits.parent[limit]]
    alike = np.append(_alike(case, shape, settled), NO_TARIFF)
    wide = len(tariffs.name) + 1
    keys, where = np.zeros(0, dtype=np.int64), dict[str, Ints]()
    units = {
        name: (case.units(name).point, first[case.leaf(name)], alike[case.tariff(name)], case.balanced_in(name))
        for name in priced
    }

    def key(point: Ints, leaf: Ints, tariff: Ints, group: Ints) -> Ints:
        return np.asarray(((point * (count + 1) + leaf + 1) * wide + tariff + 1) * groups + group)

    def has_place(_point: Ints, leaf: Ints, tariff: Ints, group: Ints) -> Bools:
        return np.asarray((leaf != NO_LIMIT) | (tariff != NO_TARIFF) | (group > 0))

    for seen in units.values():
        keys = np.union1d(keys, key(*seen)[has_place(*seen)])
    for name, seen in units.items():
        where[name] = np.where(has_place(*seen), np.searchsorted(keys, key(*seen)), -1)
    keys, group = np.divmod(keys, groups)
    point, leaf, tariff = _split(keys, count, wide)
    here = reserved[point]
    chain = sparse.csr_array((len(keys), count))
    if count:
        none = sparse.csr_array((1, count))
        chains_or_none = sparse.csr_array(sparse.vstack([chains(limits), none]))  # NO_LIMIT reads the last row
        chain = (chains_or_none[leaf] @ sparse.diags_array(active.astype(np.float64))).tocsr()
    also = sparse.diags_array((~here).astype(np.float64)) @ chain @ sparse.diags_array(called_limits(case) * 1.0)
    nothing, here_called = sparse.csr_array(chain.shape), sparse.diags_array(here.astype(np.float64)) @ chain
    at_tariff = _at_tariffs(case, shape, tariff)
    planned = sparse.csr_array(sparse.hstack([chain, also, at_tariff]))
    called = sparse.csr_array(sparse.hstack([nothing, here_called, sparse.csr_array(at_tariff.shape)]))
    for counts in (planned, called):
        counts.eliminate_zeros()
    peaks = 2 * count + len(tariffs.name) + np.flatnonzero(shape.peak_binds.any(axis=1))
    rows = np.unique(np.concatenate([planned.indices, called.indices, peaks])).astype(np.int64)
    every = int(planned.shape[1])
    planned, called = (sparse.csr_array(counts[:, rows]) for counts in (planned, called))
    sides = [[float(takes(reserve, side)) for reserve in case.reserves] for side in SIDES]
    linear = np.vstack([shape.linear_eur_per_kw, np.zeros((1, case.isps))])  # NO_TARIFF reads the last row
    places = Places(
        point=number_of[point], balance=group, groups=groups, reserved=here, rows=rows, every=every,
        limits=int((rows < 2 * count).sum()), planned=planned, called=called,
        takes=np.array(sides).reshape(2, len(case.reserves)), binding=binding, tariffs=shape,
        own_eur_per_kw=linear[tariff] if len(tariffs.name) else None,
    )  # fmt: skip
    return places, where


def _split(keys: Ints, limits: int, wide: int) -> tuple[Ints, Ints, Ints]:
    """Return congestion point, limit and tariff of each key; each may be −1."""
    rest, tariff = np.divmod(keys, wide)
    point, leaf = np.divmod(rest, limits + 1)
    return point, leaf - 1, tariff - 1


def _alike(case: Case, shape: TariffShape, settled: Ints) -> Ints:
    """Return for each connection (N,) the first one whose units see the same prices: linear ones with one tariff.

    Those settled have none, NO_TARIFF.
    """
    own = np.zeros(len(case.connection_tariffs.name), dtype=np.bool_)
    own[shape.kinked] = True
    own[case.connection_tariffs.peak_at[shape.peak_binds.any(axis=1)]] = True
    result = np.arange(len(own))
    result[settled] = NO_TARIFF
    linear = np.flatnonzero(~own & (result != NO_TARIFF))
    if len(linear):
        _, first, which = np.unique(shape.linear_eur_per_kw[linear], axis=0, return_index=True, return_inverse=True)
        result[linear] = linear[first[which.reshape(-1)]]
    return result


def _at_tariffs(case: Case, shape: TariffShape, tariff: Ints) -> sparse.csr_array:
    """Return (M,N+P) with 1 for each sum at a tariff with a kink, or at a peak charge that may bind, of each place."""
    count, peaks = len(case.connection_tariffs.name), len(case.connection_tariffs.peak_at)
    binds = np.flatnonzero(shape.peak_binds.any(axis=1))
    rows = np.concatenate([shape.kinked, case.connection_tariffs.peak_at[binds]])
    sums = np.concatenate([shape.kinked, count + binds])
    of_connection = sparse.coo_array((np.ones(len(rows)), (rows, sums)), shape=(count + 1, count + peaks)).tocsr()
    return sparse.csr_array(of_connection[tariff % (count + 1)])
