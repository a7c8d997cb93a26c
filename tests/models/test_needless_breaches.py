"""Limits that a mixture of few answers breaks by some watts, though keeping them costs next to nothing."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.decomposition.solve import solve
from models.decomposition.tuning import DEFAULT
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, imbalance, intraday, limit, load, make, storage
from tests.models.obligation_builders import reservation

GAP, LIMIT_S = 1e-3, 240.0
ISPS = 96
HOUR = np.arange(ISPS) * 24 / ISPS
EVENING = (HOUR >= 17) & (HOUR < 23)


def home_battery(rng, point):
    kw = float(rng.choice([5.0, 5.0, 10.0]))
    return storage(
        ISPS, point=point, charge_kw=kw, discharge_kw=kw, eta_c=0.95, eta_d=0.95, retention=1.0, low=0.0, high=2 * kw,
        start=kw, wear=0.02, end_value=0.08,
    )  # fmt: skip


def car(rng, point):
    arrival = int(rng.integers(ISPS // 2, ISPS * 3 // 4))
    departure = min(ISPS - 1, arrival + int(rng.integers(ISPS // 8, ISPS // 4)))
    here = np.where((np.arange(ISPS) >= arrival) & (np.arange(ISPS) < departure), 11.0, 0.0)
    need = min(float(rng.uniform(5, 25)), 0.9 * 0.93 * here.sum() * 24 / ISPS)
    leaving = np.where(np.arange(ISPS) >= departure - 1, need, 0.0)
    return storage(
        ISPS, point=point, charge_kw=here, eta_c=0.93, low=leaving, high=need, unmanaged_kw=here, wear=0.0
    )  # fmt: skip


def streets(seed, *, points, batteries, cars, reserved):
    """Return streets whose load alone exceeds their limit in one to seven ISPs of the evening, by a kW or less."""
    rng = np.random.default_rng(seed)
    parts = []
    for point in range(points):
        parts += [home_battery(rng, point) for _ in range(batteries)]
        parts += [car(rng, point) for _ in range(cars)]
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


def breached_kwh(case, outcome):
    return case.isp_hours * float((outcome.breach_import_kw + outcome.breach_export_kw).sum())


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_no_limit_is_broken_by_what_a_mixture_leaves_out(seed):
    case = streets(seed, points=4, batteries=12, cars=8, reserved=False)
    found = solve(case, relative_gap=GAP, time_limit_s=LIMIT_S)
    assert found.termination is Termination.OPTIMAL
    assert breached_kwh(case, reference(case, time_limit_s=LIMIT_S)) == pytest.approx(0.0, abs=1e-6)
    assert breached_kwh(case, found) == pytest.approx(0.0, abs=1e-3)
    assert audit(case, found) == ()


@pytest.mark.parametrize("seed", [1, 2])
def test_where_the_answers_in_use_break_limits_needlessly_all_are_mixed(seed):
    case = streets(seed, points=2, batteries=60, cars=8, reserved=True)
    few = replace(DEFAULT, master=replace(DEFAULT.master, least_weight=0.05))  # leaves out answers that are needed
    once = replace(few, recovery=replace(DEFAULT.recovery, mends=0))
    assert breached_kwh(case, solve(case, relative_gap=GAP, time_limit_s=LIMIT_S, tuning=once)) > 1.0
    found = solve(case, relative_gap=GAP, time_limit_s=LIMIT_S, tuning=few)
    assert breached_kwh(case, found) == pytest.approx(0.0, abs=1e-2)
    assert any(line.startswith("mixed again: ") for line in found.log)
    assert audit(case, found) == ()


def test_a_breach_that_nothing_can_end_is_not_mixed_again():
    case = streets(1, points=1, batteries=0, cars=8, reserved=False)
    found = solve(case, relative_gap=GAP, time_limit_s=LIMIT_S)
    assert breached_kwh(case, found) > 0.01
    assert not any(line.startswith("mixed again: ") for line in found.log)
