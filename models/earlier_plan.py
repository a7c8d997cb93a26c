"""What an earlier plan gives a case: prices to begin from, and units that keep their programs.

Axes and units are those of models.case.
"""

from dataclasses import dataclass, field

import numpy as np

from models.arrays import ADDED, Extent, Floats, check_shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Duals:
    """A price for every coupling, EUR per kW of one ISP: a bound is proven with them, and a search may begin there."""

    balance: Floats  # (T,) of one more kW of consumption to be covered
    program: Floats  # (C,T) of a congestion point's program, on top of the balance
    call: Floats  # (C,T) of called less planned program
    reserve: Floats  # (R,T) <= 0, of reserve held in planned programs
    called: Floats  # (R,T) <= 0, of reserve held in called programs
    connections: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=ADDED)
    """(2S,T) of what counts at connections: S sums at import, then at export. Sums are those at limits of the plan (L),
    of the called programs (L), those at tariffs (N) and peak charges (P), which have a price at import only"""
    bound_eur: float = float("nan")  # upper bound of value that these prices prove; NaN where it was not kept
    groups: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=ADDED)
    """(G,T) like `balance`, of each balancing group; `balance` is that of the first"""

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field whose shape is not the case's."""
        points, products = (extent.points, extent.isps), (extent.products, extent.isps)
        check_shape(f"{where}.balance", self.balance, (extent.isps,))
        check_shape(f"{where}.program", self.program, points)
        check_shape(f"{where}.call", self.call, points)
        check_shape(f"{where}.reserve", self.reserve, products)
        check_shape(f"{where}.called", self.called, products)


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedRemainder:
    """The units outside the case, which keep the programs of an earlier plan; their power is in `fixed`.

    Source: docs/explanation/optimisation.md §3.6.
    """

    held_kw: Floats  # (R,T) reserve that they hold
    called_held_kw: Floats | None  # (R,T) the same when all reservations are called; None: none of them is called
    terms_eur: dict[str, float]  # their earnings by term of the objective
    bids_mw: tuple[Floats, ...]  # per reserve product (B,), the bids of the whole portfolio so far
    dual_slack_eur: float = 0.0  # what they could gain at the prices `start`

    @property
    def when_called_kw(self) -> Floats:
        """Return the reserve (R,T), kW, that they hold when all reservations are called."""
        return self.held_kw if self.called_held_kw is None else self.called_held_kw

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field whose shape is not the case's."""
        for name, values in (("held_kw", self.held_kw), ("called_held_kw", self.called_held_kw)):
            if values is not None:
                check_shape(f"{where}.{name}", values, (extent.products, extent.isps))
