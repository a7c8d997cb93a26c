"""Balancing capacity: the parameters of its products. Source: docs/reference/formulation.md §3.5."""

from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from models.arrays import (
    ADDED,
    Extent,
    Floats,
    Ints,
    Width,
    check_at_points,
    check_not_negative,
    check_rows,
    check_values,
    fault,
)


class Direction(Enum):
    """Which way a reserve product moves the program."""

    UP = "up"  # less consumption, more production
    DOWN = "down"
    SYMMETRIC = "symmetric"


@dataclass(frozen=True, kw_only=True, eq=False)
class Reserve:
    """One balancing capacity product: Σ headroom >= bid in every ISP of a block."""

    name: str
    direction: Direction
    price_eur_per_mw: Floats  # (B,) for the whole block: what an award pays
    block: Ints  # (T,) block of each ISP, 0..B-1, or -1 where the product is not traded
    minimum_mw: float
    step_mw: float
    max_mw: Floats  # (B,) market depth
    sustain_h: float  # energy margin: headroom must be deliverable for this long
    committed_mw: Floats  # (B,) awarded; NaN where still free
    shortfall_eur_per_mwh: float  # of committed capacity that cannot be held
    award_probability: Floats = field(default_factory=lambda: np.zeros(0), metadata=ADDED)
    """(B,) probability that a free bid at this price is awarded; empty, the default: whatever is bid is awarded"""

    @property
    def by_probability(self) -> bool:
        """Whether free bids are awarded by probability, so that what they earn is an expected value."""
        return len(self.award_probability) > 0

    @property
    def earned_eur_per_mw(self) -> Floats:
        """What a MW earns (B,): the price of awarded capacity, and the expected price of a free bid."""
        if not self.by_probability:
            return self.price_eur_per_mw
        free = np.isnan(self.committed_mw)
        return np.asarray(np.where(free, self.award_probability, 1.0) * self.price_eur_per_mw)

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        del where
        place, blocks = f"reserve {self.name}", len(self.price_eur_per_mw)
        if self.block.shape != (extent.isps,) or self.block.min() < -1 or self.block.max() >= blocks:
            raise fault(f"{place}.block", f"must have {extent.isps} ISPs numbered -1..{blocks - 1}")
        for name in ("price_eur_per_mw", "max_mw", "committed_mw"):
            values = getattr(self, name)
            if values.shape != (blocks,):
                raise fault(f"{place}.{name}", f"has shape {values.shape}, expected ({blocks},)")
            check_values(f"{place}.{name}", values, nan=name == "committed_mw", infinite=name == "max_mw")
        chance = self.award_probability
        if len(chance) and not (chance.shape == (blocks,) and bool(((chance >= 0) & (chance <= 1)).all())):
            raise fault(f"{place}.award_probability", f"must be nothing, or {blocks} numbers from 0 to 1")
        if self.step_mw <= 0 or min(self.minimum_mw, self.sustain_h, self.shortfall_eur_per_mwh) < 0:
            raise fault(place, "step_mw must be positive; minimum_mw, sustain_h, shortfall_eur_per_mwh not negative")

    def scaled(self, share: float) -> "Reserve":
        """Return the product with a share of its depth, its awards, and the sizes that bids may have."""
        return replace(
            self, minimum_mw=share * self.minimum_mw, step_mw=share * self.step_mw, max_mw=share * self.max_mw,
            committed_mw=share * self.committed_mw,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldAtMost:
    """The most reserve of a product that the units of a congestion point may hold together, kW."""

    name: tuple[str, ...]  # (H,) product; rows about products that the case does not have mean nothing
    point: Ints  # (H,)
    planned_kw: Floats  # (H,T)
    called_kw: Floats  # (H,T) in called programs

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        if not len(self.name) and not len(self.point):
            return
        check_rows(where, self, extent, {"planned_kw": Width.ISPS, "called_kw": Width.ISPS})
        check_not_negative(where, self, "planned_kw", "called_kw")
        check_at_points(where, self)
        if len(set(zip(self.name, self.point.tolist(), strict=True))) < len(self.name):
            raise fault(f"{where}.name", "a product has two rows at a congestion point")

    def of_product(self, product: str) -> Ints:
        """Return the rows (n,) of a product."""
        return np.flatnonzero(np.array([name == product for name in self.name], dtype=np.bool_))


def held_freely() -> HeldAtMost:
    """Return no rows: units hold what they can."""
    nothing = np.zeros((0, 0))
    return HeldAtMost(name=(), point=np.zeros(0, dtype=np.int64), planned_kw=nothing, called_kw=nothing)
