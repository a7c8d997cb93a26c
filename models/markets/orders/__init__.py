"""Orders of flexibility: what a congestion point's program is bound to. Source: docs/reference/formulation.md §3.8."""

from dataclasses import dataclass, field

import numpy as np

from models.arrays import Extent, Floats, Ints, Width, added, check_at_points, check_not_negative, check_rows, fault

WIDTHS = {"least_kw": Width.ISPS, "most_kw": Width.ISPS}


@dataclass(frozen=True, kw_only=True, eq=False)
class Orders:
    """Bounds that a congestion point's program owes to grid operators who have ordered flexibility."""

    name: tuple[str, ...]  # (O,) order
    point: Ints  # (O,)
    least_kw: Floats  # (O,T) lower bound of the program, −inf where the order leaves it free
    most_kw: Floats  # (O,T) upper bound, +inf where free
    penalty_eur_per_mwh: Floats  # (O,) price of what is not delivered
    price_eur: Floats = field(default_factory=lambda: np.zeros(0), metadata=added(0.0))  # (O,) what each is paid

    def __post_init__(self) -> None:
        if self.name and not len(self.price_eur):  # from before orders had prices
            object.__setattr__(self, "price_eur", np.zeros(len(self.name)))

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        if not len(self.name) and not len(self.point):
            return
        check_rows(where, self, extent, WIDTHS, infinite=("least_kw", "most_kw"))
        check_not_negative(where, self, "penalty_eur_per_mwh")
        check_at_points(where, self)
        if bool((self.least_kw > self.most_kw).any()):
            order, isp = np.argwhere(self.least_kw > self.most_kw)[0].tolist()
            raise fault(f"{where}.least_kw", f"lies above most_kw in order {self.name[order]}, ISP {isp + 1}")


def no_orders() -> Orders:
    """Return no orders at all."""
    nothing = np.zeros((0, 0))
    return Orders(
        name=(), point=np.zeros(0, dtype=np.int64), least_kw=nothing, most_kw=nothing, penalty_eur_per_mwh=np.zeros(0)
    )
