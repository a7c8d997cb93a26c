"""Checks congestion points, what was announced there, and limits and reservations: windows, kW from W, signs. Pure.

Source: docs/reference/tables.md (contracts, limits); docs/reference/formulation.md §3.3 and §3.4.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from agr.domain.faults import number_of
from agr.domain.flexibility import Obligation
from agr.domain.register import Contract
from agr.planning.case_audit.context import SHOWN, AuditContext
from agr.planning.case_audit.day import Day
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import differences
from models.case import Case

_HALF_W = 0.0005
"""Difference in kW that rounding to whole W may make."""


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield findings about congestion points, limits and reservations that are not what was listed and agreed."""
    yield from _points(context)
    yield from _announced(context)
    yield from _limits(context)
    yield from _orders(context)
    facts = context.facts
    agreed = Agreed(
        contracts=facts.register.contracts, updates_w=facts.reserved_w, orders=facts.orders,
        closed_isps=facts.closed_isps, uncallable=facts.uncallable_points,
    )  # fmt: skip
    yield from check_reservations(context.case, facts.period.day, context.day, agreed)
    yield from _when_called(context)
    yield from _held_at_most(context)


def _held_at_most(context: AuditContext) -> Iterator[str]:
    """Compare the reserve that congestion points with an open offer may hold with that of the program on offer."""
    most, facts = context.case.held_at_most, context.facts
    due = {
        (product, address): held
        for address, products in facts.held_at_most.items() if address in context.case.points
        for product, held in products.items()
    }  # fmt: skip
    found = [(name, context.case.points[point]) for name, point in zip(most.name, most.point.tolist(), strict=True)]
    if sorted(found) != sorted(due):
        yield f"case: limits reserve in {len(found)} rows, where {len(due)} are on offer"
        return
    for what in ("planned_kw", "called_kw"):
        names = [f"{name} at {address}" for name, address in found]
        expected = np.array([getattr(due[key], what) for key in found]).reshape(len(found), context.day.isps)
        values = getattr(most, what).reshape(len(found), context.day.isps)
        yield from differences(names, f"held_at_most.{what}", values, expected)


def _when_called(context: AuditContext) -> Iterator[str]:
    """Compare from when called programs may leave a program: where it is kept by choice, and devices listen."""
    case, facts, isps = context.case, context.facts, context.day.isps
    deaf = {context.point.get(row.connection) for row in facts.register.resources if row.resource in facts.dictated_kw}
    due = np.full(len(case.points), float(isps))
    for row, address in enumerate(case.points):
        if address in facts.frozen_points and address not in facts.uncallable_points and row not in deaf:
            due[row] = facts.closed_isps
    found = case.called_from if len(case.called_from) else np.full(len(case.points), isps)
    yield from differences(case.points, "called_from", found.astype(np.float64), due)


def _points(context: AuditContext) -> Iterator[str]:
    """Compare congestion points and their DSOs with the CROs' lists; everything else is placed by what is in the case.

    So a point that is lost here would take its limits and reservations out of every other rule, too.
    """
    due = {point.address: point.dso for point in context.facts.portfolio.points}
    found = dict(zip(context.case.points, context.dsos, strict=True))
    if sorted(context.case.points) != sorted(point.address for point in context.facts.portfolio.points):
        lost, more = sorted(due.keys() - found.keys()), sorted(found.keys() - due.keys())
        words = f"{len(lost)} missing {lost[:SHOWN]}, {len(more)} unknown {more[:SHOWN]}"
        yield f"case: has {number_of(len(context.case.points), 'congestion point')}, the CROs list {len(due)}: {words}"
    for address in [address for address in due if found.get(address, due[address]) != due[address]][:SHOWN]:
        yield f"case, {address}: belongs to {found[address]}, the CROs list it for {due[address]}"


def _announced(context: AuditContext) -> Iterator[str]:
    """Compare the price of leaving what was announced, and the programs it is counted from; new points have none."""
    case, facts, day = context.case, context.facts, context.day
    counts = facts.stay_eur_per_mwh > 0 and bool(facts.previous.point_kw)
    if case.anchor is None or not counts:
        if counts or case.anchor is not None:
            yield f"case: leaving what was announced {'costs nothing' if counts else 'costs something'}"
        return
    nothing = np.full(day.isps, np.nan)
    due = np.array([facts.previous.point_kw.get(address, nothing) for address in case.points]).reshape(-1, day.isps)
    yield from differences(case.points, "announced program", case.anchor.point_kw, due)
    price = np.array([facts.stay_eur_per_mwh])
    yield from differences(["announced programs"], "price", np.array([case.anchor.eur_per_mwh]), price)


def _limits(context: AuditContext) -> Iterator[str]:
    """Compare limits in the order of the table; those of unknown congestion points are left out."""
    day, today, data = context.day, context.facts.period.day, context.case.limits
    rows = [
        (context.case.points.index(limit.congestion_point), limit)
        for limit in context.facts.register.limits
        if limit.first_day <= today <= limit.last_day and limit.congestion_point in context.case.points
    ]
    if len(rows) != len(data.point):
        yield f"case: has {number_of(len(data.point), 'limit')}, the tables give {len(rows)}"
        return
    names = [f"limit of {limit.congestion_point}" for _, limit in rows]
    most = np.full((len(rows), day.isps), np.inf)
    least = np.full((len(rows), day.isps), -np.inf)
    for i, (_, limit) in enumerate(rows):
        inside = day.within(limit.window_start, limit.window_end)
        most[i, inside] = np.inf if limit.import_kw is None else limit.import_kw
        least[i, inside] = -np.inf if limit.export_kw is None else -limit.export_kw
    penalty = np.array([limit.penalty_eur_per_mwh for _, limit in rows], dtype=np.float64)
    yield from differences(names, "point", data.point, np.array([float(point) for point, _ in rows]))
    yield from differences(names, "import_kw", data.import_kw, most)
    yield from differences(names, "export_kw", data.export_kw, least)
    yield from differences(names, "penalty_eur_per_mwh", data.penalty_eur_per_mwh, penalty)


def _orders(context: AuditContext) -> Iterator[str]:
    """Compare what orders bind programs to: baseline and deviation in W, at a price that imbalance never beats."""
    case, facts, data = context.case, context.facts, context.case.orders
    due = [one for one in facts.orders if one.order.congestion_point in case.points]
    if [one.order.name for one in due] != list(data.name):
        yield f"case: has {number_of(len(data.name), 'order')}, {len(due)} bind its congestion points"
        return
    if not due:
        return
    names = [f"order {name}" for name in data.name]
    most, least = np.full((len(due), context.day.isps), np.inf), np.full((len(due), context.day.isps), -np.inf)
    begun = np.zeros((len(due), context.day.isps))
    for row, one in enumerate(due):
        if one.limits_w:  # what is ordered are the bounds themselves
            for isp, (low, high) in enumerate(one.limits_w):
                least[row, isp] = -np.inf if low is None else low / 1000
                most[row, isp] = np.inf if high is None else high / 1000
            continue
        same = one.order.congestion_point
        before = [k for k in range(row) if due[k].order.congestion_point == same and not due[k].limits_w]
        for isp, (baseline, deviation) in enumerate(zip(one.baseline_w, one.order.power_w, strict=True)):
            if not deviation:
                continue
            # It adds to what was ordered before, wherever its baseline does not show that; the other way it takes back.
            now = min([baseline / 1000, *most[before, isp]])
            begun[row, isp] = now = max([now, *least[before, isp]])
            now += deviation / 1000
            for k in before:
                if deviation > 0 and most[k, isp] < now:
                    most[k, isp] = now if now < begun[k, isp] - _HALF_W else np.inf
                if deviation < 0 and least[k, isp] > now:
                    least[k, isp] = now if now > begun[k, isp] + _HALF_W else -np.inf
            (most if deviation < 0 else least)[row, isp] = now
    places = np.array([float(case.points.index(one.order.congestion_point)) for one in due])
    yield from differences(names, "point", data.point, places)
    rounding = np.where(np.isfinite(most) & (np.abs(data.most_kw - most) < _HALF_W), data.most_kw, most)
    yield from differences(names, "most_kw", data.most_kw, rounding)
    rounding = np.where(np.isfinite(least) & (np.abs(data.least_kw - least) < _HALF_W), data.least_kw, least)
    yield from differences(names, "least_kw", data.least_kw, rounding)
    dear = max(case.imbalance.short_eur_per_mwh.max(), case.imbalance.long_eur_per_mwh.max())
    price = np.full(len(due), max(facts.order_shortfall_eur_per_mwh, 3 * dear))
    yield from differences(names, "penalty_eur_per_mwh", data.penalty_eur_per_mwh, price)
    yield from differences(names, "price_eur", data.price_eur, np.array([float(one.order.price) for one in due]))


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What was agreed on reservations, what was ordered of them, and when nothing can be called any more."""

    contracts: Iterable[Contract]
    updates_w: Mapping[str, tuple[int, ...]]  # contract → W per ISP of the newest update
    orders: Sequence[Obligation]
    closed_isps: int = 0
    uncallable: frozenset[str] = frozenset()  # congestion points that nobody redispatches any more


def _reserved_kw(
    case: Case, today: date, day: Day, agreed: Agreed
) -> dict[str, tuple[int, Floats, Floats, float, float]]:
    """Return contract → row of its congestion point, kW (T,) to be held and only paid for, penalty and fee."""
    found = {}
    for contract in agreed.contracts:
        update = agreed.updates_w.get(contract.contract)
        if update is not None:
            watts = np.array(update, dtype=np.float64)
        else:
            runs = contract.first_day <= today <= contract.last_day
            inside = day.within(contract.window_start, contract.window_end) & runs
            watts = np.where(inside, float(contract.power_w), 0.0)
        if not watts.any() or contract.congestion_point not in case.points:
            continue
        way, ordered = np.sign(watts), np.zeros(day.isps)
        for one in agreed.orders:
            if one.order.contract_id == contract.contract and not one.limits_w:
                ordered += np.maximum(way * np.array(one.order.power_w, dtype=np.float64), 0.0)
        held = way * np.maximum(np.abs(watts) - ordered, 0.0)
        held[: day.isps if contract.congestion_point in agreed.uncallable else agreed.closed_isps] = 0.0
        found[contract.contract] = (
            case.points.index(contract.congestion_point), held / 1000, (watts - held) / 1000,
            contract.penalty_eur_per_mwh, contract.availability_eur_per_mw_h,
        )  # fmt: skip
    return found


def check_reservations(case: Case, today: date, day: Day, agreed: Agreed) -> Iterator[str]:
    """Yield contracts whose reservation in the case is not that of the update or contract, less what is ordered."""
    expected, data = _reserved_kw(case, today, day, agreed), case.reservations
    for name in sorted(expected.keys() ^ set(data.name)):
        yield f"case, contract {name}: {'is missing' if name in expected else 'reserves nothing'}"
    here = [k for k, name in enumerate(data.name) if name in expected]
    if not here:
        return
    rows = [expected[data.name[k]] for k in here]
    names = [f"contract {data.name[k]}" for k in here]
    yield from differences(names, "point", data.point[here], np.array([float(row[0]) for row in rows]))
    yield from differences(names, "reserved_kw", data.reserved_kw[here], np.array([row[1] for row in rows]))
    yield from differences(names, "fee_only_kw", data.fee_only_kw[here], np.array([row[2] for row in rows]))
    penalty, fee = (np.array([float(row[i]) for row in rows]) for i in (3, 4))
    yield from differences(names, "penalty_eur_per_mwh", data.penalty_eur_per_mwh[here], penalty)
    yield from differences(names, "availability_eur_per_mw_h", data.availability_eur_per_mw_h[here], fee)
