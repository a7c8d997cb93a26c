"""A world with everything in it for tests of the audit, and how they change its solved outcome."""

from dataclasses import replace

import numpy as np

from models.audit import audit
from models.case import NO_POINT, Anchor, Direction, Orders
from tests.models.builders import (
    behind,
    day_ahead,
    imbalance,
    intraday,
    limit,
    load,
    make,
    paying,
    run,
    solar,
    storage,
    switched,
)
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import balanced, reservation, reserve


def world(isps=12, *, hours=0.5, price_shift=0.0):
    """Everything at once: two congestion points and none, both signs of reservation, all directions of reserve."""
    rng = np.random.default_rng(isps)
    time = np.arange(isps) / isps
    price = 80 + 60 * np.sin(7 * time) + rng.normal(0, 5, isps) + price_shift
    block = (np.arange(isps) >= isps // 2).astype(np.int64)
    sun = -120 * np.sin(np.pi * time)
    closed = np.where(np.arange(isps) < 2, 5.0, NAN)
    battery = {"charge_kw": 40, "discharge_kw": 50, "eta_c": 0.9, "eta_d": 0.95, "retention": 0.999, "low": 5,
               "high": 150, "start": 60, "wear": 0.01, "end_value": 0.08, "reserve_kw": 30}  # fmt: skip
    case = make(
        isps,
        load(isps, rng.uniform(5, 20, isps), point=0),
        load(isps, 3.0, point=NO_POINT),
        solar(isps, sun, point=0, cost=3.0, reserve_kw=20.0),
        solar(isps, sun / 2, point=1, reserve_kw=20.0),
        storage(isps, point=0, **battery),
        storage(isps, point=1, **battery),
        storage(isps, point=NO_POINT, **battery),
        storage(isps, point=0, charge_kw=8, eta_c=3.0, high=20, start=10, demand=4, unmanaged_kw=3.0),
        storage(isps, point=1, charge_kw=4, high=200, low=np.where(time > 0.6, 30.0 * isps * hours, 0.0)),  # too much
        storage(isps, point=0, charge_kw=4, high=200, low=np.where(time > 0.6, 30.0 * isps * hours, 0.0),
                shortfall=0.05),  # so cheap that a call makes it miss more
        run([6.0, 4.0, 2.0], 1, isps - 4, point=0),
        run([5.0, 5.0], 2, isps - 2, point=1),
        switched(isps, (0, isps, 3, isps - 2), on_kw=5.0, min_run=2, min_rest=2, start_eur=0.1, before=-1),
        limit(isps, point=0, import_kw=25.0, export_kw=-15.0, penalty=200.0),
        limit(isps, point=1, import_kw=np.where(time > 0.5, 2.0, np.inf), penalty=200.0),
        reservation(isps, np.where(time >= 0.5, -80.0, 0.0), name="less", point=0, fee=20.0,
                    fee_only_kw=np.where(time >= 0.75, -8.0, 0.0)),
        reservation(isps, np.where(time < 0.25, 500.0, 0.0), name="more", point=0, fee=20.0),
        hours=hours,
        points=2,
        day_ahead=day_ahead(isps, price, product=np.arange(isps) // 2, committed_kw=closed, depth_kw=500.0),
        intraday=intraday(isps, price + 10, price - 10, depth_kw=30.0, committed_kw=-closed),
        imbalance=imbalance(isps),
        reserves=(
            reserve(isps, [800.0, 900.0], name="fcr", direction=Direction.SYMMETRIC, block=block, sustain_h=0.25,
                    minimum_mw=0.01, step_mw=0.01, max_mw=0.02),
            reserve(isps, [7.0, 6.0], name="up", direction=Direction.UP, block=block, sustain_h=1.0,
                    committed_mw=[NAN, 0.02], award=[0.9, 0.4]),
            reserve(isps, [5.0, 8.0], name="down", direction=Direction.DOWN, block=block, sustain_h=1.0,
                    committed_mw=[0.9, NAN]),
        ),
    )  # fmt: skip
    announced = np.vstack([np.full(isps, 10.0), np.full(isps, NAN)])
    case = replace(case, anchor=Anchor(point_kw=announced, eur_per_mwh=0.5))
    # two houses at the first point in a street with a limit of its own, one at the second, and one with reserve only
    limits = (
        {"parent": 1, "import_kw": 30.0, "export_kw": -40.0, "penalty": 150.0, "point": 0},
        {"import_kw": np.where(time > 0.3, 20.0, np.inf), "export_kw": -70.0, "penalty": 90.0, "point": 0},
        {"import_kw": 10.0, "export_kw": -25.0, "penalty": 60.0, "point": 1},
    )
    case = behind(
        case, *limits, fixed=[0, -1], curtailable=[1, 2], storage=[0, 2, -1, 1, 2, -1], shiftable=[1, 2], switched=[0]
    )
    # more is ordered at the second point than it can deliver, so cheaply that nothing moves for it
    most = np.where(np.arange(isps) == 4, -200.0, np.inf)[None]
    case = replace(case, orders=Orders(name=("order",), point=np.array([1]), least_kw=np.full((1, isps), -np.inf),
                                       most_kw=most, penalty_eur_per_mwh=np.array([1.0]),
                                       price_eur=np.array([2.5])))  # fmt: skip
    # a house at either point pays for what it draws; the second one for its highest import as well
    homes = ({"import_eur": 30.0, "export_eur": 5.0}, {"import_eur": 20.0, "export_eur": 20.0, "point": 1})
    peak = {"at": 1, "eur_per_kw": 0.02, "reached_kw": 1.0}
    case = paying(
        case, *homes, peaks=[peak], fixed=[0, -1], curtailable=[0, 1], storage=[0, 1, -1, 0, 1, -1], shiftable=[0, 1],
        switched=[0],
    )  # fmt: skip
    # a party that is balanced by itself has generation at the first point, and stores at the second and at none
    return balanced(
        case, {"name": "together", "share": 0.75}, {"name": "itself", "share": 0.25}, curtailable=[1, 0],
        storage=[0, 0, 1, 0, 0, 1],
    )  # fmt: skip


def edited(value, path, change):
    """Return a copy with the part at the path replaced by change(part)."""
    head, _, rest = path.partition(".")
    part = getattr(value, head)
    if rest.isdigit():
        new = tuple(change(item) if i == int(rest) else item for i, item in enumerate(part))
    elif rest and isinstance(part, tuple):
        number, _, name = rest.partition(".")
        new = tuple(edited(item, name, change) if i == int(number) else item for i, item in enumerate(part))
    else:
        new = edited(part, rest, change) if rest else change(part)
    return replace(value, **{head: new})


def add(place, amount):
    def change(values):
        copy = values.copy()
        copy[place] = ~copy[place] if copy.dtype == bool else copy[place] + amount
        return copy

    return change


def found(case, outcome, *words):
    findings = audit(case, outcome)
    assert any(all(word in finding for word in words) for finding in findings), (words, findings)
