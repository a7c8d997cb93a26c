"""Places: the prices that units behind connection limits see on top of their congestion point's.

A unit sees the prices of every limit that counts it, added up along the tree. Limits that cannot bind, whatever the
units do, have none; units that see the same prices share a place. Source: docs/explanation/optimisation.md §3.1.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import NO_LIMIT, Bools, Case, Floats, Ints
from models.connection_loads import Binding, may_bind
from models.headroom import takes
from models.markets.connection_limits.trees import called_limits, chains
from models.reserve_room import SIDES
from models.resources.registry import PRICED


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """M places. Sums at limits have the numbers 0..L−1 as planned, L..2L−1 as called."""

    point: Ints  # (M,) number of the priced congestion point, −1 for none
    reserved: Bools  # (M,) whether that point has a reservation
    planned: sparse.csr_array  # (M,2L) 1 for each sum at which planned programs count
    called: sparse.csr_array  # (M,2L) the same for called programs
    takes: Floats  # (2,R) 1 where a product takes the side up, and down
    binding: Binding  # where limits may bind

    @property
    def limits(self) -> int:
        """Return the number L of limits, those that cannot bind included."""
        return int(self.planned.shape[1]) // 2

    def power_eur_per_kw(self, connections: Floats, *, called: bool) -> Floats:
        """Return what limits add to the price of power (M,T), given their prices (4L,T): import, then export."""
        half = 2 * self.limits
        return np.asarray((self.called if called else self.planned) @ (connections[:half] + connections[half:]))

    def held_eur_per_kw(self, connections: Floats, *, called: bool) -> Floats:
        """Return what limits charge for reserve held (M,R,T): import limits for the side down, export for up."""
        half, counts = 2 * self.limits, self.called if called else self.planned
        imports, exports = counts @ connections[:half], counts @ connections[half:]
        up, down = self.takes[:, :, None]
        return np.asarray(down * imports[:, None] - up * exports[:, None])


def find_places(case: Case, number_of: Ints, reserved: Bools) -> tuple[Places, dict[str, Ints]]:
    """Return the places, and class → the place of each unit (U,), −1 for those behind no limit that may bind.

    number_of, reserved (C+1,): each congestion point's number among the priced ones, −1 where none, and whether it has
    a reservation.
    """
    limits, count = case.connection_limits, len(case.connection_limits.name)
    priced = tuple(resource.name for resource in PRICED) if count else ()
    binding = may_bind(case)
    active: Bools = np.asarray(binding.imports.any(axis=1) | binding.exports.any(axis=1))
    first = np.append(np.where(active, np.arange(count), NO_LIMIT), NO_LIMIT)  # innermost that may bind
    for limit in range(count - 1, -1, -1):
        if not active[limit]:
            first[limit] = first[limits.parent[limit]]
    keys, where = np.zeros(0, dtype=np.int64), dict[str, Ints]()
    units = {name: (case.units(name).point, first[case.leaf(name)]) for name in priced}
    for point, leaf in units.values():
        keys = np.union1d(keys, (point * (count + 1) + leaf)[leaf != NO_LIMIT])
    for name, (point, leaf) in units.items():
        found = np.searchsorted(keys, point * (count + 1) + leaf)
        where[name] = np.where(leaf != NO_LIMIT, found, -1)
    point, leaf = np.divmod(keys, count + 1)
    here = reserved[point]
    chain = (chains(limits)[leaf] @ sparse.diags_array(active.astype(np.float64))).tocsr()
    also = sparse.diags_array((~here).astype(np.float64)) @ chain @ sparse.diags_array(called_limits(case) * 1.0)
    nothing = sparse.csr_array(chain.shape)
    planned = sparse.csr_array(sparse.hstack([chain, also]))
    called = sparse.csr_array(sparse.hstack([nothing, chain]))
    for counts in (planned, called):
        counts.eliminate_zeros()
    sides = [[float(takes(reserve, side)) for reserve in case.reserves] for side in SIDES]
    places = Places(
        point=number_of[point], reserved=here, planned=planned, called=called,
        takes=np.array(sides).reshape(2, len(case.reserves)), binding=binding,
    )  # fmt: skip
    return places, where
