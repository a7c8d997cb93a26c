"""Streets of homes with batteries and cars at congestion points whose limits bind in the evening."""

import numpy as np

from tests.models.builders import day_ahead, imbalance, intraday, limit, load, make, storage
from tests.models.obligation_builders import reservation

ISPS = 96
HOUR = np.arange(ISPS) * 24 / ISPS
EVENING = (HOUR >= 17) & (HOUR < 23)


def home_battery(rng, point):
    kw = float(rng.choice([5.0, 5.0, 10.0]))
    return storage(
        ISPS, point=point, charge_kw=kw, discharge_kw=kw, eta_c=0.95, eta_d=0.95, retention=1.0, low=0.0, high=2 * kw,
        start=kw, wear=0.02, end_value=0.08,
    )  # fmt: skip


def car(rng, point, least_kw):
    arrival = int(rng.integers(ISPS // 2, ISPS * 3 // 4))
    departure = min(ISPS - 1, arrival + int(rng.integers(ISPS // 8, ISPS // 4)))
    here = np.where((np.arange(ISPS) >= arrival) & (np.arange(ISPS) < departure), 11.0, 0.0)
    need = min(float(rng.uniform(5, 25)), 0.9 * 0.93 * here.sum() * 24 / ISPS)
    leaving = np.where(np.arange(ISPS) >= departure - 1, need, 0.0)
    return storage(
        ISPS, point=point, charge_kw=here, eta_c=0.93, low=leaving, high=need, unmanaged_kw=here, wear=0.0,
        charge_min_kw=least_kw,
    )  # fmt: skip


def streets(seed, *, points, batteries, cars, reserved, least_kw=0.0):
    """Return streets whose load alone exceeds their limit in one to seven ISPs of the evening, by a kW or less.

    least_kw: the least power of cars while they charge.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for point in range(points):
        parts += [home_battery(rng, point) for _ in range(batteries)]
        parts += [car(rng, point, least_kw) for _ in range(cars)]
        kw = 40 + 20 * np.sin((HOUR - 13) / 12 * np.pi) + rng.normal(0, 0.3, ISPS)
        most = float(np.sort(kw[EVENING])[-int(rng.integers(2, 8))])
        parts.append(load(ISPS, kw, point=point))
        parts.append(limit(ISPS, point=point, import_kw=np.where(EVENING, most, np.inf), penalty=2000.0))
        if reserved and point % 2 == 0:
            kw = np.where((HOUR >= 18) & (HOUR < 20), -15.0, 0.0)
            parts.append(reservation(ISPS, kw, name=f"option {point}", point=point, fee=20.0))
    price = 60 + 50 * np.sin((HOUR - 15) / 12 * np.pi) + rng.normal(0, 8, ISPS)
    return make(
        ISPS, *parts, hours=24 / ISPS, points=points,
        day_ahead=day_ahead(ISPS, price, depth_kw=5000.0, product=np.floor(HOUR).astype(np.int64)),
        intraday=intraday(ISPS, price + 4, price - 4, depth_kw=500.0), imbalance=imbalance(ISPS),
    )  # fmt: skip
