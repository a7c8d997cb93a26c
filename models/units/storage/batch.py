"""All storage units one after the other, compiled: read the tables, answer, add up."""

from typing import NamedTuple

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled
from models.tables import Tables, load
from models.units.storage.band import keeps_band
from models.units.storage.kernel import respond_one
from models.units.storage.layout import EXCESS, POWER, RESERVE, SLACK, new_work
from models.units.storage.lines import new_planning
from models.units.storage.margins import respond_with_margins


class Offers(NamedTuple):
    """What reserve earns, see models.response.Sides and models.units.storage.duals."""

    sides: Floats  # (H,3,T)
    product: Ints  # (H,3,T)
    rewards: Floats  # (H,R,T)
    needs: Floats  # (R,4)
    traded: Bools  # (R,T)
    vertices: Floats  # (H,T,M,4)
    number: Ints  # (H,T), (0,T) where no product needs an energy margin


@compiled
def answer_units(
    begin: int, end: int, order: Ints, first: Ints, slot: Ints,
    double: Tables, single: Tables, units: Ints, scalars: Floats, hours: float,
    rows: tuple[Ints, Ints], power: Floats, offers: Offers, tolerance: float,
    power_kw: Floats, held_kw: Floats, money_eur: Floats, details: Floats,
) -> None:  # fmt: skip
    """Add the answers of blocks begin..end to their slots: power (S,T), held (S,R,T), own cost and bound (S,2).

    Where `details` (S,3,T) has slots, the last unit of each leaves its energy, unmet and excess energy there.
    """
    isps, products = power.shape[1], offers.rewards.shape[1]
    table, work = np.empty((7, isps)), new_work(isps, products)
    margins = offers.number.shape[0] > 0
    planning = new_planning(isps if margins else 0, products)
    for block in range(begin, end):
        to = slot[block]
        for i in order[first[block] : first[block + 1]]:
            load(double, single, units[i], table)
            price, h, holds = power[rows[0][i]], rows[1][i], scalars[i, RESERVE] > 0.0
            if margins and holds:
                own, bound, _ = respond_with_margins(
                    table, scalars[i], hours, price, offers.sides[h], offers.product[h], offers.rewards[h],
                    offers.needs, offers.traded, offers.vertices[h], offers.number[h], work, planning, tolerance,
                )  # fmt: skip
            else:
                own, bound = respond_one(
                    table, scalars[i], hours, price, offers.sides[h], offers.product[h], work
                )  # fmt: skip
            power_kw[to] += work.answer[POWER]
            if holds:
                held_kw[to] += work.held
            money_eur[to, 0] += own
            money_eur[to, 1] += bound
            if details.shape[0] > 0:
                details[to] = work.answer[POWER + 1 : EXCESS + 1]


@compiled
def mark_slack(
    begin: int, end: int, double: Tables, single: Tables, units: Ints, scalars: Floats, hours: float, isps: int
) -> None:  # fmt: skip
    """Set the SLACK of units begin..end."""
    table, work = np.empty((7, isps)), new_work(isps, 0)
    for i in range(begin, end):
        load(double, single, units[i], table)
        scalars[i, SLACK] = 0.0 if keeps_band(table, scalars[i], hours, work) else 1.0
