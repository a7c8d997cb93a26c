"""Products in which energy is traded, each over one or several ISPs. Source: docs/reference/formulation.md §3.2."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyProducts:
    """P products with a free position each, kW, bought (+) or sold (−), and the positions that are decided."""

    eur_per_mwh: Floats  # (T,)
    decided_kw: Floats  # (T,) positions that are decided; 0 where free
    of: Ints  # (T,) the free product of each ISP, −1 where the position is decided
    low_kw: Floats  # (P,) <= 0 the tightest limits of its ISPs
    high_kw: Floats  # (P,) >= 0

    def each(self) -> Iterator[tuple[Ints, float, float]]:
        """Yield the ISPs (n,) of each free product and the limits of its position, kW, lowest and highest."""
        for number, (low_kw, high_kw) in enumerate(zip(self.low_kw.tolist(), self.high_kw.tolist(), strict=True)):
            yield np.flatnonzero(self.of == number), low_kw, high_kw


def energy_products(
    product: Ints, *, eur_per_mwh: Floats, committed_kw: Floats, max_buy_kw: Floats, max_sell_kw: Floats
) -> EnergyProducts:
    """Return the products of ISPs with the same number `product` (T,), free where committed_kw (T,) is NaN.

    eur_per_mwh (T,): prices; max_buy_kw, max_sell_kw (T,): limits, neither negative.
    """
    free = np.isnan(committed_kw)
    numbers = np.unique(product[free])
    of = np.where(free, np.searchsorted(numbers, product), -1).astype(np.int64)
    low_kw, high_kw = np.full((2, len(numbers)), np.inf)
    np.minimum.at(low_kw, of[free], max_sell_kw[free])
    np.minimum.at(high_kw, of[free], max_buy_kw[free])
    return EnergyProducts(
        eur_per_mwh=eur_per_mwh, decided_kw=np.nan_to_num(committed_kw), of=of, low_kw=-low_kw, high_kw=high_kw
    )
