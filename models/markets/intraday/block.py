"""Intraday positions in the reference formulation. Source: docs/reference/formulation.md §3.2 and §3.10."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import LINEAR, Discrete, Flow, ObjectiveTerm, Values, VariableArray, add_cells, new_block
from models.case import NO_POINT, Case, Floats
from models.markets.protocols import PortfolioSums, QuietBlock


@dataclass(frozen=True, kw_only=True, eq=False)
class IntradayBlock(QuietBlock):
    """Purchases and sales in kW; the `unit` of these variables is the balancing group."""

    buy: VariableArray
    sell: VariableArray
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR

    def outcome(self, case: Case, values: Values) -> dict[str, Floats]:
        """Return purchases and sales (T,), kW, committed positions included; no group has both at once."""
        net, groups = _committed(case), len(case.energy_markets())
        buy = self.buy.spread(values, groups, case.isps) + np.maximum(net, 0.0)
        sell = self.sell.spread(values, groups, case.isps) + np.maximum(-net, 0.0)
        both = np.minimum(buy, sell)
        buy, sell = buy - both, sell - both
        whole = {"intraday_buy_kw": buy.sum(axis=0), "intraday_sell_kw": sell.sum(axis=0)}
        return whole | {"group_intraday_kw": buy - sell} if case.balancing_groups.name else whole


def trade_intraday(model: Any, case: Case, portfolio: PortfolioSums) -> IntradayBlock:
    """Add purchases and sales of each balancing group, within its depth, in free ISPs."""
    block, each = new_block(model, "intraday"), [one.intraday for one in case.energy_markets()]
    free = np.array([np.isnan(market.committed_kw) for market in each])
    most_bought, most_sold = (
        np.array([getattr(market, name) for market in each]) for name in ("buy_depth_kw", "sell_depth_kw")
    )
    buy = add_cells(block, "buy", free & (most_bought > 0), 0.0, most_bought)
    sell = add_cells(block, "sell", free & (most_sold > 0), 0.0, most_sold)
    isp = np.concatenate([buy.isp, sell.isp])
    portfolio.positions.append(
        Flow(
            variables=buy.variables + sell.variables,
            kw_per_unit=np.repeat([1.0, -1.0], [len(buy.isp), len(sell.isp)]),
            unit=np.concatenate([buy.unit, sell.unit]),
            point=np.full(len(isp), NO_POINT),
            isp=isp,
        )
    )
    return IntradayBlock(buy=buy, sell=sell, terms=(_term(case, buy, sell),))


def _committed(case: Case) -> Floats:
    """Return the positions (G,T), kW, of closed ISPs, net bought."""
    return np.array([np.nan_to_num(one.intraday.committed_kw) for one in case.energy_markets()])


def _term(case: Case, buy: VariableArray, sell: VariableArray) -> ObjectiveTerm:
    """Return Σ_t Δ·(sell price·sell[t] − buy price·buy[t]), EUR, with committed positions and what trades earned."""
    market, hours = case.intraday, case.isp_hours / 1000
    net = _committed(case)
    sold, bought = np.maximum(-net, 0.0).sum(axis=0), np.maximum(net, 0.0).sum(axis=0)
    committed = market.sell_eur_per_mwh @ sold - market.buy_eur_per_mwh @ bought
    eur = np.concatenate([-market.buy_eur_per_mwh[buy.isp], market.sell_eur_per_mwh[sell.isp]]) * hours
    return ObjectiveTerm(
        term="intraday", variables=buy.variables + sell.variables, eur=eur,
        constant_eur=float(committed) * hours + market.traded_eur,
    )  # fmt: skip
