"""Balancing groups: what is balanced together, and what each group trades by itself: their parameters.

A balance responsible party that is balanced by itself is a group of its own; all others are one group together. What
one group consumes more cannot be what another consumes less: each has positions and an imbalance of its own, at the
same prices. Source: docs/reference/formulation.md §3.10.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.arrays import Extent, Floats, Ints, check_not_negative, check_numbers, check_shape, check_units, fault
from models.markets.day_ahead import DayAhead
from models.markets.energy_products import EnergyProducts
from models.markets.imbalance import Imbalance
from models.markets.intraday import Intraday

_KW = 1e-6
"""Rounding of what is shared out between groups."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyMarkets:
    """What one balancing group trades on, and the prices of its imbalance."""

    isps: int
    isp_hours: float
    day_ahead: DayAhead
    intraday: Intraday
    imbalance: Imbalance

    def energy_products(self) -> EnergyProducts:
        """Return the products in which the group has positions; it covers what else it needs, see `imbalance`."""
        return self.day_ahead.products()


@dataclass(frozen=True, kw_only=True, eq=False)
class BalancingGroups:
    """G groups, each with its share of all trade limits and of all positions that are facts; none: one for all."""

    name: tuple[str, ...]  # (G,)
    of_units: tuple[Ints, ...]
    """Per class of units (U,): the group of each; () where there are no groups. Classes that are younger than an
    archive are missing at its end"""
    max_buy_kw: Floats  # (G,T) day-ahead
    max_sell_kw: Floats  # (G,T) day-ahead, >= 0
    day_ahead_kw: Floats  # (G,T) bought (+) or sold (−) day-ahead; NaN where still free
    buy_depth_kw: Floats  # (G,T) intraday, 0 where closed
    sell_depth_kw: Floats  # (G,T)
    intraday_kw: Floats  # (G,T) net bought, where the ISP is closed; NaN where free
    traded_kw: Floats  # (G,T) net bought by trades that are facts

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case."""
        shape = (len(self.name), extent.isps) if self.name else self.max_buy_kw.shape
        for name in _SHARED:
            check_shape(f"{where}.{name}", getattr(self, name), shape, nan=name in ("day_ahead_kw", "intraday_kw"))
        check_not_negative(where, self, "max_buy_kw", "max_sell_kw", "buy_depth_kw", "sell_depth_kw")
        check_numbers(f"{where}.of_units", self.of_units, 0, len(self.name))

    def check_units(self, where: str, counts: Iterable[tuple[str, int]]) -> None:
        """Raise CaseError where there are groups, but not the group of each unit of each class, in order."""
        if self.name:
            check_units(f"{where}.of_units", self.of_units, counts)

    def check_positions(self, where: str, day_ahead: DayAhead, intraday: Intraday) -> None:
        """Raise CaseError where the groups' facts do not add up to those of the portfolio."""
        if not self.name:
            return
        for name, whole_kw in (
            ("day_ahead_kw", day_ahead.committed_kw),
            ("intraday_kw", intraday.committed_kw),
            ("traded_kw", intraday.known_kw),
        ):
            mine = getattr(self, name)
            if bool((np.isnan(mine) != np.isnan(whole_kw)).any()):
                raise fault(f"{where}.{name}", "must be given in the ISPs where the portfolio's position is")
            off = np.nan_to_num(np.abs(mine.sum(axis=0) - whole_kw))
            if bool((off > _KW * (1.0 + np.nan_to_num(np.abs(mine)).sum(axis=0))).any()):
                raise fault(f"{where}.{name}", f"do not add up to the portfolio's in ISP {int(off.argmax()) + 1}")

    def only(self, rows: Iterable[Any]) -> "BalancingGroups":
        """Return the groups for some units of each class only: their positions (n,), or a range of them."""
        if not self.name:
            return self
        return replace(self, of_units=tuple(units[some] for units, some in zip(self.of_units, rows, strict=False)))

    def scaled(self, share: float) -> "BalancingGroups":
        """Return the groups with a share of all limits and positions."""
        return replace(self, **{name: share * getattr(self, name) for name in _SHARED})

    def free(self) -> "BalancingGroups":
        """Return the groups without any position or trade that is a fact."""
        if not self.name:
            return self
        nothing = np.full_like(self.max_buy_kw, np.nan)
        return replace(self, day_ahead_kw=nothing, intraday_kw=nothing, traded_kw=np.zeros_like(self.max_buy_kw))

    def less_depth(self, buy_kw: Floats, sell_kw: Floats, least_kw: Floats | None = None) -> "BalancingGroups":
        """Return the groups, each with less depth by buy_kw and sell_kw (T,), since it may be taken from any of them.

        At least what they trade, least_kw (G,T) net bought, is left to them.
        """
        if not self.name:
            return self
        kept = np.zeros_like(self.max_buy_kw) if least_kw is None else least_kw
        buy, sell = (
            np.minimum(depth, np.maximum(depth - taken, np.maximum(sign * kept, 0.0)))
            for depth, taken, sign in ((self.buy_depth_kw, buy_kw, 1.0), (self.sell_depth_kw, sell_kw, -1.0))
        )
        return replace(self, buy_depth_kw=buy, sell_depth_kw=sell)

    def planned(self, day_ahead_kw: Floats, bought_kw: Floats) -> "BalancingGroups":
        """Return the groups with positions as facts: day_ahead_kw (G,T), and bought_kw (G,T), imbalance included.

        What is left of their depth is open.
        """
        return replace(
            self, day_ahead_kw=day_ahead_kw, traded_kw=self.traded_kw + bought_kw,
            intraday_kw=np.full_like(day_ahead_kw, np.nan),
        )  # fmt: skip

    def markets(
        self, day_ahead: DayAhead, intraday: Intraday, imbalance: Imbalance, hours: float
    ) -> tuple[EnergyMarkets, ...]:
        """Return what each group trades on: one entry with everything where there are no groups.

        What trades earned is the first group's, since it is money of the portfolio.
        """
        isps = len(day_ahead.price_eur_per_mwh)
        if not self.name:
            return (
                EnergyMarkets(
                    isps=isps, isp_hours=hours, day_ahead=day_ahead, intraday=intraday, imbalance=imbalance
                ),
            )  # fmt: skip
        return tuple(
            EnergyMarkets(
                isps=isps, isp_hours=hours, imbalance=imbalance,
                day_ahead=replace(
                    day_ahead, max_buy_kw=self.max_buy_kw[g], max_sell_kw=self.max_sell_kw[g],
                    committed_kw=self.day_ahead_kw[g],
                ),
                intraday=replace(
                    intraday, buy_depth_kw=self.buy_depth_kw[g], sell_depth_kw=self.sell_depth_kw[g],
                    committed_kw=self.intraday_kw[g], traded_kw=self.traded_kw[g],
                    traded_eur=intraday.traded_eur if g == 0 else 0.0,
                ),
            )
            for g in range(len(self.name))
        )  # fmt: skip


_SHARED = (
    "max_buy_kw", "max_sell_kw", "day_ahead_kw", "buy_depth_kw", "sell_depth_kw", "intraday_kw", "traded_kw",
)  # fmt: skip


def no_balancing_groups() -> BalancingGroups:
    """Return no groups: the portfolio is balanced as a whole."""
    return BalancingGroups(name=(), of_units=(), **{name: np.zeros((0, 0)) for name in _SHARED})
