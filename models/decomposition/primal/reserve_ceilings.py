"""Scales reserve down to what the units of a congestion point may hold together of a product. Numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.case import Case, Floats, Ints
from models.reserve_room import ReserveAllocation


@dataclass(frozen=True, kw_only=True, eq=False)
class ReserveCeilings:
    """Units that hold reserve in one scenario, and the most that congestion points may hold, kW."""

    case: Case
    most_kw: Floats  # (H,T) of case.held_at_most
    holders: Sequence[tuple[Ints, ReserveAllocation]]  # congestion points (n,) of units, and what they hold

    def fit(self) -> None:
        """Scale the reserve held down to what each congestion point may hold, in place."""
        for r, product in enumerate(self.case.reserves):
            rows, places = self._places(product.name)
            if len(rows):
                shares = _share(self.most_kw[rows], self._at_points(places, len(rows), [
                    held.held_kw[r] for _, held in self.holders
                ]))  # fmt: skip
                for place, (_, held) in zip(places, self.holders, strict=True):
                    inside = np.flatnonzero(place >= 0)
                    held.held_kw[r, inside] *= shares[place[inside]].astype(held.held_kw.dtype)

    def within(self, product: int, spares: Sequence[Floats]) -> list[Floats]:
        """Return the spares (n,T), kW, of each holder, scaled down to what its congestion point may still hold."""
        rows, places = self._places(self.case.reserves[product].name)
        if not len(rows):
            return list(spares)
        held = self._at_points(places, len(rows), [held.held_kw[product] for _, held in self.holders])
        left = np.maximum(self.most_kw[rows] - held, 0.0)
        share = np.vstack([_share(left, self._at_points(places, len(rows), spares)), np.ones(self.case.isps)])
        return [spare * share[place].astype(spare.dtype) for place, spare in zip(places, spares, strict=True)]

    def _places(self, product: str) -> tuple[Ints, list[Ints]]:
        """Return the rows (m,) of a product, and the row that each unit of each holder counts in, or −1."""
        most = self.case.held_at_most
        rows = most.of_product(product)
        place = np.full(len(self.case.points) + 1, -1)
        place[most.point[rows]] = np.arange(len(rows))
        return rows, [place[point] for point, _ in self.holders]

    def _at_points(self, places: Sequence[Ints], rows: int, values: Sequence[Floats]) -> Floats:
        total = np.zeros((rows, self.case.isps))
        for place, of_units in zip(places, values, strict=True):
            inside = np.flatnonzero(place >= 0)
            np.add.at(total, place[inside], of_units[inside])
        return total


_SAFE = 1.0 - 1e-9


def _share(most: Floats, wanted: Floats) -> Floats:
    """Return the share of what is wanted that fits within the most allowed."""
    share: Floats = np.where(wanted > most, most / np.where(wanted > 0, wanted, 1.0) * _SAFE, 1.0)
    return share
