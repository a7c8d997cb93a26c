"""The rows of an offer: bounds of the point's program, stated as an order.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace

import numpy as np

from models.arrays import Floats
from models.case import Case, Orders
from models.flexibility.new_trades import HARD_EUR_PER_MWH, PROMISE_EUR_PER_MWH
from models.flexibility.question import Room

ROOM, OFFER = "room", "offer"
"""The names of the rows: where the program may be at all, and what is promised."""
HALF_W = 0.0004
"""kW by which a program may differ from whole W and still be rounded to them."""


def offered(
    case: Case, room: Room, planned_kw: Floats, volume_kw: Floats, giving_way: tuple[str, ...] = ()
) -> Case:  # fmt: skip
    """Return the case with the rows R(v), of the congestion point's program P, its baseline B and the volume v.

    In requested ISPs P <= B + v (>= where more is asked for), in available ones B + least <= P <= B + most, in all
    others P = B. Where the plan, planned_kw (T,), has left B already, it may stay there. volume_kw (T,) is v, kW.

    The room, and B itself in requested ISPs, are never left for the sake of the volume, which may be more than can be
    delivered: the part that is missing then costs less than any shortfall.

    Orders of the other direction that are `giving_way` bind no further than to the program that is promised now.
    """
    baseline, asked = room.baseline_kw, room.down | room.up
    above, below = np.maximum(planned_kw - baseline, 0.0), np.minimum(planned_kw - baseline, 0.0)
    free = ~room.requested
    most = baseline + np.where(free, np.maximum(room.most_kw, above), above)
    least = baseline + np.where(free, np.minimum(room.least_kw, below), below)
    most[room.up], least[room.down] = np.inf, -np.inf
    promised = asked & (volume_kw != 0)
    promise_most = np.where(promised & room.down, baseline + volume_kw, np.inf)
    promise_least = np.where(promised & room.up, baseline + volume_kw, -np.inf)
    rows = Orders(
        name=(ROOM, OFFER), point=np.array([0, 0]),
        least_kw=np.array([least, promise_least]) - HALF_W, most_kw=np.array([most, promise_most]) + HALF_W,
        penalty_eur_per_mwh=np.array([HARD_EUR_PER_MWH, PROMISE_EUR_PER_MWH]),
    )  # fmt: skip
    return replace(case, orders=_with(_given_way(case.orders, giving_way, promise_least, promise_most), rows))


def _given_way(orders: Orders, names: tuple[str, ...], least_kw: Floats, most_kw: Floats) -> Orders:
    """Return the orders, those of `names` without what lies beyond a promise of the other direction."""
    mine = np.array([name in names for name in orders.name], dtype=np.bool_)
    if not mine.any():
        return orders
    return replace(
        orders,
        least_kw=np.where(mine[:, None], np.minimum(orders.least_kw, most_kw - HALF_W), orders.least_kw),
        most_kw=np.where(mine[:, None], np.maximum(orders.most_kw, least_kw + HALF_W), orders.most_kw),
    )  # fmt: skip


def _with(orders: Orders, rows: Orders) -> Orders:
    """Return the orders that bind already, and the offer's rows after them."""
    if not len(orders.name):
        return rows
    return Orders(
        name=(*orders.name, *rows.name), point=np.append(orders.point, rows.point),
        least_kw=np.vstack([orders.least_kw, rows.least_kw]), most_kw=np.vstack([orders.most_kw, rows.most_kw]),
        penalty_eur_per_mwh=np.append(orders.penalty_eur_per_mwh, rows.penalty_eur_per_mwh),
        price_eur=np.append(orders.price_eur, rows.price_eur),
    )  # fmt: skip
