"""Intraday market: its parameters. Source: docs/reference/formulation.md §3.2."""

from dataclasses import dataclass, field, replace

import numpy as np

from models.arrays import Extent, Floats, added, check_not_negative, check_shape, fault


@dataclass(frozen=True, kw_only=True, eq=False)
class Intraday:
    """Intraday market: buys at one price, sells at another no higher, up to a depth, besides earlier trades."""

    buy_eur_per_mwh: Floats  # (T,) >= sell
    sell_eur_per_mwh: Floats  # (T,)
    buy_depth_kw: Floats  # (T,) 0 where closed
    sell_depth_kw: Floats  # (T,) 0 where closed
    committed_kw: Floats  # (T,) net bought, where the ISP is closed; NaN where free
    traded_kw: Floats = field(default_factory=lambda: np.zeros(0), metadata=added(0.0))
    """(T,) net bought by trades that are facts; empty: none."""
    traded_eur: float = field(default=0.0, metadata=added(0.0))
    """What these trades earned, at their own prices."""

    @property
    def middle_eur_per_mwh(self) -> Floats:
        """The price halfway between buying and selling (T,)."""
        middle: Floats = 0.5 * (self.buy_eur_per_mwh + self.sell_eur_per_mwh)
        return middle

    @property
    def known_kw(self) -> Floats:
        """What these trades have bought, net (T,)."""
        return self.traded_kw if self.traded_kw.size else np.zeros_like(self.buy_depth_kw)

    @property
    def settled_kw(self) -> Floats:
        """What is bought for certain, net (T,): trades, and the positions of closed ISPs."""
        settled: Floats = np.nan_to_num(self.committed_kw) + self.known_kw
        return settled

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        for name in ("buy_eur_per_mwh", "sell_eur_per_mwh", "buy_depth_kw", "sell_depth_kw", "committed_kw"):
            check_shape(f"{where}.{name}", getattr(self, name), (extent.isps,), nan=name == "committed_kw")
        if self.traded_kw.size:
            check_shape(f"{where}.traded_kw", self.traded_kw, (extent.isps,))
        check_not_negative(where, self, "buy_depth_kw", "sell_depth_kw")
        if bool((self.buy_eur_per_mwh < self.sell_eur_per_mwh).any()):
            raise fault(f"{where}.buy_eur_per_mwh", "below the selling price; trading in circles would earn money")

    def scaled(self, share: float) -> "Intraday":
        """Return the market with a share of its depth and of what was traded."""
        return replace(
            self, buy_depth_kw=share * self.buy_depth_kw, sell_depth_kw=share * self.sell_depth_kw,
            committed_kw=share * self.committed_kw, traded_kw=share * self.traded_kw,
            traded_eur=share * self.traded_eur,
        )  # fmt: skip
