"""One unit's cheapest program at given prices, for SciPy's HiGHS: docs/reference/formulation.md §2 and §3.5.

Shares nothing with `models`: dense loops, with a binary for each direction if requested.
"""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from models.case import Direction

TAKES = {"up": (Direction.UP, Direction.SYMMETRIC), "down": (Direction.DOWN, Direction.SYMMETRIC)}


class Program:
    """A mixed-integer program collected piece by piece; least cost wanted."""

    def __init__(self):
        self.cost, self.low, self.high, self.whole, self.rows, self.constant = [], [], [], [], [], 0.0

    def var(self, low=0.0, high=np.inf, cost=0.0, whole=False):
        self.cost.append(cost)
        self.low.append(low)
        self.high.append(high)
        self.whole.append(int(whole))
        return len(self.cost) - 1

    def row(self, terms, low=-np.inf, high=np.inf):
        self.rows.append((terms, low, high))

    def least(self, *, exact=False):
        """Return the least cost, or None if nothing is feasible; exact: with whole numbers whole to the last bit."""
        entries = [(i, c, v) for i, (terms, _, _) in enumerate(self.rows) for c, v in terms]
        i, c, v = (np.array(column) for column in zip(*entries, strict=True))
        matrix = csr_array((v, (i, c)), shape=(len(self.rows), len(self.cost)))
        result = milp(
            np.array(self.cost),
            integrality=np.array(self.whole),
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            constraints=LinearConstraint(matrix, [r[1] for r in self.rows], [r[2] for r in self.rows]),
            options={"mip_rel_gap": 0.0},
        )
        if result.x is None:
            return None
        if exact:
            for column in np.flatnonzero(self.whole):
                self.low[column] = self.high[column] = round(result.x[column])
            self.whole = [0] * len(self.whole)
            return self.least()
        return result.fun + self.constant


def wide(values, unit, isps):
    return np.broadcast_to(values[unit], (isps,)).astype(float)


def traded(reserve, t):
    b = reserve.block[t]
    if b < 0:
        return False
    if np.isnan(reserve.committed_mw[b]):
        return reserve.max_mw[b] > 0 and reserve.price_eur_per_mw[b] > 0
    return reserve.committed_mw[b] > 0


class Owed:
    """The least and most energy (T,) from which a unit can keep its band with its limits, by hand."""

    def __init__(self, case, unit):
        data, isps, hours = case.storage, case.isps, case.isp_hours
        low, high, demand, eta_c, pin, most_in, most_out = (
            wide(getattr(data, name), unit, isps)
            for name in (
                "energy_min_kwh", "energy_max_kwh", "demand_kwh", "charge_efficiency", "pinned_kw", "charge_kw",
                "discharge_kw",
            )
        )  # fmt: skip
        loss, keep = 1 / data.discharge_efficiency[unit], data.retention[unit]
        most_in, most_out = np.fmax(most_in, pin), np.fmax(most_out, -pin)
        self.per_kw = np.where(most_out <= 0, eta_c, np.where(most_in <= 0, loss, np.maximum(eta_c, loss)))
        more, less = hours * eta_c * most_in - demand, -hours * loss * most_out - demand
        floor, ceiling = [low[-1]], [high[-1]]
        for t in range(isps - 1, 0, -1):
            floor.insert(0, max(low[t - 1], (floor[0] - more[t]) / keep))
            ceiling.insert(0, min(high[t - 1], (ceiling[0] - less[t]) / keep))
        self.floor, self.ceiling = np.array(floor), np.array(ceiling)
        self.first_floor = max(low[0], (floor[0] - more[0]) / keep)
        self.first_ceiling = min(high[0], (ceiling[0] - less[0]) / keep)
        least = most = data.energy_start_kwh[unit]
        self.first = 0
        for t in range(isps):
            into = eta_c[t] * pin[t] if pin[t] > 0 else loss * pin[t]
            down, up = (less[t], more[t]) if np.isnan(pin[t]) else (hours * into - demand[t],) * 2
            least, most = max(keep * least + down, low[t]), min(keep * most + up, high[t])
            if least > most + 1e-9:
                least = most = low[t] if most < low[t] else high[t]
                self.first = t + 1


def storage_cost(case, unit, power_price, rewards, *, slack, one_way=False, whole=True, called=False, windows=True):
    """Return a storage unit's least cost. `slack`: energy may be missed; `one_way`, `whole`: as binaries.

    `windows`: activations that began in earlier ISPs count.
    """
    data, isps, hours = case.storage, case.isps, case.isp_hours
    low, high, demand, eta_c, pin, most_in, most_out = (
        wide(getattr(data, name), unit, isps)
        for name in (
            "energy_min_kwh", "energy_max_kwh", "demand_kwh", "charge_efficiency", "pinned_kw", "charge_kw",
            "discharge_kw",
        )
    )  # fmt: skip
    eta_d, keep, q = data.discharge_efficiency[unit], data.retention[unit], data.reserve_kw[unit]
    wear = 0.0 if called else data.wear_eur_per_kwh[unit] * hours
    value = 0.0 if called else data.end_value_eur_per_kwh[unit]
    penal = data.shortfall_eur_per_kwh[unit]
    program, before, spans = Program(), None, []
    earliest = Owed(case, unit).first if any(reserve.sustain_h > 0 for reserve in case.reserves) else 0
    partial = []
    for t in range(isps):
        if np.isnan(pin[t]):
            c = program.var(0.0, most_in[t], power_price[t] + wear)
            d = program.var(0.0, most_out[t], wear - power_price[t])
            limit_in, limit_out = most_in[t], most_out[t]
            floor = min(data.charge_min_kw[unit], limit_in) if whole else 0.0
            partial += add_minimum(program, c, floor, limit_in)
            if one_way and limit_in > 0 and limit_out > 0:
                charging = program.var(0.0, 1.0, whole=True)
                program.row([(c, 1.0), (charging, -limit_in)], high=0.0)
                program.row([(d, 1.0), (charging, limit_out)], high=limit_out)
        else:
            c = program.var(max(pin[t], 0.0), max(pin[t], 0.0), power_price[t] + wear)
            d = program.var(max(-pin[t], 0.0), max(-pin[t], 0.0), wear - power_price[t])
            limit_in, limit_out = max(most_in[t], pin[t]), max(most_out[t], -pin[t])
        e = program.var(low[t], high[t], -value if t == isps - 1 else 0.0)
        terms = [(e, 1.0), (c, -hours * eta_c[t]), (d, hours / eta_d)]
        if slack:
            terms += [(program.var(cost=penal), -1.0), (program.var(cost=penal), 1.0)]
        rest = -demand[t]
        if before is None:
            rest += keep * data.energy_start_kwh[unit]
        else:
            terms.append((before, -keep))
        program.row(terms, rest, rest)
        held = {
            r: program.var(0.0, q, -rewards[r, t])
            for r, reserve in enumerate(case.reserves)
            if q > 0 and traded(reserve, t) and t >= earliest
        }
        for side, takes in TAKES.items():
            mine = [(h, 1.0) for r, h in held.items() if case.reserves[r].direction in takes]
            sign, limit = (1.0, limit_out) if side == "up" else (-1.0, limit_in)
            if mine:
                program.row(mine, high=q)
                program.row([*mine, (c, -sign), (d, sign)], high=limit)
        spans.append((before, e, held, {"up": limit_out > 0, "down": limit_in > 0}))
        before = e
    program.row([(column, 1.0) for column in partial], high=1.0)
    if not called:
        add_worth(program, data, unit, e)
    for side in TAKES:
        state_margins(program, case, unit, spans, side, slack=slack, windows=windows)
    return program.least()


def add_minimum(program, power, floor, limit):
    """Let a power be 0 or from floor to limit, unless the returned binary, if any, lets it be lower."""
    if floor <= 0:
        return []
    on, partly = program.var(0.0, 1.0, whole=True), program.var(0.0, 1.0, whole=True)
    program.row([(power, 1.0), (on, -floor), (partly, floor)], low=0.0)
    program.row([(power, 1.0), (on, -limit)], high=0.0)
    return [partly]


def add_worth(program, data, unit, energy):
    """Each kWh beyond a step's energy is worth that much less; what the unit's zero is worth counts as nothing."""
    zero = data.worth_zero_kwh[unit]
    program.constant += data.end_value_eur_per_kwh[unit] * zero
    for begin, change in zip(data.worth_from_kwh[unit], data.worth_step_eur_per_kwh[unit], strict=True):
        over = program.var(cost=-change)
        program.row([(over, 1.0), (energy, -1.0)], low=-begin)
        program.constant += change * max(zero - begin, 0.0)


def state_margins(program, case, unit, spans, side, *, slack, windows):
    """What an activation takes leaves what the unit owes; spans: (energy before, energy after, held, reverses)."""
    owed, hours, sign = Owed(case, unit), case.isp_hours, 1.0 if side == "up" else -1.0
    band, first = (owed.floor, owed.first_floor) if side == "up" else (owed.ceiling, owed.first_ceiling)
    lasts = [reserve.sustain_h for reserve in case.reserves]
    takers = [r for r, reserve in enumerate(case.reserves) if reserve.direction in TAKES[side] and lasts[r] > 0]
    mine = [[(r, h) for r, h in held.items() if r in takers] for _, _, held, _ in spans]
    for t, (before, after, _, reverses) in enumerate(spans):
        still = [
            (h, min(lasts[r], hours) * owed.per_kw[s])
            for s in range(t + 1)
            for r, h in mine[s]
            if (t - s) * hours < lasts[r] - 1e-9
        ]
        extra, spare = 0.0, []
        if slack and still:  # energy that the unit misses anyway may lie outside: then it holds nothing
            extra = 1e3
            spare = [(program.var(0.0, 1.0, whole=True), extra)]
            for h, _ in still:
                program.row([(h, 1.0), (spare[0][0], -case.storage.reserve_kw[unit])], high=0.0)
        end, begin = [(after, -sign), *spare], [(before, -sign), *spare]
        if windows and still:
            program.row([*still, *end], high=-sign * band[t] + extra)
        if mine[t]:
            needed = [(h, lasts[r] * owed.per_kw[t]) for r, h in mine[t]]
            program.row([*needed, *end], high=-sign * band[t] + extra)
        needed = [(h, case.reserves[r].sustain_h * owed.per_kw[t]) for r, h in mine[t] if case.reserves[r].sustain_h]
        if needed and reverses[side] and before is None:
            program.row(needed, high=max(sign * (case.storage.energy_start_kwh[unit] - first), 0.0))
        elif needed and reverses[side]:
            program.row([*needed, *begin], high=-sign * band[t - 1] + extra)


def solar_cost(case, unit, power_price, rewards, *, called=False):
    """Return the least cost of a curtailable unit."""
    data = case.curtailable
    forecast, pin = (wide(values, unit, case.isps) for values in (data.forecast_kw, data.pinned_kw))
    rate = 0.0 if called else data.cost_eur_per_mwh[unit] * case.isp_hours / 1000
    q, program = data.reserve_kw[unit], Program()
    program.row([(program.var(), 1.0)], low=0.0)
    for t in range(case.isps):
        free = np.isnan(pin[t])
        most = forecast[t] if free else min(forecast[t], pin[t])
        least = 0.0 if free else max(0.0, pin[t])
        p = program.var(forecast[t] if free else pin[t], 0.0 if free else pin[t], power_price[t])
        over = program.var(cost=rate)
        program.row([(over, 1.0), (p, -1.0)], low=-forecast[t])
        held = {r: program.var(0.0, q, -rewards[r, t]) for r, reserve in enumerate(case.reserves) if traded(reserve, t)}
        for side, takes in TAKES.items():
            mine = [(h, 1.0) for r, h in held.items() if case.reserves[r].direction in takes]
            program.row(mine, high=q)
            program.row([*mine, (p, -1.0 if side == "up" else 1.0)], high=-most if side == "up" else least)
    return program.least()


def switched_cost(case, unit, power_price, *, slack, called=False):
    """Return a switched unit's least cost, every state, start and stop a whole number; None where nothing is possible.

    Least times are stated pair by pair: who starts in ISP s is on in each of the ISPs behind it, unless pinned off.
    """
    data, isps = case.switched, case.isps
    on_kw, pin = (wide(values, unit, isps) for values in (data.on_kw, data.pinned_on))
    inside = np.zeros(isps, dtype=bool)
    windows = [
        tuple(int(getattr(data, name)[unit, w]) for name in ("window_first", "window_end", "least_on", "most_on"))
        for w in range(data.window_first.shape[1])
    ]
    for first, end, _, _ in windows:
        inside[first:end] = True
    program, history, start_eur = Program(), int(data.before[unit]), 0.0 if called else data.start_eur[unit]
    was, since, given = history > 0, abs(history), True
    states, starts = [], []
    for t in range(isps):
        bound = since < (data.min_run if was else data.min_rest)[unit]
        if given and (bound or not np.isnan(pin[t])):  # not free: pinned, or bound by what had begun
            now = bool(pin[t]) if not np.isnan(pin[t]) else was
            low = high = float(now)
            was, since = now, since + 1 if now == was else 1
        else:
            given, low, high = False, 0.0, float(np.isnan(pin[t]) and inside[t])
        states.append(program.var(low, high, on_kw[t] * power_price[t], whole=True))
        starts.append((program.var(0, 1, start_eur, whole=True), program.var(0, 1, whole=True), given))
    for t, (start, stop, settled) in enumerate(starts):
        before = float(history > 0) if t == 0 else 0.0
        terms = [(states[t], 1.0), (start, -1.0), (stop, 1.0)] + ([(states[t - 1], -1.0)] if t else [])
        program.row(terms, before, before)
        program.row([(start, 1.0), (stop, 1.0)], high=1.0)
        if settled:
            continue
        for later in range(t + 1, min(t + data.min_run[unit], isps)):
            if not np.isnan(pin[later]):
                break
            program.row([(start, 1.0), (states[later], -1.0)], high=0.0)
        for later in range(t + 1, min(t + data.min_rest[unit], isps)):
            program.row([(stop, 1.0), (states[later], 1.0)], high=1.0)
    for first, end, least, most in windows:
        terms = [(column, 1.0) for column in states[first:end]]
        if slack:
            penal = data.shortfall_eur[unit]
            terms += [(program.var(cost=penal), 1.0), (program.var(cost=penal), -1.0)]
        if end > first:
            program.row(terms, least, most)
    return program.least(exact=True)
