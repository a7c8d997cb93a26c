"""Curtailable generation, at a price per MWh: its parameters. Source: docs/reference/formulation.md §2.2."""

from dataclasses import dataclass

import numpy as np

from models.arrays import Extent, Floats, Ints, Width, Widths, check_not_negative, check_rows, fault

WIDTHS = {"forecast_kw": Width.ISPS, "pinned_kw": Width.ISPS_OR_ONE}


@dataclass(frozen=True, kw_only=True, eq=False)
class Curtailable:
    """Generation that may be reduced: forecast_kw <= p <= 0."""

    point: Ints  # (U,)
    forecast_kw: Floats  # (U,T) <= 0
    cost_eur_per_mwh: Floats  # (U,) of energy curtailed
    reserve_kw: Floats  # (U,) prequalified reserve power, 0 = takes no part
    pinned_kw: Floats  # (U,T) or (U,1): the program where it is already fixed, NaN where free

    @property
    def widths(self) -> Widths:
        """The second axis of the fields that have one."""
        return WIDTHS

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        check_rows(where, self, extent, WIDTHS, nan=("pinned_kw",))
        check_not_negative(where, self, "reserve_kw")
        if bool((self.forecast_kw > 0).any()):
            raise fault(f"{where}.forecast_kw", "production is negative; a positive value was given")


def example(isps: int) -> Curtailable:
    """Return a solar system at the first congestion point."""
    return Curtailable(
        point=np.array([0]),
        forecast_kw=np.full((1, isps), -2.0),
        cost_eur_per_mwh=np.ones(1),
        reserve_kw=np.ones(1),
        pinned_kw=np.full((1, isps), np.nan),
    )
