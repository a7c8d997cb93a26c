"""Random portfolios with tariffs: one optimum, however it is found."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.audit import audit
from models.case import NO_POINT, Direction
from models.decomposition.solve import solve as decompose
from tests.models.builders import behind, intraday, load, make, paying, solar, storage
from tests.models.obligation_builders import reservation, reserve
from tests.models.oracle import best_value
from tests.models.solved import solved


def decomposed(case, gap=1e-6):
    """Return the audited outcome of the decomposition, whose bound must hold the exact optimum."""
    outcome = decompose(case, relative_gap=gap, time_limit_s=600.0, threads=1)
    assert audit(case, outcome) == ()
    return outcome


ISPS = 4


@st.composite
def worlds(draw):
    """A few devices at connections with tariffs, peaks and limits, at two congestion points and none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 3))
    place = rng.choice([0, 1, NO_POINT], count)
    parts, at = [], {"storage": [], "curtailable": [], "fixed": []}
    for _ in range(draw(st.integers(2, 6))):
        home = int(rng.integers(-1, count))
        kind = rng.choice(["storage", "storage", "curtailable", "fixed"])
        at[kind].append(home)
        point, power = int(place[home]) if home >= 0 else 0, rng.uniform(2, 12)
        if kind == "storage":
            parts.append(
                storage(
                    ISPS, point=point, charge_kw=power, discharge_kw=rng.choice([0.0, power]), eta_c=0.95, eta_d=0.95,
                    low=np.array([0, 0, 0, 1]) * rng.uniform(0, power), high=3 * power, start=0.5, wear=0.002,
                    reserve_kw=rng.choice([0.0, power]),
                )
            )  # fmt: skip
        elif kind == "curtailable":
            parts.append(solar(ISPS, -rng.uniform(0, 15, ISPS), point=point, cost=rng.uniform(0, 5)))
        else:
            parts.append(load(ISPS, rng.uniform(0, 6, ISPS), point=point))
    if draw(st.booleans()):
        parts.append(reservation(ISPS, rng.choice([0.0, -4.0, 3.0], ISPS), point=0, penalty=rng.uniform(100, 3000)))
    reserves = []
    if draw(st.booleans()):
        direction = rng.choice([Direction.UP, Direction.DOWN, Direction.SYMMETRIC])  # type: ignore[arg-type]
        reserves.append(reserve(ISPS, 8.0, direction=direction, step_mw=0.0001, max_mw=0.02))
    case = make(
        ISPS, *parts, points=2, price=rng.uniform(5, 120, ISPS), reserves=reserves,
        intraday=intraday(ISPS, 90.0, 40.0, depth_kw=5.0),
    )  # fmt: skip
    homes = []
    for k in range(count):
        dear = rng.uniform(0, 200, ISPS)
        less = rng.choice([0.0, 60.0, 300.0]) * rng.random(ISPS)
        homes.append({"import_eur": dear, "export_eur": dear - less, "point": int(place[k])})
    peaks = [
        {
            "at": int(rng.integers(count)), "eur_per_kw": rng.uniform(0, 0.3), "reached_kw": rng.choice([0.0, 3.0]),
            "inside": rng.random(ISPS) < 0.8,
        }
        for _ in range(draw(st.integers(0, 2)))
    ]  # fmt: skip
    if draw(st.booleans()):
        limits = [{"import_kw": rng.uniform(3, 15), "export_kw": -rng.uniform(2, 10), "penalty": 500.0}] * count
        case = behind(case, *limits, **at)
    return paying(case, *homes, peaks=peaks, **at)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=worlds())
def test_random_tariffs_have_one_optimum_and_no_bound_lies_below_it(case):
    outcome = solved(case)
    assert outcome.objective_eur == pytest.approx(best_value(case), abs=1e-5)
    found = decomposed(case, gap=1e-3)
    assert found.bound_eur >= outcome.objective_eur - 1e-5 - 1e-7 * outcome.gross_cost_eur
    assert found.objective_eur <= outcome.objective_eur + 1e-5
