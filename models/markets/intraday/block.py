"""Intraday positions in the reference formulation. Source: docs/reference/formulation.md §3.2."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import LINEAR, Discrete, Flow, ObjectiveTerm, Values, VariableArray, add_cells, new_block
from models.case import NO_POINT, Case, Floats
from models.markets.protocols import Marginals, Portfolio


@dataclass(frozen=True, kw_only=True, eq=False)
class IntradayBlock:
    """Purchases and sales in kW; the `unit` of these variables is always 0."""

    buy: VariableArray
    sell: VariableArray
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR

    def outcome(self, case: Case, values: Values) -> dict[str, Floats]:
        """Return purchases and sales, committed positions included, never both at once."""
        net = np.nan_to_num(case.intraday.committed_kw)
        buy = self.buy.spread(values, 1, case.isps)[0] + np.maximum(net, 0.0)
        sell = self.sell.spread(values, 1, case.isps)[0] + np.maximum(-net, 0.0)
        both = np.minimum(buy, sell)
        return {"intraday_buy_kw": buy - both, "intraday_sell_kw": sell - both}

    def shadow(self, case: Case, marginals: Marginals) -> dict[str, Floats]:
        """Return no fields, since the market has no rows of its own."""
        del case, marginals
        return {}


def trade_intraday(model: Any, case: Case, portfolio: Portfolio) -> IntradayBlock:
    """Add purchases and sales, within the depth, in free ISPs."""
    market, block = case.intraday, new_block(model, "intraday")
    free = np.isnan(market.committed_kw)[None, :]
    buy = add_cells(block, "buy", free & (market.buy_depth_kw > 0), 0.0, market.buy_depth_kw)
    sell = add_cells(block, "sell", free & (market.sell_depth_kw > 0), 0.0, market.sell_depth_kw)
    isp = np.concatenate([buy.isp, sell.isp])
    portfolio.positions.append(
        Flow(
            variables=buy.variables + sell.variables,
            kw_per_unit=np.repeat([1.0, -1.0], [len(buy.isp), len(sell.isp)]),
            unit=np.zeros(len(isp), dtype=np.int64),
            point=np.full(len(isp), NO_POINT),
            isp=isp,
        )
    )
    return IntradayBlock(buy=buy, sell=sell, terms=(_term(case, buy, sell),))


def _term(case: Case, buy: VariableArray, sell: VariableArray) -> ObjectiveTerm:
    """Return Σ_t Δ·(sell price·sell[t] − buy price·buy[t]), EUR, with committed positions and what trades earned."""
    market, hours = case.intraday, case.isp_hours / 1000
    net = np.nan_to_num(market.committed_kw)
    committed = market.sell_eur_per_mwh @ np.maximum(-net, 0.0) - market.buy_eur_per_mwh @ np.maximum(net, 0.0)
    eur = np.concatenate([-market.buy_eur_per_mwh[buy.isp], market.sell_eur_per_mwh[sell.isp]]) * hours
    return ObjectiveTerm(
        term="intraday", variables=buy.variables + sell.variables, eur=eur,
        constant_eur=float(committed) * hours + market.traded_eur,
    )  # fmt: skip
