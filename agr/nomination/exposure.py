"""Imbalance exposure: per balance responsible party (BRP) and ISP, what nobody has bought or the BRP does not know of.

Two amounts that are never added: what the plan in force leaves uncovered, and by how much the plan differs from the
e-program that the BRP has accepted. Money is earned positive, at settlement prices where they are known, else at
day-ahead prices, which are only a stand-in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.e_program import EProgram
from agr.domain.isp import Period
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.nomination.split import W_PER_KW, Floats, crossing_kw
from agr.settings import Settings
from agr.store import nominations, register
from agr.store.engine import Tx
from agr.store.nominations import Nomination

_W_PER_MW = 1e6
SPREAD_BACK = timedelta(days=1)
"""A price of this length may begin before its Period."""


@dataclass(frozen=True, kw_only=True)
class SettlementPrices:
    """What imbalance is settled at, per ISP, EUR/MWh; NaN where not even a stand-in is known."""

    shortage: Floats  # (T,)
    surplus: Floats  # (T,)
    stand_in: NDArray[np.bool_]  # (T,) the day-ahead price, or its forecast, because settlement prices are not known


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """One BRP's exposure in one Period; MWh per ISP, consumption and shortage positive."""

    brp: str
    balance: str  # together | itself
    newest: Nomination
    accepted: Nomination | None  # the newest revision that it has accepted
    energy_mwh: Floats  # (T,) of the newest revision: what its connections take in the plan
    day_ahead_mwh: Floats  # (T,)
    intraday_mwh: Floats  # (T,)
    uncovered_mwh: Floats  # (T,) what nobody has bought (short is positive)
    uncovered_eur: Floats  # (T,) NaN where no price is known
    unaccepted_mwh: Floats | None  # (T,) energy beyond the accepted revision; None: it has accepted none
    unaccepted_eur: Floats | None  # (T,)


@dataclass(frozen=True, kw_only=True)
class Exposures:
    """The exposure of every BRP that was nominated to."""

    period: Period
    prices: SettlementPrices
    brps: tuple[Exposure, ...]
    crossing_mwh: Floats  # (T,) bought intraday while others sell as much, since some are balanced by themselves
    crossing_eur: Floats  # (T,) what the spread on that costs, not positive; the plan's value counts it


def exposures(tx: Tx, settings: Settings, period: Period) -> Exposures:
    """Return the exposure of every BRP in the settings that has an e-program, in their order."""
    known = register.prices(tx, period.start - SPREAD_BACK, period.end)
    prices = settlement_prices(settings, known, period)
    history = nominations.history(tx, period.day)
    found = []
    for brp in settings.brps:
        mine = [one for one in history if one.brp == brp.name]
        if mine:
            found.append(_exposure(brp.name, brp.balance, mine, prices, period))
    traded = np.array([e.newest.content.intraday_w for e in found], dtype=float).reshape(len(found), period.isp_count)
    crossing = crossing_kw(traded / W_PER_KW, [e.balance == "itself" for e in found]) * period.isp_hours / 1000
    return Exposures(
        period=period, prices=prices, brps=tuple(found), crossing_mwh=crossing,
        crossing_eur=-crossing * intraday_spread(settings, known, period),
    )  # fmt: skip


def settlement_prices(settings: Settings, known: Sequence[Price], period: Period) -> SettlementPrices:
    """Return settlement prices; where one of the two is not known, the day-ahead price, or its forecast, for both."""
    market, auction = settings.markets.imbalance, settings.markets.day_ahead

    shortage, surplus = (_per_isp(known, series, period) for series in (market.shortage_series, market.surplus_series))
    results = _per_isp(known, auction.series, period)
    usual = np.where(np.isnan(results), _per_isp(known, auction.forecast_series, period), results)
    unknown = np.isnan(shortage) | np.isnan(surplus)
    return SettlementPrices(
        shortage=np.where(unknown, usual, shortage), surplus=np.where(unknown, usual, surplus), stand_in=unknown
    )  # fmt: skip


def intraday_spread(settings: Settings, known: Sequence[Price], period: Period) -> Floats:
    """Return buying minus selling price (T,), EUR/MWh, as plans use it: of the series where both prices are known."""
    market = settings.markets.intraday
    usual = np.full(period.isp_count, market.spread_eur_per_mwh)
    if market.buy_series is None or market.sell_series is None:
        return usual
    spread = _per_isp(known, market.buy_series, period) - _per_isp(known, market.sell_series, period)
    return np.where(np.isnan(spread), usual, np.maximum(spread, 0.0))


def _per_isp(known: Sequence[Price], series: str, period: Period) -> Floats:
    """Return a series' price per ISP (T,), NaN where it is not known."""
    return np.array([np.nan if v is None else v for v in values_on(known, series, period)], dtype=np.float64)


def settled_eur(short_mwh: Floats, prices: SettlementPrices) -> Floats:
    """Return what imbalance (T,) is settled for: shortage is bought, surplus sold. Nothing costs nothing."""
    at = np.where(short_mwh > 0, prices.shortage, prices.surplus)
    return np.where(short_mwh == 0, 0.0, -short_mwh * at)


def _exposure(brp: str, balance: str, mine: Sequence[Nomination], prices: SettlementPrices, period: Period) -> Exposure:
    newest = mine[-1]
    accepted = next((one for one in reversed(mine) if one.answer == "accepted"), None)
    power, day_ahead, intraday, uncovered = _energy(newest.content, period)
    beyond = None if accepted is None else power - _energy(accepted.content, period)[0]
    return Exposure(
        brp=brp, balance=balance, newest=newest, accepted=accepted, energy_mwh=power, day_ahead_mwh=day_ahead,
        intraday_mwh=intraday, uncovered_mwh=uncovered, uncovered_eur=settled_eur(uncovered, prices),
        unaccepted_mwh=beyond, unaccepted_eur=None if beyond is None else settled_eur(beyond, prices),
    )  # fmt: skip


def _energy(content: EProgram, period: Period) -> tuple[Floats, Floats, Floats, Floats]:
    """Return power, day-ahead, intraday and imbalance as MWh per ISP."""
    parts = (content.power_w, content.day_ahead_w, content.intraday_w, content.imbalance_w)
    power, day_ahead, intraday, imbalance = (
        np.array(w, dtype=np.float64) * period.isp_hours / _W_PER_MW for w in parts
    )
    return power, day_ahead, intraday, imbalance
