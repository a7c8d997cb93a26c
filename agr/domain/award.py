"""What a market reported: the award of an auction, and single intraday trades. Frozen values; bought positive."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Award:
    """What an auction awarded of our bid."""

    market: str  # day-ahead, or a capacity product
    mw: tuple[float, ...]  # per ISP, bought positive; per block of a capacity product
    price_eur_per_mwh: tuple[float, ...] | None = None  # per ISP, where the result has the prices


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One intraday trade."""

    trade: str  # the identifier that the exchange gave it
    start: datetime
    minutes: int
    mw: float  # bought positive
    price_eur_per_mwh: float
    brp: str = ""  # the balance responsible party that it was made for; empty: the first in the settings

    @property
    def energy_mwh(self) -> float:
        """Its energy, bought positive."""
        return self.mw * self.minutes / 60
