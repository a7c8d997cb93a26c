"""Puts one planning problem together: units, congestion points, contracts and markets. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agr.domain.errors import PlanError
from agr.domain.faults import number_of
from agr.domain.register import Contract, in_window, valid_on
from agr.domain.reserved import after_orders
from agr.planning.case import fixed, markets, storage
from agr.planning.case.backing import backed
from agr.planning.case.balancing import balancing_groups
from agr.planning.case.classes import CLASSES
from agr.planning.case.connection_limits import connection_limits
from agr.planning.case.connection_tariffs import connection_tariffs, none_worse_off
from agr.planning.case.inputs import Inputs
from agr.planning.case.later import DaysAhead, LaterPrice
from agr.planning.case.night import raised_over_midnight
from agr.planning.case.orders import orders_of
from agr.planning.case.rows import Draft, PointIndex
from models.case import NO_POINT, Anchor, Case, HeldAtMost, Limits, Reservations, held_freely
from models.errors import CaseError


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedCase:
    """A case with the names behind its rows."""

    case: Case
    names: dict[str, tuple[str, ...]]  # class of units → resources
    dsos: tuple[str, ...]  # per congestion point
    notes: tuple[str, ...]  # fall-backs used

    def of(self, units: str) -> tuple[str, ...]:
        """Return the resources of a class of units."""
        return self.names.get(units, ())

    def stores(self) -> tuple[str, ...]:
        """Return the resources that store energy: batteries, and cars while they are plugged in."""
        return self.of(storage.CLASS.name)

    def charging(self) -> tuple[str, ...]:
        """Return the resources among which are cars that only the plan knows: unplanned ones, and expected ones."""
        return (*self.of(fixed.CLASS.name), *self.stores())


def reserved_kw(inputs: Inputs, contract: Contract) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what must stay deliverable of a contract (T,), kW, and what earns its fee beside that.

    Reserved is what its newest update says, else the contracted power. What its DSO has ordered, and what can no longer
    be called, need not stay deliverable.
    """
    reserved_w = inputs.reserved_w.get(contract.contract, contract.contracted_w(inputs.period))
    found = after_orders(contract.contract, reserved_w, inputs.orders)
    due, paid = np.array(found.callable_w, dtype=float) / 1000, np.array(found.ordered_w, dtype=float) / 1000
    over = inputs.period.isp_count if contract.congestion_point in inputs.uncallable_points else inputs.closed_isps
    paid[:over] += due[:over]
    due[:over] = 0.0
    return due, paid


def _reservations(inputs: Inputs, index: dict[str, int], notes: list[str]) -> Reservations:
    held = [(c, *reserved_kw(inputs, c)) for c in inputs.register.contracts]
    active = []
    for contract, due, paid in held:
        if (due.any() or paid.any()) and contract.congestion_point in index:
            active.append((contract, due, paid))
        elif due.any() or paid.any():
            notes.append(f"contract {contract.contract}: its congestion point is not in the list of {inputs.period}")
    isps = inputs.period.isp_count
    return Reservations(
        name=tuple(c.contract for c, *_ in active),
        point=np.array([index[c.congestion_point] for c, *_ in active], dtype=np.int64),
        reserved_kw=np.array([due for _, due, _ in active], dtype=float).reshape(len(active), isps),
        fee_only_kw=np.array([paid for *_, paid in active], dtype=float).reshape(len(active), isps),
        penalty_eur_per_mwh=np.array([c.penalty_eur_per_mwh for c, *_ in active], dtype=float),
        availability_eur_per_mw_h=np.array([c.availability_eur_per_mw_h for c, *_ in active], dtype=float),
    )


def _limits(inputs: Inputs, index: dict[str, int], notes: list[str]) -> Limits:
    period = inputs.period
    rows = [x for x in inputs.register.limits if valid_on(x, period.day)]
    unknown = sorted({row.congestion_point for row in rows if row.congestion_point not in index})
    notes.extend(f"a limit names congestion point {address}, not in the list of {period}" for address in unknown)
    rows = [row for row in rows if row.congestion_point in index]
    upper = np.full((len(rows), period.isp_count), np.inf)
    lower = np.full((len(rows), period.isp_count), -np.inf)
    for i, row in enumerate(rows):
        inside = np.array(in_window(period, row.window_start, row.window_end))
        if row.import_kw is not None:
            upper[i, inside] = row.import_kw
        if row.export_kw is not None:
            lower[i, inside] = -row.export_kw
    return Limits(
        point=np.array([index[row.congestion_point] for row in rows], dtype=np.int64),
        import_kw=upper,
        export_kw=lower,
        penalty_eur_per_mwh=np.array([row.penalty_eur_per_mwh for row in rows], dtype=float),
    )


def _membership(inputs: Inputs, index: dict[str, int], notes: list[str]) -> PointIndex:
    """Return where each connection is; one that only the CRO or only we know is noted and never stops planning."""
    day = inputs.period.day
    ours = {c.address for c in inputs.register.connections if valid_on(c, day)}
    listed = inputs.portfolio.point_of()
    free = set(inputs.portfolio.free_connections)
    strangers = (listed.keys() | free) - ours
    unlisted = ours - listed.keys() - free
    if strangers:
        notes.append(
            f"{number_of(len(strangers), 'connection is', 'connections are')} in the list of points but "
            "not in our register: without resources"
        )
    if unlisted:
        notes.append(
            f"{number_of(len(unlisted), 'connection is', 'connections are')} in our register but "
            "not in the list of points: in no congestion point"
        )
    where = {c: index[listed[c]] if c in listed else NO_POINT for c in ours}
    return where.get


def _anchor(inputs: Inputs, addresses: tuple[str, ...]) -> Anchor | None:
    """Return the anchor: each congestion point's announced program (NaN if new) and the price of leaving it."""
    before = inputs.previous.point_kw
    if inputs.stay_eur_per_mwh <= 0 or not before:
        return None
    point_kw = np.full((len(addresses), inputs.period.isp_count), np.nan)
    for row, address in zip(point_kw, addresses, strict=True):
        row[:] = before.get(address, np.nan)
    return Anchor(point_kw=point_kw, eur_per_mwh=inputs.stay_eur_per_mwh)


def _called_from(
    inputs: Inputs, case: Case, addresses: tuple[str, ...], names: Mapping[str, tuple[str, ...]]
) -> NDArray[np.int64]:
    """Return the ISP (C,) from which called programs ignore pins; empty where they follow all of them.

    Programs that are kept for open offers, or because only other points are replanned, may be left when a DSO calls.
    A device that nothing can be sent to cannot leave its program: where power is dictated, called programs keep it.
    """
    kept, isps = inputs.frozen_points - inputs.uncallable_points, inputs.period.isp_count
    free = [address in kept for address in addresses]
    found = np.where(free, inputs.closed_isps, isps).astype(np.int64)
    for of_class, resources in names.items():
        deaf = [u for u, name in enumerate(resources) if name in inputs.dictated_kw]
        points = case.units(of_class).point[deaf]
        found[points[points != NO_POINT]] = isps
    return found if bool((found < isps).any()) else found[:0]


def _held_at_most(inputs: Inputs, index: Mapping[str, int]) -> HeldAtMost:
    """Return what congestion points with an open offer may hold of each product."""
    rows = [
        (product, index[address], most)
        for address, products in inputs.held_at_most.items() if address in index
        for product, most in products.items()
    ]  # fmt: skip
    if not rows:
        return held_freely()
    return HeldAtMost(
        name=tuple(product for product, _, _ in rows), point=np.array([point for _, point, _ in rows], dtype=np.int64),
        planned_kw=np.array([most.planned_kw for _, _, most in rows]),
        called_kw=np.array([most.called_kw for _, _, most in rows]),
    )  # fmt: skip


def build(inputs: Inputs) -> NamedCase:
    """Return the planning problem. Raises PlanError when a price is missing or the inputs contradict each other."""
    notes: list[str] = []
    addresses = tuple(point.address for point in inputs.portfolio.points)
    index = {address: i for i, address in enumerate(addresses)}
    at = _membership(inputs, index, notes)
    price = markets.day_ahead_price(inputs, notes)
    draft = Draft(
        inputs=inputs, addresses=addresses, notes=notes, later=LaterPrice(inputs, price),
        ahead=DaysAhead.after(inputs.period, inputs.planning.look_ahead_days),
    )  # fmt: skip
    found = {units.name: units.collect(draft, at) for units in CLASSES}
    names = {name: of_class for name, (of_class, _) in found.items()}
    points = {name: arrays.point for name, (_, arrays) in found.items()}
    try:
        case = Case(
            isps=inputs.period.isp_count,
            isp_hours=inputs.period.isp_hours,
            points=addresses,
            **{name: arrays for name, (_, arrays) in found.items()},
            limits=_limits(inputs, index, notes),
            connection_limits=connection_limits(inputs, names, points),
            connection_tariffs=connection_tariffs(inputs, names, points),
            reservations=_reservations(inputs, index, notes),
            anchor=_anchor(inputs, addresses),
            held_at_most=_held_at_most(inputs, index),
            brought_forward_eur=inputs.brought_forward_eur,
            unmanaged_brought_forward_eur=inputs.unmanaged_brought_forward_eur,
            **{name: make(inputs, price, notes) for name, make in markets.MARKETS.items()},
        )
    except CaseError as error:
        raise PlanError(
            f"the inputs of {inputs.period} contradict each other: {error}; correct the imported tables"
        ) from error
    case = raised_over_midnight(inputs, case, names, notes)
    bound = orders_of(
        inputs.orders, index, case.isps, inputs.order_shortfall_eur_per_mwh, case.imbalance
    )  # fmt: skip
    groups = balancing_groups(inputs, names, case)
    case = replace(case, called_from=_called_from(inputs, case, addresses, names))
    case = backed(replace(case, orders=bound, balancing_groups=groups), inputs.markets.speculation, notes)
    if not inputs.planning.customers_worse_off:
        case = none_worse_off(case)
    return NamedCase(
        case=case,
        names=names,
        dsos=tuple(point.dso for point in inputs.portfolio.points),
        notes=tuple(notes),
    )
