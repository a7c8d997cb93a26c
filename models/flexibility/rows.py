"""The rows of an offer: bounds of the point's program, stated as an order.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace

import numpy as np

from models.arrays import Floats
from models.case import Case, Orders
from models.flexibility.new_trades import PROMISE_EUR_PER_MWH
from models.flexibility.question import Room

OFFER = "offer"
"""The name of the rows."""
HALF_W = 0.0004
"""kW by which a program may differ from whole W and still be rounded to them."""


def offered(case: Case, room: Room, planned_kw: Floats, volume_kw: Floats) -> Case:
    """Return the case with the rows R(v): in requested ISPs P <= B + v (>= where more is asked for), in available ones
    B + least <= P <= B + most, in all others P = B. Where the plan has left B already, it may stay there.
    """
    baseline = room.baseline_kw
    free = ~room.requested
    most, least = np.full(case.isps, np.inf), np.full(case.isps, -np.inf)
    above, below = np.maximum(planned_kw - baseline, 0.0), np.minimum(planned_kw - baseline, 0.0)
    most[free] = (baseline + np.maximum(room.most_kw, above))[free]
    least[free] = (baseline + np.minimum(room.least_kw, below))[free]
    nothing = room.requested & ~room.down & ~room.up
    most[room.down] = (baseline + np.where(volume_kw == 0, above, volume_kw))[room.down]
    least[room.up] = (baseline + np.where(volume_kw == 0, below, volume_kw))[room.up]
    most[nothing], least[nothing] = (baseline + above)[nothing], (baseline + below)[nothing]
    row = Orders(
        name=(OFFER,), point=np.array([0]), least_kw=(least - HALF_W)[None], most_kw=(most + HALF_W)[None],
        penalty_eur_per_mwh=np.array([PROMISE_EUR_PER_MWH]),
    )  # fmt: skip
    return replace(case, orders=_with(case.orders, row))


def _with(orders: Orders, row: Orders) -> Orders:
    """Return the orders that bind already, and the offer's rows after them."""
    if not len(orders.name):
        return row
    return Orders(
        name=(*orders.name, *row.name), point=np.append(orders.point, row.point),
        least_kw=np.vstack([orders.least_kw, row.least_kw]), most_kw=np.vstack([orders.most_kw, row.most_kw]),
        penalty_eur_per_mwh=np.append(orders.penalty_eur_per_mwh, row.penalty_eur_per_mwh),
    )  # fmt: skip
