"""The room for more reserve that connection limits leave, shared among the units behind them. Numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.case import NO_LIMIT, Case, Direction, Floats, Ints
from models.connection_loads import sides_kw
from models.headroom import takes
from models.markets.connection_limits.trees import with_below
from models.reserve_room import SIDES, ReserveAllocation


@dataclass(frozen=True, kw_only=True, eq=False)
class LimitRooms:
    """Units that hold reserve in one scenario, and what is drawn in it at connection limits without reserve."""

    case: Case
    power_kw: Floats  # (L,T)
    holders: Sequence[tuple[str, Ints, ReserveAllocation]]  # class, units (n,) and what they hold

    def within(self, product: int, spares: Sequence[Floats]) -> list[Floats]:
        """Return the spares (n,T), kW, of each holder, scaled down to what limits leave for a product."""
        limits, reserve = self.case.connection_limits, self.case.reserves[product]
        held = [sides_kw(self.case, allocation.held_kw) for _, _, allocation in self.holders]
        wanted = self._at_limits(spares)
        share = np.ones_like(self.power_kw)
        for k, side in enumerate(SIDES):
            if takes(reserve, side):
                taken = self._at_limits([of_unit[k] for of_unit in held])
                up = side is Direction.UP
                room = self.power_kw - limits.export_kw if up else limits.import_kw - self.power_kw
                room = np.maximum(room - taken, 0.0)
                share = np.minimum(share, np.where(wanted > room, room / np.where(wanted > 0, wanted, 1.0), 1.0))
        for limit in range(len(limits.parent) - 1, -1, -1):  # a parent comes later, so it is known before
            if limits.parent[limit] != NO_LIMIT:
                share[limit] = np.minimum(share[limit], share[limits.parent[limit]])
        share = np.vstack([share, np.ones(self.case.isps)])  # NO_LIMIT reads the last row
        leaves = (self.case.leaf(name)[units] for name, units, _ in self.holders)
        return [spare * share[leaf].astype(spare.dtype) for spare, leaf in zip(spares, leaves, strict=True)]

    def _at_limits(self, values: Sequence[Floats]) -> Floats:
        own = np.zeros_like(self.power_kw)
        for (name, units, _), of_units in zip(self.holders, values, strict=True):
            leaf = self.case.leaf(name)[units]
            inside = leaf != NO_LIMIT
            np.add.at(own, leaf[inside], of_units[inside])
        return with_below(self.case.connection_limits, own)
