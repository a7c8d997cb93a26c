"""Agreed limits of congestion points: their parameters. Source: docs/reference/formulation.md §3.3."""

from dataclasses import dataclass

from models.arrays import Extent, Floats, Ints, Width, check_at_points, check_not_negative, check_rows

WIDTHS = {"import_kw": Width.ISPS, "export_kw": Width.ISPS}


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """Agreed bounds of a congestion point's program, which may be breached at a price."""

    point: Ints  # (L,)
    import_kw: Floats  # (L,T) upper bound, +inf where none
    export_kw: Floats  # (L,T) lower bound, −inf where none
    penalty_eur_per_mwh: Floats  # (L,)

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        check_rows(where, self, extent, WIDTHS, infinite=("import_kw", "export_kw"))
        check_not_negative(where, self, "penalty_eur_per_mwh")
        check_at_points(where, self)
