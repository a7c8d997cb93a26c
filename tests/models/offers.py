"""Congestion points for tests of offers: planned, cut out, asked for a price, ordered."""

from dataclasses import replace

import numpy as np

from models.case import Orders
from models.flexibility.excerpt import excerpt
from models.flexibility.ordering import ordered
from models.flexibility.pricing import price
from models.flexibility.question import Question, Room
from models.part import subproblem, whole_case, whole_outcome
from models.reference.problem import solve
from tests.models.builders import imbalance, intraday, load, make, storage

ISPS = 4
DAY = [40.0, 40.0, 20.0, 30.0]


def battery(point=0, **values):
    """A full day of a lossless battery that must end as it began: every kWh less needs a kWh more elsewhere."""
    given = {"charge_kw": 10, "discharge_kw": 10, "high": 20, "low": [0, 0, 0, 10], "start": 10} | values
    return storage(ISPS, point=point, **given)


def market(depth_kw=100.0, spread=30.0):
    return intraday(ISPS, buy=np.add(DAY, spread / 2), sell=np.subtract(DAY, spread / 2), depth_kw=depth_kw)


def planned(case):
    """Return the case after its day-ahead gate, where the loads were bought, and its exact plan.

    With a spread of 30 EUR/MWh the batteries rest.
    """
    bought = case.fixed.program_kw.sum(axis=0)
    fixed = replace(case, day_ahead=replace(case.day_ahead, committed_kw=bought))
    return fixed, solve(fixed, relative_gap=1e-9, time_limit_s=600.0, threads=1)


def point_case(*units, points=1, depth_kw=100.0, spread=30.0, **more):
    return make(ISPS, *units, *(load(ISPS, 5.0, point=p) for p in range(points)), points=points, price=DAY,
                intraday=market(depth_kw, spread), imbalance=imbalance(ISPS), **more)  # fmt: skip


def room(plan, point, *, requested, least, most):
    """Return what a DSO allows: arrays of four ISPs; the baseline is the plan in whole W."""
    baseline = np.round(plan.point_kw[point] * 1000) / 1000
    return Room(
        baseline_kw=baseline, requested=np.array(requested, dtype=np.bool_),
        least_kw=np.array(least, dtype=float), most_kw=np.array(most, dtype=float),
    )  # fmt: skip


def question(case, plan, asked, point=0, **more):
    at = np.array([point])
    nothing = np.zeros(case.isps)
    return Question(
        part=subproblem(case, plan, at), planned=excerpt(case, plan, at), room=asked, threads=1,
        **({"buy_taken_kw": nothing, "sell_taken_kw": nothing} | more),
    )  # fmt: skip


def asked(case, plan, asked_room, point=0, **more):
    return price(question(case, plan, asked_room, point, **more))


def order_of(case, plan, priced, asked_room, point=0, factor=1.0, made_in=None):
    """Return the whole case and outcome once an offer is ordered; the plan was made in this case, or in `made_in`."""
    at = np.array([point])
    part, here = subproblem(case, plan, at), excerpt(case, plan, at)
    was = part if made_in is None else subproblem(made_in, plan, at)
    volume, free = factor * priced.volume_kw, priced.volume_kw == 0
    bound = asked_room.baseline_kw + volume
    row = Orders(
        name=(f"order {point}",), point=np.array([0]),
        least_kw=np.where(free | (volume < 0), -np.inf, bound - 5e-4)[None],
        most_kw=np.where(free | (volume > 0), np.inf, bound + 5e-4)[None], penalty_eur_per_mwh=np.array([5000.0]),
    )  # fmt: skip
    part = replace(part, orders=row)
    found = ordered(part, here, priced.outcome, factor, was)
    return whole_case(case, plan, at, part), whole_outcome(case, plan, at, part, found), (part, found)
