"""The problem stated a second time, straight from its equations, for SciPy's solver: the value a plan must reach.

Written without looking at how `models` states it: dense loops, every binary explicit, no slack for unmet energy
(the cases given to it can all be met).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from models.case import NO_LIMIT, NO_POINT, UNIT_CLASSES, Case, Direction


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


def _connection_limits(program, case, planned, called, reserved, per_kw):
    """Everything behind a limit, with reserve, lies within it or costs its penalty; called, where anything may be."""
    limits = case.connection_limits
    leaf = dict(zip(UNIT_CLASSES, limits.leaf, strict=True)) if limits.leaf else {}

    def inside(kind, u, limit):
        at = int(leaf[kind][u])
        while at not in (limit, NO_LIMIT):
            at = int(limits.parent[at])
        return at == limit

    for limit in range(len(limits.name)):
        units = [(kind, u) for kind in leaf for u in range(len(leaf[kind])) if inside(kind, u, limit)]
        fixed = sum((case.fixed.program_kw[u] for kind, u in units if kind == "fixed"), np.zeros(case.isps))
        if called is not planned and not any(getattr(case, kind).point[u] in reserved for kind, u in units):
            continue
        for bound, sign, side in (
            (limits.import_kw[limit], 1, Direction.DOWN),
            (limits.export_kw[limit], -1, Direction.UP),
        ):
            for t in np.flatnonzero(np.isfinite(bound)):
                terms = [(program.var(value=-limits.penalty_eur_per_mwh[limit] * per_kw), -1.0)]
                for kind, u in units:
                    if kind == "fixed":
                        continue
                    power, held = (called if getattr(case, kind).point[u] in reserved else planned).own[kind, u]
                    terms += [(column, sign * k) for column, k in power[t]]
                    terms += [x for r, one in enumerate(case.reserves) if side in sides(one) for x in held[r][t]]
                program.row(terms, high=sign * (bound[t] - fixed[t]))


def _connection_tariffs(program, case, planned, per_kw):
    """Each connection pays for its import and earns with its export; each kW of a new peak costs once."""
    tariffs = case.connection_tariffs
    of_units = dict(zip(UNIT_CLASSES, tariffs.of_units, strict=True)) if tariffs.of_units else {}
    for n in range(len(tariffs.name)):
        units = [(kind, u) for kind in of_units for u in np.flatnonzero(of_units[kind] == n)]
        tops = [
            (p, program.var(tariffs.peak_reached_kw[p], np.inf, -tariffs.peak_eur_per_kw[p]))
            for p in np.flatnonzero(tariffs.peak_at == n)
        ]
        bill = [(top, -tariffs.peak_eur_per_kw[p]) for p, top in tops]
        for t in range(case.isps):
            fixed = sum(case.fixed.program_kw[u, t] for kind, u in units if kind == "fixed")
            terms = [x for kind, u in units if kind != "fixed" for x in planned.own[kind, u][0][t]]
            into = program.var(value=-tariffs.import_eur_per_mwh[n, t] * per_kw)
            out = program.var(value=tariffs.export_eur_per_mwh[n, t] * per_kw)
            program.row([*terms, (into, -1.0), (out, 1.0)], low=-fixed, high=-fixed)
            bill.append((into, -tariffs.import_eur_per_mwh[n, t] * per_kw))
            bill.append((out, tariffs.export_eur_per_mwh[n, t] * per_kw))
            for p, top in tops:
                if tariffs.peak_inside[p, t]:
                    program.row([(into, 1.0), (top, -1.0)], high=0.0)
        if len(tariffs.least_eur):
            paid_for = sum(tariffs.peak_eur_per_kw[p] * tariffs.peak_reached_kw[p] for p, _ in tops)
            program.row([*bill, (program.var(value=-100.0), 1.0)], low=tariffs.least_eur[n] - paid_for)
    return float(tariffs.peak_eur_per_kw @ tariffs.peak_reached_kw)


def best_value(case):
    """Return the value in EUR of the best program there is."""
    program, T, per_kw = Program(), case.isps, case.isp_hours / 1000
    fixed = {
        point: case.fixed.program_kw[case.fixed.point == point].sum(axis=0)
        for point in range(NO_POINT, len(case.points))
    }
    planned = Units(program, case, 1.0, lambda _point: True)
    _markets(program, case, planned, fixed, per_kw)
    for i, point in enumerate(case.limits.point):
        for bound, sign in ((case.limits.import_kw[i], 1), (case.limits.export_kw[i], -1)):
            for t in np.flatnonzero(np.isfinite(bound)):
                breach = (program.var(value=-case.limits.penalty_eur_per_mwh[i] * per_kw), -1.0)
                terms = [(c, sign * k) for c, k in planned.power[point][t]]
                program.row([*terms, breach], high=sign * (bound[t] - fixed[point][t]))
    reserved = {int(p) for p, r in zip(case.reservations.point, case.reservations.reserved_kw, strict=True) if r.any()}
    scenarios = [(planned, planned)]
    if reserved:
        called = Units(program, case, 0.0, lambda point: point in reserved)
        _reservations(program, case, planned, called, per_kw)
        scenarios.append((planned, called))
    for outside, inside in scenarios:
        _connection_limits(program, case, outside, inside, reserved if outside is not inside else set(), per_kw)
    reached_eur = _connection_tariffs(program, case, planned, per_kw)
    bids = _bids(program, case)
    short = {  # of awarded capacity, in kW: the same in both scenarios, so it is paid once
        (r, t): [(program.var(0, bids[r][b][1], -one.shortfall_eur_per_mwh * per_kw), 1.0)]
        for r, one in enumerate(case.reserves)
        for t, b in enumerate(one.block)
        if b >= 0 and bids[r][b][1] > 0
    }
    for outside, inside in scenarios:
        for r, t in ((r, t) for r in range(len(case.reserves)) for t in range(T) if case.reserves[r].block[t] >= 0):
            terms = [x for p in planned.power for x in (inside if p in reserved else outside).held[p][r][t]]
            bid, awarded_kw = bids[r][case.reserves[r].block[t]]
            program.row(terms + minus(bid) + short.get((r, t), []), low=awarded_kw)
    return program.maximum() + reached_eur


def _markets(program, case, planned, fixed, per_kw):
    if case.balancing_groups.name:
        _groups(program, case, planned, per_kw)
        return
    market, intraday, penal = case.day_ahead, case.intraday, case.imbalance
    position = {}
    for product in np.unique(market.product):
        mine = market.product == product
        price = market.price_eur_per_mwh[mine].sum() * per_kw
        position[product] = program.var(-market.max_sell_kw[mine].min(), market.max_buy_kw[mine].min(), -price)
    for t in range(case.isps):
        terms = [
            (position[market.product[t]], 1.0),
            (program.var(0, intraday.buy_depth_kw[t], -intraday.buy_eur_per_mwh[t] * per_kw), 1.0),
            (program.var(0, intraday.sell_depth_kw[t], intraday.sell_eur_per_mwh[t] * per_kw), -1.0),
            (program.var(value=-penal.short_eur_per_mwh[t] * per_kw), 1.0),
            (program.var(value=-penal.long_eur_per_mwh[t] * per_kw), -1.0),
        ]
        consumed = [x for power in planned.power.values() for x in power[t]]
        load = sum(kw[t] for kw in fixed.values())
        program.row(terms + minus(consumed), load, load)


def _groups(program, case, planned, per_kw):
    """Each balancing group: what it buys and sells by itself is what its own units draw."""
    groups, market, intraday, penal = case.balancing_groups, case.day_ahead, case.intraday, case.imbalance
    for g in range(len(groups.name)):
        position = {}
        for product in np.unique(market.product):
            mine = market.product == product
            price = market.price_eur_per_mwh[mine].sum() * per_kw
            low, high = -groups.max_sell_kw[g, mine].min(), groups.max_buy_kw[g, mine].min()
            free = np.isnan(groups.day_ahead_kw[g, mine]).all()
            position[product] = program.var(low, high, -price) if free else program.var(0, 0)
            program.constant -= 0.0 if free else market.price_eur_per_mwh[mine] @ groups.day_ahead_kw[g, mine] * per_kw
        for t in range(case.isps):
            terms = [
                (position[market.product[t]], 1.0),
                (program.var(0, groups.buy_depth_kw[g, t], -intraday.buy_eur_per_mwh[t] * per_kw), 1.0),
                (program.var(0, groups.sell_depth_kw[g, t], intraday.sell_eur_per_mwh[t] * per_kw), -1.0),
                (program.var(value=-penal.short_eur_per_mwh[t] * per_kw), 1.0),
                (program.var(value=-penal.long_eur_per_mwh[t] * per_kw), -1.0),
            ]
            load = -groups.traded_kw[g, t] - np.nan_to_num(groups.day_ahead_kw[g, t])
            for kind, of_units in zip(UNIT_CLASSES, groups.of_units, strict=True):
                for u in np.flatnonzero(of_units == g):
                    if kind == "fixed":
                        load += case.fixed.program_kw[u, t]
                    else:
                        terms += minus(planned.own[kind, u][0][t])
            program.row(terms, load, load)


def _reservations(program, case, planned, called, per_kw):
    """Called − planned <= ΣR + Σs for the negative ones of a point, >= ΣR − Σs for the positive ones."""
    data = case.reservations
    program.constant += float((data.availability_eur_per_mw_h * np.abs(data.reserved_kw).sum(axis=1)).sum()) * per_kw
    for point in range(len(case.points)):
        for t in range(case.isps):
            change = called.power[point][t] + minus(planned.power[point][t])
            for sign in (-1, 1):
                mine = [
                    k for k in range(len(data.point)) if data.point[k] == point and sign * data.reserved_kw[k, t] > 0
                ]
                short = [
                    (program.var(0, abs(data.reserved_kw[k, t]), -data.penalty_eur_per_mwh[k] * per_kw), 1.0)
                    for k in mine
                ]
                if mine:
                    volume = sum(abs(data.reserved_kw[k, t]) for k in mine)
                    program.row([(c, sign * x) for c, x in change] + short, low=volume)


def _bids(program, case):
    """kW per product and block: as terms (whole steps, none or at least the minimum), and what is awarded."""
    result = []
    for product in case.reserves:
        result.append([])
        for block, price in enumerate(product.price_eur_per_mw):
            if not np.isnan(product.committed_mw[block]):
                program.constant += price * product.committed_mw[block]
                result[-1].append(([], 1000 * product.committed_mw[block]))
                continue
            price *= product.award_probability[block] if len(product.award_probability) else 1.0
            most = int(product.max_mw[block] / product.step_mw + 1e-9)
            steps = program.var(0, most, price * product.step_mw, whole=True)
            switch = program.var(0, 1, whole=True)
            program.row([(steps, product.step_mw), (switch, -product.minimum_mw)], low=0)
            program.row([(steps, 1.0), (switch, -most)], high=0)
            result[-1].append(([(steps, 1000 * product.step_mw)], 0.0))
    return result
