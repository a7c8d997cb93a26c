"""What an offer costs is what trying every program says."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.models.builders import run, switched
from tests.models.offers import ISPS, asked, battery, planned, point_case, room

HALF_W_EUR = 1e-4
"""What half a W per ISP may be worth."""


def brute_force(case, plan, asked_room, volume):
    """Return the least cost of new trades over every combination of starts and switches, to deliver a volume."""
    starts = [range(int(a), int(b) + 1) for a, b in
              zip(case.shiftable.first_start, case.shiftable.last_start, strict=True)]  # fmt: skip
    states = [list(product([0, 1], repeat=case.isps))] * len(case.switched.point)
    base = case.fixed.program_kw[0]
    best = {}
    chosen: Any
    for chosen in product(*starts, *states):
        power = base.copy()
        for unit, start in enumerate(chosen[: len(starts)]):
            length = int(case.shiftable.length[unit])
            power[start : start + length] += case.shiftable.profile_kw[unit, :length]
        for unit, on in enumerate(chosen[len(starts) :]):
            if not case.switched.least_on[unit, 0] <= sum(on) <= case.switched.most_on[unit, 0]:
                break
            power += np.array(on) * case.switched.on_kw[unit]
        else:
            moved = power - asked_room.baseline_kw
            for name, want in (("none", 0 * volume), ("offer", volume)):
                low = np.where(asked_room.requested, -np.inf, asked_room.least_kw)
                high = np.where(asked_room.requested, want, asked_room.most_kw)
                if (moved >= low - 1e-6).all() and (moved <= high + 1e-6).all():
                    bought = np.maximum(moved, 0) @ case.intraday.buy_eur_per_mwh
                    sold = np.maximum(-moved, 0) @ case.intraday.sell_eur_per_mwh
                    best[name] = min(best.get(name, np.inf), (bought - sold) / 1000)
    return best["offer"] - best["none"]


def test_runs_and_switched_units_cost_what_enumeration_says():
    units = [run([3.0], 0, 3), run([2.0, 1.0], 0, 2), switched(ISPS, (0, 4, 2, 2), on_kw=4.0)]
    case, plan = planned(point_case(*units))
    here = int(np.argmax(plan.point_kw[0]))
    requested = [t == here for t in range(ISPS)]
    limits = room(plan, 0, requested=requested, least=np.full(ISPS, -20.0), most=np.where(requested, 0.0, 20.0))
    answer = asked(case, plan, limits)
    (priced,) = answer.priced
    assert not answer.convex  # the whole or nothing
    assert priced.volume_kw[here] < -1
    assert priced.cost_eur == pytest.approx(brute_force(case, plan, limits, priced.volume_kw), abs=HALF_W_EUR)


def test_twenty_five_resources_cost_what_enumeration_says():
    """25 batteries of one kW are one battery of 25 kW, whose price is known."""
    small = [battery(charge_kw=1, discharge_kw=1, high=2, low=[0, 0, 0, 1], start=1) for _ in range(25)]
    case, plan = planned(point_case(*small))
    late = room(plan, 0, requested=[0, 1, 0, 0], least=[0, -20, 0, -20], most=[0, 0, 0, 20])
    (priced,) = asked(case, plan, late).priced
    assert priced.cost_eur == pytest.approx(20 * (45 - 25) / 1000, abs=HALF_W_EUR)
