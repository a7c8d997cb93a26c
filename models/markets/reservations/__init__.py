"""FlexOption reservations: their parameters. Source: docs/reference/formulation.md §3.4."""

from dataclasses import dataclass

from models.arrays import Extent, Floats, Ints, Width, check_at_points, check_not_negative, check_rows

WIDTHS = {"reserved_kw": Width.ISPS}


@dataclass(frozen=True, kw_only=True, eq=False)
class Reservations:
    """FlexOption volumes still reserved. Negative: the points must be able to consume that much less than planned."""

    name: tuple[str, ...]  # (K,) contract
    point: Ints  # (K,)
    reserved_kw: Floats  # (K,T) signed
    penalty_eur_per_mwh: Floats  # (K,) of non-delivery
    availability_eur_per_mw_h: Floats  # (K,) fee on |reserved|

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        check_rows(where, self, extent, WIDTHS)
        check_not_negative(where, self, "penalty_eur_per_mwh")
        check_at_points(where, self)
