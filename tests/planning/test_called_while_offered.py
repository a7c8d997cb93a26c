"""A congestion point that keeps its program can still be called: reservations are covered by what its units could do.

The oracle knows nothing of cases: a linear program of what stores could do, given what they are planned to do.
"""

from dataclasses import replace
from datetime import date, time
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from agr.domain.kinds.battery import Battery
from agr.domain.register import Contract
from agr.planning.case import Inputs, Previous, build
from agr.planning.case_audit import audit_case
from models.audit import audit
from models.method import Method, solve
from tests.builders.case_inputs import FIRST, PERIOD, inputs

ISPS, HOURS = PERIOD.isp_count, 0.25
PENALTY = 2_000.0


def contract(power_w: int) -> Contract:
    return Contract(
        contract="FO", dso="dso.example", congestion_point="p", first_day=FIRST, last_day=date(2026, 12, 31),
        window_start=time(17), window_end=time(20), power_w=power_w, availability_eur_per_mw_h=0,
        penalty_eur_per_mwh=PENALTY,
    )  # fmt: skip


def world(seed: int, closed: int, **more: Any) -> Inputs:
    """Two stores with programs that they can run; one has losses. What is reserved is sometimes too much for them."""
    rng = np.random.default_rng(seed)
    stores, programs = [], {}
    for name, eta in (("b1", 1.0), ("b2", 0.9)):
        capacity = float(rng.integers(5, 30))
        held, kept = capacity / 2, []
        for _ in range(ISPS):
            least, most = max(-5.0, -held * eta / HOURS), min(5.0, (capacity - held) / eta / HOURS)
            kept.append(rng.uniform(least, most) if rng.random() < 0.4 else 0.0)
            held += HOURS * (eta * max(kept[-1], 0.0) - max(-kept[-1], 0.0) / eta)
        programs[name] = np.array(kept)
        stores.append(
            Battery(
                resource=name, connection="a", charge_kw=5, discharge_kw=5, capacity_kwh=capacity,
                initial_kwh=capacity / 2, end_kwh=min(held, capacity) * 0.9, charge_efficiency=eta,
                discharge_efficiency=eta,
            )
        )  # fmt: skip
    reserved = int(rng.integers(1, 12)) * 1_000 * (1 if seed % 3 == 0 else -1)
    return inputs(
        contracts=(contract(reserved),), resources=tuple(stores), previous=Previous(programs_kw=programs),
        closed_isps=closed, frozen_points=frozenset({"p"}), **more,
    )  # fmt: skip


def least_missed_kw(asked: Inputs) -> np.ndarray:
    """Return the least sum over the evening of what a call cannot get, kW; the stores are followed one by one."""
    reserved = asked.register.contracts[0].power_w / 1000
    stores, closed, evening = asked.register.of(Battery), asked.closed_isps, range(68, 80)
    n, sign = len(stores), -1.0 if reserved < 0 else 1.0
    columns = 2 * n * ISPS + ISPS  # charging and discharging of each store, then what is missed
    rows, bounds_up = [], []
    limits = [(0.0, 5.0)] * (2 * n * ISPS) + [
        (0.0, abs(reserved)) if t in evening and t >= closed else (0.0, 0.0) for t in range(ISPS)
    ]
    planned = np.zeros(ISPS)
    for u, store in enumerate(stores):
        power = asked.previous.programs_kw[store.resource]
        planned += power
        for t in range(ISPS):
            at = 2 * u * ISPS + t
            if t < closed:
                limits[at], limits[at + ISPS] = (max(power[t], 0.0),) * 2, (max(-power[t], 0.0),) * 2
            row = np.zeros(columns)
            row[2 * u * ISPS : at + 1] = HOURS * store.charge_efficiency
            row[(2 * u + 1) * ISPS : at + ISPS + 1] = -HOURS / store.discharge_efficiency
            rows += [row, -row]
            low = store.end_kwh if t == ISPS - 1 else 0.0
            bounds_up += [store.capacity_kwh - store.initial_kwh, store.initial_kwh - low]
    for t in evening:
        if t >= closed:
            row = np.zeros(columns)
            for u in range(n):
                row[2 * u * ISPS + t], row[(2 * u + 1) * ISPS + t] = -sign, sign
            row[2 * n * ISPS + t] = -1.0
            rows.append(row)
            bounds_up.append(-sign * (planned[t] + reserved))
    cost = np.concatenate([np.full(2 * n * ISPS, 1e-9), np.ones(ISPS)])
    found = linprog(cost, A_ub=np.array(rows), b_ub=np.array(bounds_up), bounds=limits, method="highs")
    assert found.status == 0
    return found.x[2 * n * ISPS :].sum()


@pytest.mark.parametrize("method", [Method.REFERENCE, Method.DECOMPOSITION])
@pytest.mark.parametrize(("seed", "closed"), [(0, 0), (1, 0), (2, 0), (3, 40), (4, 70), (5, 0), (6, 72), (7, 30)])
def test_what_a_call_could_not_get_is_what_the_stores_cannot_do_whatever_they_are_planned_to(
    seed: int, closed: int, method: Method
) -> None:
    asked = world(seed, closed)
    named = build(asked)
    assert audit_case(asked, named) == ()
    outcome = solve(named.case, method=method, relative_gap=1e-4, time_limit_s=60)
    assert audit(named.case, outcome) == ()
    for row, name in enumerate(named.of("storage")):  # the plan stays as it is
        kept = asked.previous.programs_kw[name]
        np.testing.assert_allclose(outcome.programs.storage_kw[row], kept, atol=1e-6)
    missed, least = outcome.reservation_shortfall_kw.sum(), least_missed_kw(asked)
    assert least - 0.01 <= missed <= least + 0.01 + outcome.gap_eur / (PENALTY * HOURS / 1000)  # as far as it is proven


def test_the_worlds_tell_free_called_programs_from_kept_ones() -> None:
    """With programs that are kept when called as well, everything reserved was missed."""
    asked = world(1, 0)
    named = build(asked)
    kept = replace(named.case, called_from=named.case.called_from[:0])
    outcome = solve(kept, method=Method.REFERENCE, relative_gap=1e-4, time_limit_s=60)
    assert outcome.reservation_shortfall_kw.sum() > least_missed_kw(asked) + 1
    found = audit_case(asked, replace(named, case=kept))
    assert any("called_from" in words for words in found)


def test_what_nobody_can_tell_a_device_it_cannot_do_when_called() -> None:
    deaf = world(1, 0, dictated_kw={"b1": np.full(ISPS, np.nan)})
    assert not len(build(deaf).case.called_from)
    assert audit_case(deaf, build(deaf)) == ()
    over = world(1, 0, uncallable_points=frozenset({"p"}))
    assert not len(build(over).case.called_from)


def test_the_audit_of_a_plan_finds_called_programs_that_leave_what_is_closed() -> None:
    asked = world(3, 40)
    named = build(asked)
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-4, time_limit_s=60)
    assert outcome.called is not None
    moved = outcome.called.charge_kw.copy()
    moved[0, 20] += 1.0
    wrong = replace(outcome, called=replace(outcome.called, charge_kw=moved))
    assert any("leaves its pinned program" in words for words in audit(named.case, wrong))
    planned = outcome.programs.charge_kw.copy()
    planned[0, 60] += 1.0
    wrong = replace(outcome, programs=replace(outcome.programs, charge_kw=planned))
    assert any("leaves its pinned program" in words for words in audit(named.case, wrong))
