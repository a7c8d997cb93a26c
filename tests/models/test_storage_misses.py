"""What a store misses whatever it does."""

from dataclasses import replace

import numpy as np
from scipy.optimize import linprog

from models.audit.resources.storage import AUDIT
from models.baseline import no_flexibility
from models.resources.storage.reachability import unavoidable_kwh
from tests.models.builders import make
from tests.models.random_units import HOURS, random_storage


def least_missed_kwh(data, unit, isps):
    """The least Σ(unmet + excess) by which a unit keeps its band, as a linear program over pc, pd, e, unmet, excess."""
    wide = {name: np.broadcast_to(getattr(data, name)[unit], isps) for name in ("energy_min_kwh", "energy_max_kwh",
            "charge_kw", "discharge_kw", "charge_efficiency", "demand_kwh", "pinned_kw")}  # fmt: skip
    one, pins = np.eye(isps), wide["pinned_kw"]
    before = data.retention[unit] * np.eye(isps, k=-1)
    rows = np.hstack([-HOURS * one * wide["charge_efficiency"], HOURS * one / data.discharge_efficiency[unit],
                      one - before, -one, one])  # fmt: skip
    start = -wide["demand_kwh"] + data.retention[unit] * data.energy_start_kwh[unit] * (np.arange(isps) == 0)
    most_in, most_out = (np.where(np.isnan(pins), wide[name], np.fmax(sign * pins, 0.0))
                         for name, sign in (("charge_kw", 1.0), ("discharge_kw", -1.0)))  # fmt: skip
    pinned = ~np.isnan(pins)
    least_in, least_out = (np.where(pinned, most, 0.0) for most in (most_in, most_out))
    low, high = (np.concatenate(values) for values in (
        (least_in, least_out, wide["energy_min_kwh"], np.zeros(2 * isps)),
        (most_in, most_out, wide["energy_max_kwh"], np.full(2 * isps, np.inf)),
    ))  # fmt: skip
    cost = np.repeat([0.0, 0.0, 0.0, 1.0, 1.0], isps)
    return linprog(cost, A_eq=rows, b_eq=start, bounds=np.column_stack([low, high])).fun


def test_what_a_unit_misses_whatever_it_does_is_the_optimum_of_a_linear_program():
    rng, isps = np.random.default_rng(15), 6
    case = make(isps, *(replace(random_storage(rng, isps), shortfall_eur_per_kwh=np.ones(1)) for _ in range(60)))
    data = case.storage
    found = unavoidable_kwh(data, isps, HOURS)
    oracle = [least_missed_kwh(data, unit, isps) for unit in range(60)]
    assert 10 < np.count_nonzero(found) < 50
    np.testing.assert_allclose(found, oracle, atol=1e-7)
    # the audit's own count: called programs that miss 1 kWh more are charged for 1 kWh
    there = np.zeros((60, isps))
    there[:, 0] = np.where(found > 0, found + 1.0, 0.0)
    missed = replace(no_flexibility(case).programs, unmet_kwh=there, excess_kwh=0.0 * there)
    charged = AUDIT.terms_eur(replace(case, isp_hours=HOURS), missed, True)["called comfort shortfall"]
    np.testing.assert_allclose(charged, np.where(found > 0, -1.0, 0.0), atol=1e-7)
