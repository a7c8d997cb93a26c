"""Portfolio balance: day-ahead and intraday positions, imbalance as the last resort.

Source: docs/reference/formulation.md §3.2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from models.block import ObjectiveTerm, VariableArray, Variables, add_cells, linear_sum, new_block
from models.case import Case, Ints
from models.markets.points import Points


@dataclass(frozen=True, kw_only=True, eq=False)
class Markets:
    """Positions in kW; day-ahead one variable per product with a free ISP."""

    day_ahead: Variables
    day_ahead_of: Ints  # (T,) which of them, −1 where committed
    buy: VariableArray  # the `unit` of these cells is always 0
    sell: VariableArray
    short: VariableArray
    long: VariableArray
    balance: Variables  # (T,) rows
    worth: tuple[ObjectiveTerm, ...]


def add_balance(model: Any, case: Case, points: Points) -> Markets:
    """DA[t] + buy[t] − sell[t] + short[t] − long[t] = Σ_c P_c[t]; positions within depth, constant where committed.

    A free day-ahead position holds for all free ISPs of its product; its limits are the tightest of those ISPs.
    """
    block = new_block(model, "markets")
    day_ahead, day_ahead_of = _add_day_ahead(block, case)
    intraday = case.intraday
    free = np.isnan(intraday.committed_kw)[None, :]
    always = np.ones((1, case.isps), dtype=np.bool_)
    buy = add_cells(block, "buy", free & (intraday.buy_depth_kw > 0), 0.0, intraday.buy_depth_kw)
    sell = add_cells(block, "sell", free & (intraday.sell_depth_kw > 0), 0.0, intraday.sell_depth_kw)
    short = add_cells(block, "short", always, 0.0, np.inf)
    long = add_cells(block, "long", always, 0.0, np.inf)
    terms: list[list[tuple[Any, float]]] = [[] for _ in range(case.isps)]
    for cells, sign in ((buy, 1.0), (sell, -1.0), (short, 1.0), (long, -1.0), (points.power, -1.0)):
        for t, variable in zip(cells.isp.tolist(), cells.variables, strict=True):
            terms[t].append((variable, sign))
    for t, position in enumerate(day_ahead_of.tolist()):
        if position >= 0:
            terms[t].append((day_ahead[position], 1.0))
    committed = np.nan_to_num(case.day_ahead.committed_kw) + np.nan_to_num(intraday.committed_kw)

    def rule(_block: Any, t: int) -> Any:
        body = linear_sum([v for v, _ in terms[t]], np.array([c for _, c in terms[t]]))
        return (-float(committed[t]), body, -float(committed[t]))

    block.balance = pyo.Constraint(range(case.isps), rule=rule)
    return Markets(
        day_ahead=day_ahead,
        day_ahead_of=day_ahead_of,
        buy=buy,
        sell=sell,
        short=short,
        long=long,
        balance=list(block.balance.values()),
        worth=(
            _day_ahead_worth(case, day_ahead, day_ahead_of),
            _intraday_worth(case, buy, sell),
            _imbalance_worth(case, short, long),
        ),
    )


def _add_day_ahead(block: Any, case: Case) -> tuple[Variables, Ints]:
    market = case.day_ahead
    free = np.isnan(market.committed_kw)
    products = np.unique(market.product[free])
    position = np.where(free, np.searchsorted(products, market.product), -1).astype(np.int64)
    high = [float(market.max_buy_kw[position == i].min()) for i in range(len(products))]
    low = [-float(market.max_sell_kw[position == i].min()) for i in range(len(products))]
    block.day_ahead = pyo.Var(range(len(products)), bounds=lambda _b, i: (low[i], high[i]))
    return list(block.day_ahead.values()), position


def _day_ahead_worth(case: Case, day_ahead: Variables, day_ahead_of: Ints) -> ObjectiveTerm:
    """−Σ_t price·Δ·DA[t]."""
    eur_per_kw = -case.day_ahead.price_eur_per_mwh * case.isp_hours / 1000
    free = day_ahead_of >= 0
    per_position = np.zeros(len(day_ahead))
    np.add.at(per_position, day_ahead_of[free], eur_per_kw[free])
    committed = float(eur_per_kw @ np.nan_to_num(case.day_ahead.committed_kw))
    return ObjectiveTerm(term="day-ahead", variables=day_ahead, eur=per_position, constant_eur=committed)


def _intraday_worth(case: Case, buy: VariableArray, sell: VariableArray) -> ObjectiveTerm:
    """Σ_t Δ·(sell price·sell[t] − buy price·buy[t]), committed positions included."""
    market, hours = case.intraday, case.isp_hours / 1000
    net = np.nan_to_num(market.committed_kw)
    committed = market.sell_eur_per_mwh @ np.maximum(-net, 0.0) - market.buy_eur_per_mwh @ np.maximum(net, 0.0)
    eur = np.concatenate([-market.buy_eur_per_mwh[buy.isp], market.sell_eur_per_mwh[sell.isp]]) * hours
    return ObjectiveTerm(
        term="intraday", variables=buy.variables + sell.variables, eur=eur, constant_eur=float(committed) * hours
    )


def _imbalance_worth(case: Case, short: VariableArray, long: VariableArray) -> ObjectiveTerm:
    """−Σ_t Δ·(short price·short[t] + long price·long[t])."""
    prices = np.concatenate([case.imbalance.short_eur_per_mwh, case.imbalance.long_eur_per_mwh])
    return ObjectiveTerm(
        term="imbalance", variables=short.variables + long.variables, eur=-prices * case.isp_hours / 1000
    )
