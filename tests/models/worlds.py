"""Random cases: small full-featured ones for independent checks, and a demo portfolio of realistic size."""

import numpy as np

from models.case import Direction
from tests.models.builders import day_ahead, imbalance, intraday, limit, load, make, run, solar, storage, switched
from tests.models.obligation_builders import reservation, reserve


def evening(isps):
    hour = np.arange(isps) * 24 / isps
    return (hour >= 17) & (hour < 21)


def _battery(rng, isps, point, reserve_kw):
    power = float(rng.choice([25.0, 100.0, 250.0]))
    return storage(
        isps,
        point=point,
        charge_kw=power,
        discharge_kw=power,
        eta_c=rng.uniform(0.92, 0.97),
        eta_d=rng.uniform(0.92, 0.97),
        retention=rng.uniform(0.9997, 1.0),
        low=0.1 * power,
        high=rng.uniform(1.5, 3.0) * power,
        start=rng.uniform(0.5, 1.5) * power,
        wear=rng.uniform(0.01, 0.04),
        end_value=0.08,
        reserve_kw=reserve_kw * power,
    )


def _car(rng, isps, point, reserve_kw):
    """Arrives in the afternoon, leaves before the day ends, at times with more need than time."""
    hours = 24 / isps
    arrival = int(rng.integers(isps // 3, isps * 3 // 4))
    departure = min(isps - 1, arrival + int(rng.integers(isps // 8, isps // 3)))
    present = (np.arange(isps) >= arrival) & (np.arange(isps) < departure)
    power = float(rng.choice([3.7, 11.0, 22.0]))
    need = min(float(rng.uniform(5, 60)), 1.05 * power * 0.93 * hours * present.sum())
    unmanaged = np.zeros(isps)
    left = need / 0.93
    for t in np.flatnonzero(present):
        unmanaged[t] = min(power, left / hours)
        left -= unmanaged[t] * hours
    return storage(
        isps,
        point=point,
        charge_kw=np.where(present, power, 0.0),
        eta_c=0.93,
        low=np.where(np.arange(isps) >= departure - 1, need, 0.0),
        high=need,
        unmanaged_kw=unmanaged,
        wear=0.0,
        reserve_kw=reserve_kw * power,
    )


def _heat_pump(rng, isps, point):
    hours = 24 / isps
    cop = 3 + rng.uniform(-0.5, 0.5, isps)
    demand = rng.uniform(1.0, 6.0, isps) * hours
    return storage(
        isps,
        point=point,
        charge_kw=4.0,
        eta_c=cop,
        retention=0.999,
        high=12.0,
        start=6.0,
        demand=demand,
        end_value=0.02,
        unmanaged_kw=demand / hours / cop,
    )


def _boiler(isps, i, point):
    """Six hours at night and four by day, for an hour at least; every third cheaper to leave on, every fourth on."""
    quarter = isps / 96
    night, day = int(24 * quarter), int(64 * quarter)
    length = max(int(4 * quarter), 1)
    return switched(
        isps,
        (0, night, night // 2, night),
        (night, day, night // 3, day - night),
        point=point,
        on_kw=2.0 + i % 3,
        min_run=length,
        min_rest=max(length // 2, 1),
        start_eur=0.1 * (i % 3 == 0),
        before=1 if i % 4 == 0 else -isps,
    )


def portfolio(units=600, isps=96, *, seed=1, points=20, price_scale=1.0):
    """Return a demo portfolio: half storage, limits on every third point, two reservations, three reserve products."""
    rng = np.random.default_rng(seed)
    hours = 24 / isps
    hour = np.arange(isps) * hours
    sun = -np.maximum(np.sin((hour - 6) / 12 * np.pi) - 0.01, 0.0)
    parts = []
    for i in range(units):
        point = i // 3 % 2 if i // 3 % 5 < 3 else int(rng.integers(-1, points))
        kind = i % 12
        if kind < 2:
            parts.append(_battery(rng, isps, point, 1.0 if i % 24 < 12 and i % 2 else 0.0))
        elif kind < 5:
            parts.append(_car(rng, isps, point, 1.0 if i % 60 == 2 else 0.0))
        elif kind < 7:
            parts.append(_heat_pump(rng, isps, point))
        elif kind < 9:
            parts.append(solar(isps, 8 * rng.uniform(0.5, 2) * sun, point=point, reserve_kw=5.0 * (i % 60 == 7)))
        elif kind == 9:
            first = int(rng.integers(0, isps // 2))
            parts.append(run([2.0, 1.5, 0.5, 0.5], first, first + isps // 4, point=point))
        else:
            parts.append(load(isps, rng.uniform(0.2, 3.0, isps), point=point))
    parts += [_boiler(isps, i, i % (points + 1) - 1) for i in range(units // 24)]
    for point in range(0, points, 3):
        parts.append(
            limit(
                isps,
                point=point,
                import_kw=np.where(evening(isps), 700.0 if point < 2 else 60.0, np.inf),
                export_kw=-900.0 if point < 2 else -120.0,
            )
        )
    parts.append(reservation(isps, np.where(evening(isps), -300.0, 0.0), name="a", point=0, fee=20.0))
    parts.append(reservation(isps, np.where((hour >= 12) & (hour < 14), 200.0, 0.0), name="b", point=1, fee=20.0))
    price = price_scale * (60 + 50 * np.sin((hour - 15) / 12 * np.pi) + rng.normal(0, 8, isps))
    block = (hour // 4).astype(np.int64)
    return make(
        isps,
        *parts,
        hours=hours,
        points=points,
        day_ahead=day_ahead(isps, price, depth_kw=5000.0, product=np.floor(hour).astype(np.int64)),
        intraday=intraday(isps, price + 4, price - 4, depth_kw=500.0),
        imbalance=imbalance(isps),
        reserves=(
            reserve(isps, rng.uniform(20, 60, 6), name="fcr", direction=Direction.SYMMETRIC, block=block,
                    minimum_mw=1.0, step_mw=1.0, sustain_h=0.25),
            reserve(isps, rng.uniform(20, 60, 6), name="afrr up", direction=Direction.UP, block=block,
                    minimum_mw=1.0, step_mw=1.0, sustain_h=1.0),
            reserve(isps, rng.uniform(20, 60, 6), name="afrr down", direction=Direction.DOWN, block=block,
                    minimum_mw=1.0, step_mw=1.0, sustain_h=1.0),
        ),
    )  # fmt: skip
