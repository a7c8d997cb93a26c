"""Day-ahead market: its parameters. Source: docs/reference/formulation.md §3.2."""

from dataclasses import dataclass, replace

from models.arrays import Extent, Floats, Ints, check_not_negative, check_shape
from models.markets.energy_products import EnergyProducts, energy_products


@dataclass(frozen=True, kw_only=True, eq=False)
class DayAhead:
    """Day-ahead market, one position per product; a constant once its gate has closed."""

    price_eur_per_mwh: Floats  # (T,)
    max_buy_kw: Floats  # (T,)
    max_sell_kw: Floats  # (T,) >= 0
    product: Ints  # (T,) ISPs with the same number share one position
    committed_kw: Floats  # (T,) bought (+) or sold (−); NaN where still free

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        for name in ("price_eur_per_mwh", "max_buy_kw", "max_sell_kw", "product", "committed_kw"):
            check_shape(f"{where}.{name}", getattr(self, name), (extent.isps,), nan=name == "committed_kw")
        check_not_negative(where, self, "max_buy_kw", "max_sell_kw")

    def products(self) -> EnergyProducts:
        """Return the products with free positions, and the positions that are decided."""
        return energy_products(
            self.product, eur_per_mwh=self.price_eur_per_mwh, committed_kw=self.committed_kw,
            max_buy_kw=self.max_buy_kw, max_sell_kw=self.max_sell_kw,
        )  # fmt: skip

    def scaled(self, share: float) -> "DayAhead":
        """Return the market with a share of its limits and positions."""
        return replace(
            self, max_buy_kw=share * self.max_buy_kw, max_sell_kw=share * self.max_sell_kw,
            committed_kw=share * self.committed_kw,
        )  # fmt: skip
