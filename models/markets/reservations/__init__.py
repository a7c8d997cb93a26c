"""FlexOption reservations: their parameters. Source: docs/reference/formulation.md §3.4."""

from dataclasses import dataclass, field, replace

import numpy as np

from models.arrays import Extent, Floats, Ints, Width, added, check_at_points, check_not_negative, check_rows

WIDTHS = {"reserved_kw": Width.ISPS, "fee_only_kw": Width.ISPS}


@dataclass(frozen=True, kw_only=True, eq=False)
class Reservations:
    """FlexOption volumes still reserved. Negative: the points must be able to consume that much less than planned."""

    name: tuple[str, ...]  # (K,) contract
    point: Ints  # (K,)
    reserved_kw: Floats  # (K,T) signed
    penalty_eur_per_mwh: Floats  # (K,) of non-delivery
    availability_eur_per_mw_h: Floats  # (K,) fee on |reserved| + |fee only|
    fee_only_kw: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=added(0.0))
    """(K,T) signed: what earns the fee and need not stay deliverable: it is ordered, or can no longer be called"""

    def __post_init__(self) -> None:
        if self.fee_only_kw.shape == (0, 0):
            object.__setattr__(self, "fee_only_kw", np.zeros(np.shape(self.reserved_kw)))

    @property
    def paid_kw(self) -> Floats:
        """Return what the fee is paid on (K,T), kW >= 0."""
        return np.asarray(np.abs(self.reserved_kw) + np.abs(self.fee_only_kw))

    def less(self, by_kw: Floats) -> "Reservations":
        """Return reservations that are smaller by_kw (K,T), >= 0, but never beyond zero."""
        left = np.maximum(np.abs(self.reserved_kw) - by_kw, 0.0)
        return replace(self, reserved_kw=np.sign(self.reserved_kw) * left)

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        check_rows(where, self, extent, WIDTHS)
        check_not_negative(where, self, "penalty_eur_per_mwh")
        check_at_points(where, self)
