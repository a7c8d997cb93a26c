"""A program in force whose called programs fit the contracts it was made for, and not those that are left."""

from dataclasses import replace

import numpy as np

from models.case import UNIT_CLASSES
from models.evaluation import Earlier
from tests.models.builders import make, storage
from tests.models.obligation_builders import reservation, reserve
from tests.models.solved import solved


def option(name, point, reserved_kw=-1.0):
    return reservation(2, [reserved_kw, 0.0], name=name, point=point, penalty=2000.0, fee=10.0)


def released(left):
    """Two points with a battery of 4 kW each rest for two hours; 4 kW of reserve are awarded, each holds 2 kW.

    While both points were called, with 1 kW in the first hour, the battery at the second one also gave 4 kW in the
    second hour, for no reason: there, the first one held all reserve. Now only the contract `left` is reserved.
    """
    stores = [storage(2, point=c, discharge_kw=4, charge_kw=4, high=40, start=20, reserve_kw=4) for c in (0, 1)]
    up = reserve(2, 20.0, committed_mw=0.004)
    both = make(2, *stores, option("a", 0), option("b", 1), price=50.0, reserves=(up,), points=2)
    now = make(2, *stores, left, price=50.0, reserves=(up,), points=2)
    best, rest = solved(both), np.zeros((2, 2))
    in_force = replace(
        best,
        programs=replace(best.programs, charge_kw=rest, discharge_kw=rest, energy_kwh=rest + 20.0),
        called=replace(
            best.called,
            charge_kw=rest,
            discharge_kw=np.array([[1.0, 0.0], [1.0, 4.0]]),
            energy_kwh=np.array([[19.0, 19.0], [19.0, 15.0]]),
        ),
        headroom=replace(best.headroom, storage_up_kw=np.full((1, 2, 2), 2.0)),
        called_headroom=replace(best.called_headroom, storage_up_kw=np.array([[[2.0, 4.0], [2.0, 0.0]]])),
    )
    every = {name: np.arange(len(both.units(name).point)) for name in UNIT_CLASSES}
    return now, Earlier(case=both, outcome=in_force, rows=every)
