"""Imbalance settlement: its parameters. Source: docs/reference/formulation.md §3.2."""

from dataclasses import dataclass

from models.arrays import Extent, Floats, check_shape, fault


@dataclass(frozen=True, kw_only=True, eq=False)
class Imbalance:
    """The last resort: consumption beyond (short) or below (long) all positions, at penal prices."""

    short_eur_per_mwh: Floats  # (T,) paid per MWh short
    long_eur_per_mwh: Floats  # (T,) paid per MWh long

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        for name in ("short_eur_per_mwh", "long_eur_per_mwh"):
            check_shape(f"{where}.{name}", getattr(self, name), (extent.isps,))
        if bool((self.short_eur_per_mwh + self.long_eur_per_mwh < 0).any()):
            raise fault(where, "being short and long at once would earn money without end; raise a price")
