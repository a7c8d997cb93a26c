"""The units of the oracle: their variables and rows, stated densely and without a look at how `models` does it."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from models.case import NO_POINT, Case, Direction


class Program:
    """A mixed-integer program collected piece by piece."""

    def __init__(self):
        self.value, self.low, self.high, self.whole, self.rows, self.constant = [], [], [], [], [], 0.0

    def var(self, low=0.0, high=np.inf, value=0.0, whole=False):
        self.value.append(value)
        self.low.append(low)
        self.high.append(high)
        self.whole.append(int(whole))
        return len(self.value) - 1

    def row(self, terms, low=-np.inf, high=np.inf):
        self.rows.append((terms, low, high))

    def maximum(self):
        matrix = np.zeros((len(self.rows), len(self.value)))
        for i, (terms, _, _) in enumerate(self.rows):
            for column, coefficient in terms:
                matrix[i, column] += coefficient
        result = milp(
            -np.array(self.value),
            integrality=self.whole,
            bounds=Bounds(self.low, self.high),
            constraints=LinearConstraint(matrix, [r[1] for r in self.rows], [r[2] for r in self.rows]),
            options={"mip_rel_gap": 0.0},
        )
        assert result.success, result.message
        return self.constant - result.fun


def minus(terms):
    return [(column, -coefficient) for column, coefficient in terms]


def sides(reserve):
    return (Direction.UP, Direction.DOWN) if reserve.direction is Direction.SYMMETRIC else (reserve.direction,)


STORE = {
    "charge": "charge_kw",
    "discharge": "discharge_kw",
    "eta_c": "charge_efficiency",
    "low": "energy_min_kwh",
    "high": "energy_max_kwh",
    "demand": "demand_kwh",
}


@dataclass(kw_only=True)
class Store:
    """One unit's energy and reserve, and what its reserve needs: after an activation it still keeps its energy band.

    What is left is stated as programs that continue from there, one for each ISP, side and rule.
    """

    case: Case
    program: Program
    eta_d: float
    keep: float
    start: float
    charge: list[float]
    discharge: list[float]
    eta_c: list[float]
    low: list[float]
    high: list[float]
    demand: list[float]
    energy: list = field(default_factory=list)
    held: list = field(default_factory=list)

    def per_kw(self, t):
        if self.discharge[t] <= 0:
            return self.eta_c[t]
        return 1 / self.eta_d if self.charge[t] <= 0 else max(self.eta_c[t], 1 / self.eta_d)

    def continues(self, t, terms, constant):
        """State that the band can be kept from the energy `terms` + constant with which ISP t begins."""
        hours, before = self.case.isp_hours, (terms, constant)
        for s in range(t, self.case.isps):
            energy, c, d = (
                self.program.var(*bounds)
                for bounds in ((self.low[s], self.high[s]), (0, self.charge[s]), (0, self.discharge[s]))
            )
            old, given = before
            row = [(energy, 1.0), (c, -hours * self.eta_c[s]), (d, hours / self.eta_d)]
            rest = self.keep * given - self.demand[s]
            self.program.row(row + [(column, -self.keep * k) for column, k in old], rest, rest)
            before = ([(energy, 1.0)], 0.0)

    def leaves(self, t, energy, needed, side):
        """State that at the end of ISP t (−1: at the beginning) what is needed leaves enough."""
        terms, constant = energy
        sign = -1 if side is Direction.UP else 1
        left = terms + [(column, sign * k) for column, k in needed]
        band = (self.low[max(t, 0)], self.high[max(t, 0)])
        self.program.row(left, band[0] - constant if sign < 0 else -np.inf, band[1] - constant if sign > 0 else np.inf)
        self.continues(t + 1, left, constant)

    def state_margins(self):
        hours = self.case.isp_hours
        lasts = [reserve.sustain_h for reserve in self.case.reserves]
        for t in range(self.case.isps):
            end = (self.energy[t], 0.0)
            begin = (self.energy[t - 1], 0.0) if t else ([], self.start)
            for side, reverses in ((Direction.UP, self.discharge[t]), (Direction.DOWN, self.charge[t])):
                needed = [
                    (column, lasts[r] * self.per_kw(t))
                    for r, column in self.held[t]
                    if side in sides(self.case.reserves[r]) and lasts[r] > 0
                ]
                if needed:
                    self.leaves(t, end, needed, side)
                sustained = [
                    (column, self.case.reserves[r].sustain_h * self.per_kw(t))
                    for r, column in self.held[t]
                    if side in sides(self.case.reserves[r]) and self.case.reserves[r].sustain_h > 0
                ]
                if sustained and reverses > 0:
                    self.leaves(t - 1, begin, sustained, side)
                called = [
                    (column, min(lasts[r], hours) * self.per_kw(s))
                    for s in range(t + 1)
                    for r, column in self.held[s]
                    if side in sides(self.case.reserves[r]) and (t - s) * hours < lasts[r] - 1e-9
                ]
                if called:
                    self.leaves(t, end, called, side)


class Units:
    """All flexible units' programs once, planned or called: power[point][t] and held[r][t] as terms."""

    def __init__(self, program, case, worth, concerned):
        self.program, self.case, self.worth = program, case, worth
        self.power = {point: [[] for _ in range(case.isps)] for point in range(NO_POINT, len(case.points))}
        self.held = {point: [[[] for _ in range(case.isps)] for _ in case.reserves] for point in self.power}
        self.own = {}  # (class, unit) → its own terms of power[t] and of held[r][t]
        for kind, add in (
            ("curtailable", self.sun),
            ("storage", self.store),
            ("shiftable", self.shift),
            ("switched", self.switch),
        ):
            for u, point in enumerate(getattr(case, kind).point):
                if concerned(point):
                    power, held = self.power[int(point)], self.held[int(point)]
                    first = [len(terms) for terms in power], [[len(terms) for terms in of] for of in held]
                    add(u, int(point))
                    self.own[kind, u] = (
                        [terms[n:] for terms, n in zip(power, first[0], strict=True)],
                        [[t[n:] for t, n in zip(of, ns, strict=True)] for of, ns in zip(held, first[1], strict=True)],
                    )

    def sun(self, u, point):
        data, hours = self.case.curtailable, self.case.isp_hours / 1000
        for t in range(self.case.isps):
            forecast, cost = data.forecast_kw[u, t], data.cost_eur_per_mwh[u] * hours * self.worth
            power = [(self.program.var(forecast, 0.0, -cost), 1.0)]
            self.program.constant += cost * forecast
            self.power[point][t] += power
            self.hold(point, t, data.reserve_kw[u], (power, -forecast), (minus(power), 0.0))

    def store(self, u, point):
        data, add, T, hours = self.case.storage, self.program.var, self.case.isps, self.case.isp_hours

        def at(name, t):
            return float(np.broadcast_to(getattr(data, name)[u], T)[t])

        eta_d, before, start = data.discharge_efficiency[u], [], data.energy_start_kwh[u]
        store = Store(
            case=self.case, program=self.program, eta_d=eta_d, keep=data.retention[u], start=start,
            **{name: [at(field, t) for t in range(T)] for name, field in STORE.items()},
        )  # fmt: skip
        for t in range(T):
            low, high, eta_c = at("energy_min_kwh", t), at("energy_max_kwh", t), at("charge_efficiency", t)
            most_in, most_out = at("charge_kw", t), at("discharge_kw", t)
            wear = -data.wear_eur_per_kwh[u] * hours * self.worth
            charge, discharge, charging = add(0, most_in, wear), add(0, most_out, wear), add(0, 1, whole=True)
            self.program.row([(charge, 1), (charging, -most_in)], high=0)
            self.program.row([(discharge, 1), (charging, most_out)], high=most_out)
            kept = data.end_value_eur_per_kwh[u] * self.worth if t == T - 1 else 0.0
            energy = [(add(low, high, kept), 1.0)]
            flow = [(charge, -hours * eta_c), (discharge, hours / eta_d)]
            old = [(column, -data.retention[u]) for column, _ in before]
            given = (0 if before else data.retention[u] * start) - at("demand_kwh", t)
            self.program.row(energy + flow + old, given, given)
            power = [(charge, 1.0), (discharge, -1.0)]
            self.power[point][t] += power
            store.energy.append(energy)
            store.held.append(self.hold(point, t, data.reserve_kw[u], (power, most_out), (minus(power), most_in)))
            before = energy
        zero = data.worth_zero_kwh[u]
        self.program.constant -= data.end_value_eur_per_kwh[u] * zero * self.worth
        for begin, change in zip(data.worth_from_kwh[u], data.worth_step_eur_per_kwh[u], strict=True):
            over = add(value=change * self.worth)
            self.program.row([(over, 1.0), *minus(before)], low=-begin)
            self.program.constant -= change * max(zero - begin, 0.0) * self.worth
        store.state_margins()

    def shift(self, u, point):
        data = self.case.shiftable
        starts = range(int(data.first_start[u]), int(data.last_start[u]) + 1)
        chosen = [(self.program.var(0, 1, whole=True), 1.0) for _ in starts]
        self.program.row(chosen, 1, 1)
        for (column, _), first in zip(chosen, starts, strict=True):
            for step in range(int(data.length[u])):
                if first + step < self.case.isps:
                    self.power[point][first + step].append((column, data.profile_kw[u, step]))
            after = first + int(data.length[u]) - self.case.isps
            if after > 0:
                self.program.value[column] -= data.later_eur[u, after - 1] * self.worth

    def switch(self, u, point):
        """Every state a binary; who starts is on, and who stops is off, in each ISP of the least time."""
        data, add, T = self.case.switched, self.program.var, self.case.isps
        run, rest, before = int(data.min_run[u]), int(data.min_rest[u]), int(data.before[u])
        on_kw = np.broadcast_to(data.on_kw[u], T)
        names = ("window_first", "window_end", "least_on", "most_on")
        windows = list(zip(*(getattr(data, name)[u] for name in names), strict=True))
        inside = [any(first <= t < end for first, end, _, _ in windows) for t in range(T)]
        bound = max((run if before > 0 else rest) - abs(before), 0)
        fixed = [float(before > 0) if t < bound else None for t in range(T)]
        on = [add(0, float(inside[t]), whole=True) if f is None else add(f, f) for t, f in enumerate(fixed)]
        for t in range(T):
            start, stop = add(0, 1, -data.start_eur[u] * self.worth, whole=True), add(0, 1, whole=True)
            was = float(before > 0) if t == 0 else 0.0
            old = [(on[t - 1], -1)] if t else []
            self.program.row([(on[t], 1), (start, -1), (stop, 1), *old], was, was)
            for s in range(t, min(t + run, T)):
                self.program.row([(on[s], 1), (start, -1)], low=0)
            for s in range(t, min(t + rest, T)):
                self.program.row([(on[s], 1), (stop, 1)], high=1)
            self.power[point][t].append((on[t], on_kw[t]))
        for first, end, least, most in windows:
            self.program.row([(column, 1.0) for column in on[first:end]], least, most)

    def hold(self, point, t, cap, up_room, down_room):
        """Σ held <= cap and <= room in power, on each side. Return the variables (product, column)."""
        mine = [(r, self.program.var(0, cap)) for r, product in enumerate(self.case.reserves) if product.block[t] >= 0]
        for r, column in mine:
            self.held[point][r][t].append((column, 1.0))
        for side, (room, extra) in ((Direction.UP, up_room), (Direction.DOWN, down_room)):
            taken = [(column, 1.0) for r, column in mine if side in sides(self.case.reserves[r])]
            self.program.row(taken, high=cap)
            self.program.row(taken + minus(room), high=extra)
        return mine
