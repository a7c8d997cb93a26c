"""Batteries, heat buffers and cars as their owners entered them: powers, bands, needs and start states. Pure.

Source: docs/reference/tables.md; docs/reference/formulation.md §2.3.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.heat_pump import HeatPump
from agr.planning.case_audit.context import AuditContext, Rows
from agr.planning.case_audit.facts import Floats

KINDS: tuple[type[Any], ...] = (Battery, HeatPump, EvSession)
_AT_ONCE = 4096
"""Stores that are checked together: all stores of a large portfolio at once would take gigabytes."""
_LEAST_COP = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class Stores:
    """What the tables say about some stores, one row each."""

    rows: tuple[Any, ...]
    charge_kw: Floats  # (U,T) most charging power, averaged over the ISP
    discharge_kw: Floats  # (U,T)
    charge_min_kw: Floats  # (U,) least power while charging
    charge_efficiency: Floats  # (U,T)
    discharge_efficiency: Floats  # (U,)
    retention: Floats  # (U,) share of the content kept over an ISP
    low_kwh: Floats  # (U,T) band at the end of each ISP, as entered
    high_kwh: Floats  # (U,T)
    start_kwh: Floats  # (U,)
    demand_kwh: Floats  # (U,T)
    wear_eur_per_kwh: Floats  # (U,)
    reserve_kw: Floats  # (U,)
    end_worth_eur_per_kwh: Floats  # (U,) worth of what is left at the end; NaN: later prices say it
    zero_kwh: Floats  # (U,) content that counts nothing at the end
    pinned_kw: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # (U,T) what cannot change, else NaN

    @property
    def names(self) -> list[str]:
        """The resources."""
        return [row.resource for row in self.rows]

    def only(self, some: Rows) -> "Stores":
        """Return some of the stores, by their rows (n,)."""
        arrays = {item.name: getattr(self, item.name)[some] for item in fields(Stores) if item.name != "rows"}
        return Stores(rows=tuple(self.rows[u] for u in some.tolist()), **arrays)


def names_of_stores(context: AuditContext) -> list[str]:
    """Return every store that has a place in the Period."""
    return [row.resource for _, rows in _there(context) for row in rows]


def stores(context: AuditContext) -> Iterator[Stores]:
    """Yield the stores that have a place in the Period, of one kind and a few thousand at a time."""
    for made, rows in _there(context):
        for begin in range(0, len(rows), _AT_ONCE):
            yield _as_measured(context, made(context, rows[begin : begin + _AT_ONCE]))


def _there(context: AuditContext) -> Iterator[tuple[Callable[[AuditContext, Sequence[Any]], Stores], list[Any]]]:
    day = context.day
    yield batteries, context.ours(Battery)
    yield heat_pumps, context.ours(HeatPump)
    plugged = [
        row
        for row in context.ours(EvSession)
        if day.since(row.arrival) < day.minutes and day.since(row.departure) > 0
    ]  # fmt: skip
    yield _cars, plugged


def _as_measured(context: AuditContext, entered: Stores) -> Stores:
    """Return the stores with their pins, and the energy at midnight that leads to what was measured since, if any."""
    held = context.facts.held
    pinned = context.pins(entered.rows)
    if not any(row.resource in held for row in entered.rows):
        return replace(entered, pinned_kw=pinned)
    start, kept_kw = entered.start_kwh.copy(), np.nan_to_num(pinned)
    into, out = np.maximum(kept_kw, 0.0), np.maximum(-kept_kw, 0.0)
    for u, row in enumerate(entered.rows):
        if row.resource not in held:
            continue
        known, kept = held[row.resource], entered.retention[u]
        isps = slice(0, known.isps)
        gained = into[u, isps] * entered.charge_efficiency[u, isps] - out[u, isps] / entered.discharge_efficiency[u]
        moved = gained * context.day.hours - entered.demand_kwh[u, isps]
        ages = np.arange(known.isps - 1, -1, -1)  # ISPs that each move lies before what was measured
        start[u] = (known.kwh - float((moved * kept**ages).sum())) / kept**known.isps
    return replace(entered, start_kwh=start, pinned_kw=pinned)


def _column(rows: Sequence[Any], field: str) -> Floats:
    return np.array([getattr(row, field) for row in rows], dtype=np.float64)


def _start(context: AuditContext, rows: Sequence[Any], otherwise: Floats) -> Floats:
    """Return the content at midnight (U,): measured, else what the Period before leaves, else what is given."""
    known = []
    for row, default in zip(rows, otherwise.tolist(), strict=True):
        measured = context.facts.forecasts.get((row.resource, "stored_kwh"))
        if measured is not None and len(measured):
            known.append(float(measured[0]))
        else:
            known.append(context.facts.carried_state.get(row.resource, default))
    return np.array(known, dtype=np.float64)


def _kept(context: AuditContext, rows: Sequence[Any]) -> Floats:
    """Return the share of a content that is kept over an ISP, from the share lost in 24 hours."""
    return np.asarray(np.exp(np.log1p(-_column(rows, "loss_per_day")) * context.day.hours / 24.0))


def _end_worth(context: AuditContext, rows: Sequence[Any]) -> Floats:
    """Return the worth of a kWh left at the end (U,), as entered; NaN where plans look ahead: later prices say it."""
    worth = _column(rows, "end_worth_eur_per_mwh") / 1000
    return worth * np.nan if context.facts.planning.look_ahead_days else worth


def batteries(context: AuditContext, rows: Sequence[Battery]) -> Stores:
    """Return batteries as entered."""
    here = context.available([row.resource for row in rows])
    isps = np.ones(context.day.isps)
    low = np.outer(_column(rows, "minimum_kwh"), isps)
    low[:, -1] = np.maximum(_column(rows, "end_kwh"), low[:, -1])
    return Stores(
        rows=tuple(rows),
        charge_kw=_column(rows, "charge_kw")[:, None] * here,
        discharge_kw=_column(rows, "discharge_kw")[:, None] * here,
        charge_min_kw=np.zeros(len(rows)),
        charge_efficiency=np.outer(_column(rows, "charge_efficiency"), isps),
        discharge_efficiency=_column(rows, "discharge_efficiency"),
        retention=_kept(context, rows),
        low_kwh=low * here,  # out of order, it owes nothing
        high_kwh=np.outer(_column(rows, "capacity_kwh"), isps),
        start_kwh=_start(context, rows, _column(rows, "initial_kwh")),
        demand_kwh=np.zeros((len(rows), context.day.isps)),
        wear_eur_per_kwh=_column(rows, "wear_eur_per_mwh") / 1000,
        reserve_kw=context.reserve_kw(rows),
        end_worth_eur_per_kwh=_end_worth(context, rows),
        zero_kwh=_column(rows, "initial_kwh"),
    )


def heat_pumps(context: AuditContext, rows: Sequence[HeatPump]) -> Stores:
    """Return heat pumps with their buffers as entered, and what they are expected to heat."""
    names, isps = [row.resource for row in rows], context.day.isps
    here = context.available(names)
    low = np.zeros((len(rows), isps))
    low[:, -1] = _column(rows, "end_kwh")
    heat = np.array([context.forecast(name, "heat_kw", 0.0) for name in names]).reshape(-1, isps)
    cop = np.array([context.forecast(name, "cop", 3.0) for name in names]).reshape(-1, isps)
    return Stores(
        rows=tuple(rows),
        charge_kw=_column(rows, "power_kw")[:, None] * here,
        discharge_kw=np.zeros((len(rows), isps)),
        charge_min_kw=np.zeros(len(rows)),
        charge_efficiency=np.maximum(cop, _LEAST_COP),
        discharge_efficiency=np.ones(len(rows)),
        retention=_kept(context, rows),
        low_kwh=low,
        high_kwh=np.outer(_column(rows, "buffer_kwh"), np.ones(isps)),
        start_kwh=_start(context, rows, _column(rows, "initial_kwh")),
        demand_kwh=heat * context.day.hours,
        wear_eur_per_kwh=_column(rows, "wear_eur_per_mwh") / 1000,
        reserve_kw=context.reserve_kw(rows),
        end_worth_eur_per_kwh=_end_worth(context, rows),
        zero_kwh=_column(rows, "initial_kwh"),
    )


def _cars(context: AuditContext, rows: Sequence[EvSession]) -> Stores:
    """Return cars that are plugged in at some time of the day."""
    day, isps = context.day, context.day.isps
    arrival = np.array([day.since(row.arrival) for row in rows], dtype=np.float64)
    departure = np.array([day.since(row.departure) for row in rows], dtype=np.float64)
    begins = day.begins
    plugged = np.minimum(departure[:, None], begins + day.length) - np.maximum(arrival[:, None], begins)
    share = np.clip(plugged / day.length, 0.0, 1.0) * context.available([row.resource for row in rows])
    into = _column(rows, "charge_kw") * _column(rows, "charge_efficiency")  # kW that reach the battery
    energy, initial = _column(rows, "energy_kwh"), _column(rows, "initial_kwh")
    before_h, after_h = np.maximum(-arrival, 0.0) / 60, np.maximum(departure - day.minutes, 0.0) / 60
    unsteered = initial + np.minimum(energy, before_h * into)  # if no plan has said what it did before midnight
    start = np.where(before_h > 0, _start(context, rows, unsteered), initial)
    target = initial + energy
    low = np.zeros((len(rows), isps))
    last = np.minimum(np.ceil(departure / day.length).astype(np.int64), isps) - 1
    owed = _with_shares(context, rows, np.maximum(target - after_h * into, 0.0), target, after_h > 0)
    low[np.arange(isps) >= last[:, None]] = np.repeat(owed, isps - last)
    unmanaged = [
        context.facts.unmanaged_state.get(row.resource, 0.0) if row.arrival < day.midnight else 0.0 for row in rows
    ]
    full = np.array([t if row.capacity_kwh is None else row.capacity_kwh for row, t in zip(rows, target, strict=True)])
    high = np.max([full.reshape(-1), target, start, np.array(unmanaged).reshape(-1)], axis=0)
    return Stores(
        rows=tuple(rows),
        charge_kw=_column(rows, "charge_kw")[:, None] * share,
        discharge_kw=_column(rows, "discharge_kw")[:, None] * share,
        charge_min_kw=_column(rows, "charge_min_kw"),
        charge_efficiency=np.outer(_column(rows, "charge_efficiency"), np.ones(isps)),
        discharge_efficiency=_column(rows, "discharge_efficiency"),
        retention=np.ones(len(rows)),
        low_kwh=low,
        high_kwh=np.outer(high, np.ones(isps)),
        start_kwh=start,
        demand_kwh=np.zeros((len(rows), isps)),
        wear_eur_per_kwh=_column(rows, "wear_eur_per_mwh") / 1000,
        reserve_kw=context.reserve_kw(rows),
        end_worth_eur_per_kwh=np.where(after_h > 0, np.nan, 0.0),
        zero_kwh=np.where(after_h > 0, target, 0.0),
    )


def _with_shares(
    context: AuditContext, rows: Sequence[EvSession], owed: Floats, target: Floats, stays: NDArray[np.bool_]
) -> Floats:  # fmt: skip
    """Return what cars must hold when they leave, or at midnight (U,): there it may be more than their power asks for.

    How much more is judged for all cars behind a limit together, see agr.planning.case_audit.night.
    """
    found, data = owed.copy(), context.case.storage
    places = context.rows_of("storage", [row.resource for row in rows])
    for u, place in enumerate(places.tolist()):
        if stays[u] and place >= 0:
            held = float(data.energy_min_kwh[place, -1])
            found[u] = held if owed[u] < held <= target[u] * (1 + 1e-9) else owed[u]
    return found
