"""Answers for all storage units, one after the other: reads tables, answers and adds up. Compiled.

double, single: parameters of all units, see models.parameter_views; units (N,): the row there of each unit; scalars
(N,S): see layout.
"""

from typing import NamedTuple

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled, inlined
from models.mixing import share_of
from models.parameter_views import Tables, load
from models.resources.storage.band import keeps_band
from models.resources.storage.kernel import respond_one
from models.resources.storage.layout import (
    ENERGY,
    EXCESS,
    POWER,
    RESERVE,
    SLACK,
    UNMET,
    StoreWorkspace,
    new_store_workspace,
)
from models.resources.storage.lines import MarginWorkspace, new_planning
from models.resources.storage.margins import respond_with_margins


class Offers(NamedTuple):
    """The earnings of reserve, see models.response.Sides and models.resources.storage.duals."""

    sides: Floats  # (H,3,T)
    product: Ints  # (H,3,T)
    rewards: Floats  # (H,R,T)
    needs: Floats  # (R,K) see models.resources.storage.duals
    traded: Bools  # (R,T)
    vertices: Floats  # (H,T,M,K)
    number: Ints  # (H,T), (0,T) where no product is traded
    large_kw: float  # prequalified power from which on activations over several ISPs count exactly


@inlined
def _answer(
    table: Floats, scalars: Floats, hours: float, price: Floats, offers: Offers, h: int, margins: bool,
    work: StoreWorkspace, planning: MarginWorkspace, tolerance: float,
) -> tuple[float, float]:  # fmt: skip
    """Write a unit's answer to work; return (own cost, proven bound), EUR."""
    if margins and scalars[RESERVE] > 0.0:
        own, bound, _ = respond_with_margins(
            table, scalars, hours, price, offers.sides[h], offers.product[h], offers.rewards[h],
            offers.needs, offers.traded, offers.vertices[h], offers.number[h], work, planning, tolerance,
            scalars[RESERVE] >= offers.large_kw,
        )  # fmt: skip
        return own, bound
    return respond_one(table, scalars, hours, price, offers.sides[h], offers.product[h], work)


@compiled
def answer_units(
    begin: int, end: int, order: Ints, first: Ints, slot: Ints,
    double: Tables, single: Tables, units: Ints, scalars: Floats, hours: float,
    rows: tuple[Ints, Ints], power: Floats, offers: Offers, tolerance: float,
    power_kw: Floats, held_kw: Floats, money_eur: Floats, details: Floats,
) -> None:  # fmt: skip
    """Add the answers of blocks begin..end to their slots: power_kw (S,T), held_kw (S,R,T), money_eur (S,2).

    money_eur: own cost and bound. order (N,): units, block after block; first (blocks+1,): where each block begins;
    slot (blocks,): to which it adds. rows: each unit's row of power (G,T), and of the offers. Where `details` (S,3,T)
    has slots, it gets energy, unmet and excess energy, kWh, of the last unit of each.
    """
    isps, products = power.shape[1], offers.rewards.shape[1]
    table, work = np.empty((7, isps)), new_store_workspace(isps, products, scalars.shape[1])
    margins = offers.number.shape[0] > 0
    planning = new_planning(isps if margins else 0, products, offers.needs.shape[1], scalars.shape[1])
    for block in range(begin, end):
        to = slot[block]
        for i in order[first[block] : first[block + 1]]:
            load(double, single, units[i], table)
            own, bound = _answer(
                table, scalars[i], hours, power[rows[0][i]], offers, rows[1][i], margins, work, planning, tolerance
            )
            for t in range(isps):
                power_kw[to, t] += work.answer[POWER, t]
            if scalars[i, RESERVE] > 0.0:
                for r in range(products):
                    for t in range(isps):
                        held_kw[to, r, t] += work.held[r, t]
            money_eur[to, 0] += own
            money_eur[to, 1] += bound
            if details.shape[0] > 0:
                details[to] = work.answer[POWER + 1 : EXCESS + 1]


@compiled
def mix_units(
    begin: int, end: int, chosen: Ints, double: Tables, single: Tables, units: Ints, scalars: Floats, hours: float,
    rows: tuple[Ints, Ints, Ints], power: Floats, offers: Offers, weight: Floats, only: Ints, tolerance: float,
    place: Ints, energy_kwh: Floats, slack_kwh: Floats, charge_kw: Floats, discharge_kw: Floats, held_kw: Floats,
) -> None:  # fmt: skip
    """Add up the answers of chosen[begin..end] to K rounds, each with its weight for the unit.

    rows: each chosen unit's row of power (K,G,T); all units' rows of a round's rewards and of weight (K,N). Round k's
    rewards begin at row k·H of the offers. only (U,): the round whose answer a unit takes as it is, −1 where it mixes.
    Outputs: energy_kwh, charge_kw, discharge_kw (n,T), slack_kwh (2,n,T), held_kw (R,h,T) for the units with a place
    (n,), −1 for none; they must be zero at first.
    """
    rounds, isps, products = power.shape[0], power.shape[2], offers.rewards.shape[1]
    table, work = np.empty((7, isps)), new_store_workspace(isps, products, scalars.shape[1])
    margins = offers.number.shape[0] > 0
    planning = new_planning(isps if margins else 0, products, offers.needs.shape[1], scalars.shape[1])
    for n in range(begin, end):
        i = chosen[n]
        load(double, single, units[i], table)
        for k in range(rounds):
            share = share_of(weight, only, k, i, rows[2][i])
            if share <= 0.0:
                continue
            h = k * (offers.rewards.shape[0] // rounds) + rows[1][i]
            _answer(table, scalars[i], hours, power[k, rows[0][n]], offers, h, margins, work, planning, tolerance)
            for t in range(isps):
                p = work.answer[POWER, t]
                charge_kw[n, t] += share * max(p, 0.0)
                discharge_kw[n, t] += share * max(-p, 0.0)
                energy_kwh[n, t] += share * work.answer[ENERGY, t]
            if scalars[i, SLACK] > 0.0:
                slack_kwh[0, n] += share * work.answer[UNMET]
                slack_kwh[1, n] += share * work.answer[EXCESS]
            if place[n] >= 0:
                held_kw[:, place[n]] += share * work.held


@compiled
def mark_slack(
    begin: int, end: int, double: Tables, single: Tables, units: Ints, scalars: Floats, hours: float, isps: int
) -> None:  # fmt: skip
    """Set the scalar SLACK of units begin..end."""
    table, work = np.empty((7, isps)), new_store_workspace(isps, 0, scalars.shape[1])
    for i in range(begin, end):
        load(double, single, units[i], table)
        scalars[i, SLACK] = 0.0 if keeps_band(table, scalars[i], hours, work) else 1.0
