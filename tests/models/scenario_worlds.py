"""Small random days that may come at promised congestion points, and the same problem in full for SciPy's solver.

Written from docs/explanation/promises.md §2 without looking at how `models.promises` states it: planned and called
programs of all units of all scenarios stand in one linear program.
"""

import numpy as np

from models.case import Limits, Reservations
from tests.models.builders import load, make, solar, storage
from tests.models.obligation_builders import reservation
from tests.models.oracle_units import Program

HOURS = 0.5


def day(rng, isps, points, contracts, limits=()):
    """One scenario: a load, a roof, a battery without losses and a few cars at each point; needs can be met.

    With losses, wasting energy can pay, and what a battery may waste is another question than this one.
    """
    parts = list(contracts) + list(limits)
    for point in range(points):
        parts.append(load(isps, rng.uniform(0, 4, isps), point=point))
        parts.append(solar(isps, -rng.uniform(0, 5, isps), point=point))
        size = float(rng.uniform(4, 10))
        parts.append(
            storage(
                isps, point=point, charge_kw=4.0, discharge_kw=4.0, high=size, start=size / 2,
                low=np.append(np.zeros(isps - 1), size / 2), wear=0.01,
            )
        )  # fmt: skip
        for _ in range(int(rng.integers(0, 4))):
            leave = int(rng.integers(1, isps))
            there = np.arange(isps) <= leave
            need = rng.uniform(0.2, 0.9) * 6.0 * HOURS * there.sum()
            car = {"charge_kw": 6.0 * there, "low": need * (np.arange(isps) >= leave), "high": need}
            parts.append(storage(isps, point=point, **car))
    return make(isps, *parts, hours=HOURS, points=points)


def world(seed, *, isps=6, points=2, scenarios=3, limits=False):
    """Return days that may come, the same contracts in all, and the price of energy."""
    rng = np.random.default_rng(seed)
    contracts = []
    for point in range(points):
        reserved = -rng.uniform(1, 6, isps) if point % 2 == 0 else rng.uniform(1, 6, isps)
        reserved = np.where(rng.random(isps) < 0.5, reserved, 0.0)
        reserved[isps // 2] = -3.0 if point % 2 == 0 else 3.0
        contracts.append(reservation(isps, reserved, name=f"option {point}", point=point, penalty=800.0))
    agreed = [] if not limits else [_limit(isps)]
    days = tuple(day(rng, isps, points, contracts, agreed) for _ in range(scenarios))
    return days, rng.uniform(20, 200, isps)


def _limit(isps):
    return Limits(
        point=np.array([0]), import_kw=np.full((1, isps), 9.0), export_kw=np.full((1, isps), -2.0),
        penalty_eur_per_mwh=np.array([300.0]),
    )  # fmt: skip


def least_cost(days, weight, price_eur_per_mwh, *, deviation, tolerance=0.0, factor=1.0):
    """Return the least expected cost, EUR: energy, wear, deviations, breaches and shortfalls."""
    first, program = days[0], Program()
    data: Reservations = first.reservations
    announced = {}
    for k, t in zip(*np.nonzero(data.reserved_kw), strict=True):
        announced.setdefault((int(data.point[k]), int(t)), None)
    for key in announced:
        announced[key] = program.var(low=-np.inf)
    for case, share in zip(days, weight, strict=True):
        mwh = share * case.isp_hours / 1000
        plan, constant = _programs(program, case, share, price_eur_per_mwh)
        program.constant -= constant
        called, _ = _programs(program, case, 0.0, price_eur_per_mwh)
        fixed = np.zeros((len(case.points), case.isps))
        np.add.at(fixed, case.fixed.point, case.fixed.program_kw)
        for (c, t), a in announced.items():
            away = [program.var(value=-deviation * mwh) for _ in range(2)]
            free = [program.var(high=tolerance) for _ in range(2)]
            terms = [*plan[c][t], (a, -1.0), (away[0], -1.0), (away[1], 1.0), (free[0], -1.0), (free[1], 1.0)]
            program.row(terms, -fixed[c, t], -fixed[c, t])
            for sign in (-1, 1):
                mine = [k for k in range(len(data.point)) if data.point[k] == c and sign * data.reserved_kw[k, t] > 0]
                if mine:
                    short = program.var(value=-factor * float(data.penalty_eur_per_mwh[mine[0]]) * mwh)
                    right = sum(data.reserved_kw[k, t] for k in mine) - fixed[c, t]
                    row = [*called[c][t], (a, -1.0), (short, float(sign))]
                    program.row(row, *((right, np.inf) if sign > 0 else (-np.inf, right)))
        for k, c in enumerate(case.limits.point.tolist()):
            for t in range(case.isps):
                over, under = (program.var(value=-case.limits.penalty_eur_per_mwh[k] * mwh) for _ in range(2))
                program.row([*plan[c][t], (over, -1.0)], high=case.limits.import_kw[k, t] - fixed[c, t])
                program.row([*plan[c][t], (under, 1.0)], low=case.limits.export_kw[k, t] - fixed[c, t])
    return -program.maximum()


def _programs(program, case, share, price_eur_per_mwh):
    """Add the programs of a scenario's units; return point → ISP → terms of its power, and the cost of fixed units."""
    price = share * price_eur_per_mwh * case.isp_hours / 1000
    power = [[[] for _ in range(case.isps)] for _ in case.points]
    for u, point in enumerate(case.curtailable.point.tolist()):
        for t in range(case.isps):
            power[point][t].append((program.var(case.curtailable.forecast_kw[u, t], 0.0, value=-price[t]), 1.0))
    data = case.storage
    for u, point in enumerate(data.point.tolist()):
        before = None
        for t in range(case.isps):
            worn = share * data.wear_eur_per_kwh[u] * case.isp_hours
            charge = program.var(high=data.charge_kw[u, t], value=-price[t] - worn)
            discharge = program.var(high=data.discharge_kw[u, t], value=price[t] - worn)
            energy = program.var(data.energy_min_kwh[u, t], data.energy_max_kwh[u, t])
            into, out = data.charge_efficiency[u, t], 1 / data.discharge_efficiency[u]
            terms = [(energy, 1.0), (charge, -into * case.isp_hours), (discharge, out * case.isp_hours)]
            start = data.energy_start_kwh[u] if before is None else 0.0
            program.row(terms if before is None else [*terms, (before, -1.0)], start, start)
            power[point][t] += [(charge, 1.0), (discharge, -1.0)]
            before = energy
    return power, float((case.fixed.program_kw @ price).sum())
