"""Intraday market: its parameters. Source: docs/reference/formulation.md §3.2."""

from dataclasses import dataclass

from models.arrays import Extent, Floats, check_not_negative, check_shape, fault


@dataclass(frozen=True, kw_only=True, eq=False)
class Intraday:
    """Intraday market: buys above, sells below, up to a depth."""

    buy_eur_per_mwh: Floats  # (T,) >= sell
    sell_eur_per_mwh: Floats  # (T,)
    buy_depth_kw: Floats  # (T,) 0 where closed
    sell_depth_kw: Floats  # (T,) 0 where closed
    committed_kw: Floats  # (T,) net bought, where the ISP is closed; NaN where free

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        for name in ("buy_eur_per_mwh", "sell_eur_per_mwh", "buy_depth_kw", "sell_depth_kw", "committed_kw"):
            check_shape(f"{where}.{name}", getattr(self, name), (extent.isps,), nan=name == "committed_kw")
        check_not_negative(where, self, "buy_depth_kw", "sell_depth_kw")
        if bool((self.buy_eur_per_mwh < self.sell_eur_per_mwh).any()):
            raise fault(f"{where}.buy_eur_per_mwh", "below the selling price; trading in circles would earn money")
