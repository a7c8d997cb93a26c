"""Prices, positions and gates → the markets of a case. A missing price is an error or a note. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.domain.bid import DAY_AHEAD, KW_PER_MW
from agr.domain.errors import PlanError
from agr.domain.faults import number_of
from agr.planning.case.inputs import Inputs
from agr.settings import CapacityProduct
from agr.settings.markets import DayAhead as DayAheadSettings
from agr.settings.markets import Intraday as IntradaySettings
from models.case import DayAhead, Direction, Imbalance, Intraday, Reserve

Floats = NDArray[np.float64]
Prices = Mapping[str, tuple[float | None, ...]]
"""Series → price per ISP, None where unknown"""
_ROUNDING_EUR_PER_MW = 1e-9
"""A difference of a block's prices below this, in EUR/MW, is rounding."""
_SHOWN = 5
"""Most ranges of ISPs that a note lists."""


def filled(values: Sequence[float | None], isps: int) -> Floats:
    """Return prices with NaN where there is none; no prices at all are `isps` times none."""
    return np.array([np.nan if v is None else v for v in values] or [np.nan] * isps)


def _filled(inputs: Inputs, series: str) -> Floats:
    return filled(inputs.prices.get(series, ()), inputs.period.isp_count)


def known_price(settings: DayAheadSettings, prices: Prices, isps: int) -> Floats:
    """Return the day-ahead price (isps,) in EUR/MWh of the day of some prices: results, else the forecast, else NaN."""
    results = filled(prices.get(settings.series, ()), isps)
    return np.where(np.isnan(results), filled(prices.get(settings.forecast_series, ()), isps), results)


def day_ahead_price(inputs: Inputs, notes: list[str]) -> Floats:
    """Return the price (T,) in EUR/MWh: results, else the forecast. Raises PlanError where an ISP has neither."""
    settings = inputs.markets.day_ahead
    price = known_price(settings, inputs.prices, inputs.period.isp_count)
    known = ~np.isnan(_filled(inputs, settings.series))
    missing = np.flatnonzero(np.isnan(price))
    if len(missing):
        raise PlanError(
            f"no day-ahead price for {len(missing)} of {inputs.period.isp_count} ISPs of {inputs.period} "
            f"(first: ISP {missing[0] + 1}): import series {settings.forecast_series!r} or {settings.series!r}"
        )
    if known.any() and not known.all():
        notes.append(f"day-ahead results cover only {int(known.sum())} of {inputs.period.isp_count} ISPs")
    return price


def day_ahead(inputs: Inputs, price: Floats, notes: list[str]) -> DayAhead:
    """Return the day-ahead market: its position is a decision until the gate has closed, then a constant."""
    settings, period = inputs.markets.day_ahead, inputs.period
    isps = period.isp_count
    product = np.arange(isps) * period.isp_minutes // settings.product_minutes
    begun = np.isin(product, product[: inputs.closed_isps])
    return DayAhead(
        price_eur_per_mwh=price,
        max_buy_kw=np.full(isps, settings.max_buy_kw),
        max_sell_kw=np.full(isps, settings.max_sell_kw),
        product=product,
        committed_kw=_committed(inputs, DAY_AHEAD, begun, notes),
    )


def _committed(inputs: Inputs, market: str, begun: NDArray[np.bool_], notes: list[str]) -> Floats:
    """Return the position (n,) that can no longer change, NaN where it can.

    It is what was fixed at the gate. Where nothing was, although the gate has closed, or an ISP that the position
    counts in (`begun`, (n,)), the plan in force stays as it is, and without one nothing was bought or sold.
    """
    fixed = inputs.fixed.get(market)
    if fixed is not None:
        return np.array(fixed, dtype=float)
    over = begun | (market in inputs.closed_auctions)
    kept = inputs.previous.positions.get(market)
    known = kept is not None and len(kept) == len(begun)
    if over.any():
        stays = "that of the plan in force stays" if known else "none is taken to have been bought or sold"
        notes.append(f"{market}: the gate has closed, and no position is known: {stays}")
    return np.where(over, kept if kept is not None and known else 0.0, np.nan)


def intraday(inputs: Inputs, price: Floats, notes: list[str]) -> Intraday:
    """Return the intraday market; closed ISPs keep their position, and trades that are known are facts.

    What a plan would trade counts as traded once an ISP has closed, unless trades are reported: where one was, or all
    are (`trades_reported`), only these count. Prices come from the configured series, else they are the day-ahead price
    ± half the spread.
    """
    settings, isps = inputs.markets.intraday, inputs.period.isp_count
    buy, sell = intraday_prices(settings, inputs.prices, price, notes)
    committed = np.full(isps, np.nan)
    traded, eur, reported = _traded(inputs)
    if inputs.previous.intraday_kw is not None:
        kept = np.where(reported | settings.trades_reported, 0.0, inputs.previous.intraday_kw)
        committed[: inputs.closed_isps] = kept[: inputs.closed_isps]
    depths = [
        np.maximum(settings.depth_kw - (np.zeros(isps) if offered is None else offered), 0.0)
        for offered in (inputs.offered_buy_kw, inputs.offered_sell_kw)
    ]
    for depth in depths:
        depth[: inputs.closed_isps] = 0.0
    return Intraday(
        buy_eur_per_mwh=buy, sell_eur_per_mwh=sell, buy_depth_kw=depths[0], sell_depth_kw=depths[1],
        committed_kw=committed, traded_kw=traded if inputs.trades else np.zeros(0), traded_eur=eur,
    )  # fmt: skip


def intraday_prices(
    settings: IntradaySettings, prices: Prices, price: Floats, notes: list[str]
) -> tuple[Floats, Floats]:
    """Return the prices at which we can buy and sell intraday (T,), EUR/MWh; `price`: day-ahead (T,)."""
    buy, sell = price + settings.spread_eur_per_mwh / 2, price - settings.spread_eur_per_mwh / 2
    if settings.buy_series is None or settings.sell_series is None:
        return buy, sell
    return _given(prices, settings.buy_series, settings.sell_series, buy, sell, notes)


def _traded(inputs: Inputs) -> tuple[Floats, float, NDArray[np.bool_]]:
    """Return what known trades bought, net (T,), kW, what they earned, EUR, and in which ISPs (T,) there are any."""
    period = inputs.period
    traded, reported, eur = np.zeros(period.isp_count), np.zeros(period.isp_count, dtype=np.bool_), 0.0
    for trade in inputs.trades:
        first = period.isp_of(trade.start) - 1
        isps = slice(first, first + trade.minutes // period.isp_minutes)
        traded[isps] += trade.mw * KW_PER_MW
        reported[isps] = True
        eur -= trade.mw * trade.price_eur_per_mwh * trade.minutes / 60
    return traded, eur, reported


def _given(
    prices: Prices, buy_series: str, sell_series: str, buy: Floats, sell: Floats, notes: list[str]
) -> tuple[Floats, Floats]:
    """Return the given prices (T,), with `buy` and `sell` in their place where one is missing.

    Only what is missing or wrong is replaced. A price that stands in never crosses a given one; where given prices
    cross, which would be money for nothing, both become their mean.
    """
    bought, sold = (filled(prices.get(series, ()), len(buy)) for series in (buy_series, sell_series))
    for series, missing in ((buy_series, np.isnan(bought)), (sell_series, np.isnan(sold))):
        if missing.any():
            notes.append(f"no intraday price {series!r} in {named_isps(missing)}: day-ahead ± half the spread was used")
    crossed = bought < sold  # False where one is missing
    if crossed.any():
        notes.append(f"intraday buying price below the selling price in {named_isps(crossed)}: the mean was used there")
    mean = (bought + sold) / 2
    bought, sold = np.where(crossed, mean, bought), np.where(crossed, mean, sold)
    buying = np.where(np.isnan(bought), np.fmax(buy, sold), bought)
    return buying, np.where(np.isnan(sold), np.fmin(sell, buying), sold)


def named_isps(where: NDArray[np.bool_]) -> str:
    """Name ISPs, from 1, as ranges."""
    chosen = np.flatnonzero(where) + 1
    runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
    names = [f"{run[0]}" if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    shown = ", ".join([*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])])
    return f"{number_of(len(chosen), 'ISP')} ({shown})"


def imbalance(inputs: Inputs, price: Floats, _notes: list[str]) -> Imbalance:
    """Return imbalance prices: so far above the day-ahead price, both ways, that planned imbalance never pays.

    Where resources may react, they are what imbalance is expected to be settled for in ISPs that are closed.
    """
    penal = inputs.markets.imbalance.penalty_eur_per_mwh + np.abs(price)
    if inputs.reaction is None:
        return Imbalance(short_eur_per_mwh=penal, long_eur_per_mwh=penal)
    short, surplus = inputs.reaction.short_eur_per_mwh, inputs.reaction.surplus_eur_per_mwh
    known = ~np.isnan(short)
    return Imbalance(
        short_eur_per_mwh=np.where(known, short, penal), long_eur_per_mwh=np.where(known, -surplus, penal)
    )  # fmt: skip


def reserves(inputs: Inputs, _price: Floats, notes: list[str]) -> tuple[Reserve, ...]:
    """Return the configured balancing-capacity products."""
    return tuple(_reserve(inputs, product, notes) for product in inputs.markets.capacity)


def _reserve(inputs: Inputs, product: CapacityProduct, notes: list[str]) -> Reserve:
    """Return one product: price in EUR/MW and depth in MW per block, and the awarded MW once its gate has closed.

    Where awards have a probability, the price is what bids ask: the share of the expected one that earns most.
    """
    period = inputs.period
    block = np.array(period.blocks(product.block_hours), dtype=np.int64)
    blocks, (share, chance) = 24 // product.block_hours, product.asks
    per_isp = _filled(inputs, product.series)
    price, depth = np.zeros(blocks), np.full(blocks, product.max_mw)
    whole, differing = product.price_unit == "EUR/MW/block", np.zeros(len(block), dtype=np.bool_)
    for b in range(blocks):
        values = per_isp[block == b]
        if not len(values) or np.isnan(values).any():
            depth[b] = 0.0
            continue
        hours = 1.0 if whole else len(values) * period.isp_hours
        differing |= (block == b) & (whole and bool(np.ptp(values) > _ROUNDING_EUR_PER_MW))
        price[b] = float(values.mean()) * hours * share
    if (depth < product.max_mw).any():
        lacking = number_of(int((depth < product.max_mw).sum()), "block")
        notes.append(f"no price of {product.name} in {lacking}: no bid there")
    if differing.any():  # a block has one price: the series is probably per hour
        notes.append(
            f"prices of {product.name}, in EUR/MW/block, differ within blocks in {named_isps(differing)}: "
            "the mean was used there; did you mean EUR/MW/h?"
        )
    begun = np.isin(np.arange(blocks), block[: inputs.closed_isps])
    return Reserve(
        name=product.name, direction=Direction(product.direction), price_eur_per_mw=price, block=block,
        minimum_mw=product.minimum_mw, step_mw=product.step_mw, max_mw=depth, sustain_h=product.sustain_minutes / 60,
        committed_mw=_committed(inputs, product.name, begun, notes),
        shortfall_eur_per_mwh=product.shortfall_eur_per_mwh,
        award_probability=np.full(blocks, chance) if product.award else np.zeros(0),
    )  # fmt: skip


MARKETS: dict[str, Callable[[Inputs, Floats, list[str]], Any]] = {
    "day_ahead": day_ahead,
    "intraday": intraday,
    "imbalance": imbalance,
    "reserves": reserves,
}
"""The markets made from settings and prices: field of models.Case → function that makes it.

The function takes the inputs, the day-ahead price (T,) and the notes on fall-backs, and may append to the notes. A new
market of this kind is a function here and its settings in agr.settings. `build` adds limits and reservations, which are
made from tables, and what was announced."""
