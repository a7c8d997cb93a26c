"""The problem stated a second time, straight from its equations, for SciPy's solver: the value a plan must reach.

Written without looking at how `models` states it: dense loops, every binary explicit, no slack for unmet energy
(the cases given to it can all be met).
"""

import numpy as np

from models.case import NO_LIMIT, NO_POINT, UNIT_CLASSES, Direction
from tests.models.oracle_units import Program, Units, minus, sides


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
        for r, isp in ((r, t) for r in range(len(case.reserves)) for t in range(T) if case.reserves[r].block[t] >= 0):
            terms = [x for p in planned.power for x in (inside if p in reserved else outside).held[p][r][isp]]
            bid, awarded_kw = bids[r][case.reserves[r].block[isp]]
            program.row(terms + minus(bid) + short.get((r, isp), []), low=awarded_kw)
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
