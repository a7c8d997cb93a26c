"""Imbalance exposure: per balance responsible party (BRP) and ISP, what nobody has bought or the BRP does not know of.

Two amounts that are never added: what the plan in force leaves uncovered, and by how much the plan differs from the
e-program that the BRP has accepted. Money is earned positive, at settlement prices where they are known, else at
day-ahead prices, which are only a stand-in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agr.domain.e_program import EProgram
from agr.domain.isp import Period
from agr.nomination.split import W_PER_KW, Floats, crossing_kw
from agr.planning.settlement import SPREAD_BACK, SettlementPrices, intraday_spread, settled_eur, settlement_prices
from agr.settings import Settings
from agr.store import nominations, register
from agr.store.engine import Tx
from agr.store.nominations import Nomination

_W_PER_MW = 1e6


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
