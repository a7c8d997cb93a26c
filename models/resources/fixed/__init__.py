"""Fixed units, of which only the sum per congestion point matters: their parameters.

Source: docs/reference/formulation.md §2.1.
"""

from dataclasses import dataclass

import numpy as np

from models.arrays import Extent, Floats, Ints, Width, Widths, check_rows

WIDTHS = {"program_kw": Width.ISPS}


@dataclass(frozen=True, kw_only=True, eq=False)
class Fixed:
    """Units with one possible program."""

    point: Ints  # (U,) index into Case.points or NO_POINT
    program_kw: Floats  # (U,T)

    @property
    def widths(self) -> Widths:
        """The second axis of the fields that have one."""
        return WIDTHS

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case."""
        check_rows(where, self, extent, WIDTHS)


def example(isps: int) -> Fixed:
    """Return a load at the first congestion point."""
    return Fixed(point=np.array([0]), program_kw=np.full((1, isps), 3.0))
