"""Distance from what was announced: its parameters. Source: docs/reference/formulation.md §3.6."""

from dataclasses import dataclass

import numpy as np

from models.arrays import Extent, Floats, fault


@dataclass(frozen=True, kw_only=True, eq=False)
class Anchor:
    """The programs announced before: leaving them costs a little, so that equally good answers do not alternate."""

    point_kw: Floats  # (C,T) NaN where nothing was announced
    eur_per_mwh: float  # of distance |P − anchor|

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        expected = (extent.points, extent.isps)
        if self.point_kw.shape != expected:
            raise fault(f"{where}.point_kw", f"has shape {self.point_kw.shape}, expected {expected}")
        if self.eur_per_mwh < 0 or bool(np.isinf(self.point_kw).any()):
            raise fault(where, "must have a price that is not negative, and finite programs")
