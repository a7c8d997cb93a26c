"""Checks energy markets: prices of every ISP, products, depths and positions behind closed gates. Pure.

Trades may be limited further than the settings do (to what resources can do, for instance), but never less.
Source: docs/reference/formulation.md §3.2.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agr.planning.case_audit import reaction
from agr.planning.case_audit.context import AuditContext
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import beyond, differences

_DAY_AHEAD = "day-ahead"


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield findings about prices and positions that are not those of the series, settings and gates."""
    price = _price(context)
    yield from _day_ahead(context, price)
    yield from _intraday(context, price)
    penal = context.facts.markets.imbalance.penalty_eur_per_mwh + np.abs(price)
    data = context.case.imbalance
    short, long = penal.copy(), penal.copy()
    yield from reaction.expected(context, short, long)
    yield from _same("imbalance", "short_eur_per_mwh", data.short_eur_per_mwh, short)
    yield from _same("imbalance", "long_eur_per_mwh", data.long_eur_per_mwh, long)


def _same(market: str, field: str, found: Floats, expected: Floats) -> Iterator[str]:
    yield from differences([market], field, np.reshape(found, (1, -1)), np.reshape(expected, (1, -1)))


def series(context: AuditContext, name: str | None) -> Floats:
    """Return a price series (T,), NaN where it has no price."""
    values = () if name is None else context.facts.prices.get(name, ())
    found = np.full(context.day.isps, np.nan)
    for isp, value in enumerate(values):
        if value is not None:
            found[isp] = value
    return found


def _price(context: AuditContext) -> Floats:
    """Return the day-ahead price (T,): the result of each ISP, else what is expected."""
    settings = context.facts.markets.day_ahead
    results, expected = series(context, settings.series), series(context, settings.forecast_series)
    return np.where(np.isnan(results), expected, results)


def _day_ahead(context: AuditContext, price: Floats) -> Iterator[str]:
    data, settings, day = context.case.day_ahead, context.facts.markets.day_ahead, context.day
    yield from _same("day-ahead", "price_eur_per_mwh", data.price_eur_per_mwh, price)
    product = np.floor(day.begins / settings.product_minutes)
    yield from _same("day-ahead", "product", data.product.astype(np.float64), product)
    first = product[: context.facts.closed_isps]
    over = product <= (first[-1] if len(first) else -1)
    yield from _same("day-ahead", "committed_kw", data.committed_kw, settled(context, _DAY_AHEAD, over))
    for way, found, most in (
        ("buys", data.max_buy_kw, settings.max_buy_kw),
        ("sells", data.max_sell_kw, settings.max_sell_kw),
    ):
        yield from beyond(
            ["day-ahead"], f"{way} beyond the limit set", (found - most)[None, :], 1e-6 * (1 + most), "kW"
        )


def settled(context: AuditContext, market: str, over: NDArray[np.bool_]) -> Floats:
    """Return the position (n,) of an auction that nobody can change any more, NaN where it is still to be decided.

    Once its gate has closed, or where it is `over` (n,), it is what was fixed, else what the plan in force has, else 0.
    """
    facts, free = context.facts, np.full(len(over), np.nan)
    fixed, planned = facts.fixed.get(market), facts.previous.positions.get(market)
    if fixed is not None:
        return np.array(fixed, dtype=np.float64)
    stays = np.zeros(len(over)) if planned is None or len(planned) != len(over) else np.array(planned)
    free[over] = stays[over]
    return stays if market in facts.closed_auctions else free


def _intraday(context: AuditContext, price: Floats) -> Iterator[str]:
    data, facts, isps = context.case.intraday, context.facts, context.day.isps
    settings = facts.markets.intraday
    buy, sell = price + settings.spread_eur_per_mwh / 2, price - settings.spread_eur_per_mwh / 2
    given = (series(context, settings.buy_series), series(context, settings.sell_series))
    for isp in range(isps) if settings.buy_series is not None and settings.sell_series is not None else ():
        buy[isp], sell[isp] = _given(given[0][isp], given[1][isp], buy[isp], sell[isp])
    yield from _same("intraday", "buy_eur_per_mwh", data.buy_eur_per_mwh, buy)
    yield from _same("intraday", "sell_eur_per_mwh", data.sell_eur_per_mwh, sell)
    closed = np.arange(isps) < facts.closed_isps
    depth = np.where(closed, 0.0, settings.depth_kw)
    for way, found in (("buys", data.buy_depth_kw), ("sells", data.sell_depth_kw)):
        allowed = 1e-6 * (1 + settings.depth_kw)
        yield from beyond(
            ["intraday"], f"{way} beyond its depth, or after it has closed,", (found - depth)[None, :], allowed, "kW"
        )
    traded, told, eur = _trades(context)
    kept = facts.previous.intraday_kw
    if kept is not None and settings.trades_reported:
        kept = np.zeros(isps)
    committed = np.where(closed, np.nan if kept is None else np.where(told, 0.0, kept), np.nan)
    yield from _same("intraday", "committed_kw", data.committed_kw, committed)
    entered = data.traded_kw if len(data.traded_kw) else np.zeros(isps)
    yield from _same("intraday", "traded_kw", entered, traded)
    if abs(data.traded_eur - eur) > 1e-6 * (1 + abs(eur)):
        yield f"intraday: trades earned {eur:.2f} EUR, the case says {data.traded_eur:.2f}"


def _trades(context: AuditContext) -> tuple[Floats, NDArray[np.bool_], float]:
    """Return what trades bought (T,), kW, in which ISPs (T,) there are some, and what they earned, EUR."""
    day = context.day
    kw, told, eur = np.zeros(day.isps), np.zeros(day.isps, dtype=np.bool_), 0.0
    for trade in context.facts.trades:
        begins = day.since(trade.start)
        inside = (day.begins >= begins) & (day.begins < begins + trade.minutes)
        kw[inside] += 1000 * trade.mw
        told |= inside
        eur += -trade.mw * trade.price_eur_per_mwh * day.hours * int(inside.sum())
    return kw, told, eur


def _given(bought: float, sold: float, buy: float, sell: float) -> tuple[float, float]:
    """Return the prices of one ISP: as given; the mean where they cross; day-ahead ± half the spread for a missing one.

    What stands in never crosses what is given.
    """
    if not np.isnan(bought) and not np.isnan(sold):
        return (bought, sold) if bought >= sold else ((bought + sold) / 2,) * 2
    if not np.isnan(bought):
        return bought, min(sell, bought)
    if not np.isnan(sold):
        return max(buy, sold), sold
    return buy, min(sell, buy)
