"""Resources of the register → arrays of units, class by class. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.planning.case.inputs import Inputs
from models.case import NO_POINT, Curtailable, Fixed, Shiftable, Storage

Floats = NDArray[np.float64]
PointIndex = Callable[[str], int | None]
"""Connection → index of its congestion point, NO_POINT, or None when the connection is not ours in this Period."""


@dataclass
class UnitRows:
    """Columns of one unit class while they are collected: name → one value or row per unit."""

    names: list[str] = field(default_factory=list)
    columns: dict[str, list[float | Floats]] = field(default_factory=dict)

    def add(self, resource: str, **values: "float | Floats") -> None:
        """Add one unit."""
        self.names.append(resource)
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def vector(self, name: str) -> Floats:
        """Return one value per unit, (U,)."""
        return np.array(self.columns.get(name, []), dtype=float)

    def points(self) -> NDArray[np.int64]:
        """Return the congestion point index of each unit."""
        return np.array(self.columns.get("point", []), dtype=np.int64)

    def matrix(self, name: str, isps: int) -> Floats:
        """Return one row per unit, (U,T)."""
        rows = [np.broadcast_to(np.asarray(row, dtype=float), (isps,)) for row in self.columns.get(name, [])]
        return np.array(rows, dtype=float).reshape(len(self.names), isps)


def forecast(inputs: Inputs, resource: str, quantity: str, notes: list[str], default: float = 0.0) -> Floats:
    """Return the forecast (T,); a missing one becomes `default` and is noted."""
    values = inputs.forecasts.get((resource, quantity))
    if values is None or len(values) != inputs.period.isp_count:
        notes.append(f"resource {resource} has no forecast {quantity} for {inputs.period}: {default:g} was used")
        return np.full(inputs.period.isp_count, default)
    return values


def _off(inputs: Inputs, resource: str, values: "float | Floats") -> Floats:
    """Return the values (T,) with zeros from where the resource is unavailable."""
    isps = inputs.period.isp_count
    limited = np.array(np.broadcast_to(np.asarray(values, dtype=float), (isps,)))
    limited[inputs.unavailable_from.get(resource, isps) :] = 0.0
    return limited


def _pins(inputs: Inputs, resource: str, point: int, addresses: Sequence[str]) -> Floats:
    """Return the program where it can no longer change, NaN elsewhere."""
    isps = inputs.period.isp_count
    pinned = np.full(isps, np.nan)
    program = inputs.previous.programs_kw.get(resource)
    if program is not None:
        frozen = point != NO_POINT and addresses[point] in inputs.frozen_points
        closed = isps if frozen else inputs.closed_isps
        pinned[:closed] = program[:closed]
    pinned[inputs.unavailable_from.get(resource, isps) :] = np.nan
    return pinned


def fixed_units(inputs: Inputs, at: PointIndex, notes: list[str]) -> tuple[tuple[str, ...], Fixed]:
    """Fixed loads follow their forecast."""
    rows = UnitRows()
    for load in inputs.register.of(FixedLoad):
        point = at(load.connection)
        if point is not None:
            values = forecast(inputs, load.resource, "power_kw", notes)
            rows.add(load.resource, point=point, program_kw=_off(inputs, load.resource, values))
    unit = Fixed(point=rows.points(), program_kw=rows.matrix("program_kw", inputs.period.isp_count))
    return tuple(rows.names), unit


def curtailable_units(
    inputs: Inputs, at: PointIndex, addresses: Sequence[str], notes: list[str]
) -> tuple[tuple[str, ...], Curtailable]:
    """Generators may be curtailed; a forecast above zero is cut to zero and noted."""
    rows, isps = UnitRows(), inputs.period.isp_count
    for unit in inputs.register.of(Generator):
        point = at(unit.connection)
        if point is None:
            continue
        values = _off(inputs, unit.resource, forecast(inputs, unit.resource, "power_kw", notes))
        if bool((values > 0).any()):
            notes.append(f"generator {unit.resource}: its forecast consumes in some ISPs; production is negative")
        rows.add(
            unit.resource, point=point, forecast_kw=np.minimum(values, 0.0), cost=unit.curtailment_eur_per_mwh,
            reserve=0.0 if unit.resource in inputs.unavailable_from else unit.reserve_kw,
            pinned=_pins(inputs, unit.resource, point, addresses),
        )  # fmt: skip
    forecast_kw = rows.matrix("forecast_kw", isps)
    return tuple(rows.names), Curtailable(
        point=rows.points(),
        forecast_kw=forecast_kw,
        cost_eur_per_mwh=rows.vector("cost"),
        reserve_kw=rows.vector("reserve"),
        pinned_kw=np.clip(rows.matrix("pinned", isps), forecast_kw, 0.0),
    )


def _retention(loss_per_day: float, hours: float) -> float:
    return float((1.0 - loss_per_day) ** (hours / 24.0))


def _battery(rows: UnitRows, inputs: Inputs, unit: Battery, point: int, pinned: Floats) -> None:
    isps = inputs.period.isp_count
    low = np.full(isps, unit.minimum_kwh)
    low[-1] = max(unit.end_kwh, unit.minimum_kwh)
    low = _off(inputs, unit.resource, low)  # nobody misses energy in a battery that is out of order
    rows.add(
        unit.resource, point=point, charge=unit.charge_kw, charge_min=0.0, discharge=unit.discharge_kw,
        eta_c=unit.charge_efficiency, eta_d=unit.discharge_efficiency,
        retention=_retention(unit.loss_per_day, inputs.period.isp_hours), low=low, high=unit.capacity_kwh,
        start=inputs.carried_state.get(unit.resource, unit.initial_kwh), demand=0.0,
        wear=unit.wear_eur_per_mwh / 1000, end_value=0.0, reserve=unit.reserve_kw, unmanaged=0.0, pinned=pinned,
    )  # fmt: skip


def _heat_pump(rows: UnitRows, inputs: Inputs, unit: HeatPump, point: int, pinned: Floats, notes: list[str]) -> None:
    period = inputs.period
    heat_kw = forecast(inputs, unit.resource, "heat_kw", notes)
    cop = np.maximum(forecast(inputs, unit.resource, "cop", notes, default=3.0), 1e-3)
    low = np.zeros(period.isp_count)
    low[-1] = unit.end_kwh
    rows.add(
        unit.resource, point=point, charge=unit.power_kw, charge_min=0.0, discharge=0.0, eta_c=cop, eta_d=1.0,
        retention=_retention(unit.loss_per_day, period.isp_hours), low=low, high=unit.buffer_kwh,
        start=inputs.carried_state.get(unit.resource, unit.initial_kwh), demand=heat_kw * period.isp_hours,
        wear=unit.wear_eur_per_mwh / 1000, end_value=0.0, reserve=unit.reserve_kw,
        unmanaged=np.minimum(heat_kw / cop, unit.power_kw), pinned=pinned,
    )  # fmt: skip


def _presence(inputs: Inputs, unit: EvSession) -> Floats:
    """Return the share of each ISP during which the car is there, (T,)."""
    period, length = inputs.period, inputs.period.isp_length
    starts = period.starts()
    shares = [(min(unit.departure, s + length) - max(unit.arrival, s)) / length for s in starts]
    clipped: Floats = np.clip(np.array(shares), 0.0, 1.0)
    return clipped


def _unmanaged_ev(limit_kw: Floats, need_kwh: float, efficiency: float, hours: float) -> Floats:
    """Return charging at full power from arrival until the need is met."""
    stored = np.cumsum(limit_kw * efficiency * hours)
    before = np.concatenate([[0.0], stored[:-1]])
    return np.clip((need_kwh - before) / (efficiency * hours), 0.0, limit_kw)


def _ev(rows: UnitRows, inputs: Inputs, unit: EvSession, point: int, pinned: Floats) -> None:
    period, hours = inputs.period, inputs.period.isp_hours
    share = _presence(inputs, unit)
    before = max((period.start - unit.arrival) / timedelta(hours=1), 0.0)
    after = max((unit.departure - period.end) / timedelta(hours=1), 0.0)
    target = unit.initial_kwh + unit.energy_kwh
    reached = min(unit.energy_kwh, before * unit.charge_kw * unit.charge_efficiency)  # unmanaged until midnight
    start = inputs.carried_state.get(unit.resource, unit.initial_kwh + reached) if before else unit.initial_kwh
    need = max(target - after * unit.charge_kw * unit.charge_efficiency, 0.0)  # what midnight must find
    low = np.zeros(period.isp_count)
    low[int(np.flatnonzero(share > 0)[-1]) :] = need
    limit = unit.charge_kw * share
    high = max(unit.capacity_kwh if unit.capacity_kwh is not None else target, target, start)
    day_ahead = [v for v in inputs.prices.get(inputs.markets.day_ahead.forecast_series, ()) if v is not None]
    left_value = float(np.mean(day_ahead)) / 1000 / unit.charge_efficiency if after and day_ahead else 0.0
    rows.add(
        unit.resource, point=point, charge=limit, charge_min=unit.charge_min_kw, discharge=unit.discharge_kw * share,
        eta_c=unit.charge_efficiency, eta_d=unit.discharge_efficiency, retention=1.0, low=low, high=high,
        start=start, demand=0.0,
        wear=unit.wear_eur_per_mwh / 1000, end_value=max(left_value, 0.0), reserve=unit.reserve_kw,
        unmanaged=_unmanaged_ev(limit, max(target - start, 0.0), unit.charge_efficiency, hours), pinned=pinned,
    )  # fmt: skip


def storage_units(
    inputs: Inputs, at: PointIndex, addresses: Sequence[str], notes: list[str]
) -> tuple[tuple[str, ...], Storage]:
    """Batteries, heat pumps and EV sessions that touch the Period."""
    rows, isps, period = UnitRows(), inputs.period.isp_count, inputs.period
    known = inputs.register
    every: list[Battery | HeatPump | EvSession] = [*known.of(Battery), *known.of(HeatPump), *known.of(EvSession)]
    for unit in every:
        point = at(unit.connection)
        if point is None:
            continue
        pinned = _pins(inputs, unit.resource, point, addresses)
        if isinstance(unit, Battery):
            _battery(rows, inputs, unit, point, pinned)
        elif isinstance(unit, HeatPump):
            _heat_pump(rows, inputs, unit, point, pinned, notes)
        elif unit.arrival < period.end and unit.departure > period.start:
            _ev(rows, inputs, unit, point, pinned)
    wide = {name: rows.matrix(name, isps) for name in ("charge", "discharge", "eta_c", "low", "high", "demand")}
    unmanaged, reserve_kw = rows.matrix("unmanaged", isps), rows.vector("reserve")
    for row, resource in enumerate(rows.names):
        if resource in inputs.unavailable_from:
            for limit in (wide["charge"], wide["discharge"], unmanaged):
                limit[row] = _off(inputs, resource, limit[row])
            reserve_kw[row] = 0.0
    penalty = np.full(len(rows.names), inputs.planning.comfort_shortfall_eur_per_kwh)
    return tuple(rows.names), Storage(
        point=rows.points(), charge_kw=wide["charge"], charge_min_kw=rows.vector("charge_min"),
        discharge_kw=wide["discharge"], charge_efficiency=wide["eta_c"],
        discharge_efficiency=rows.vector("eta_d"), retention=rows.vector("retention"), energy_min_kwh=wide["low"],
        energy_max_kwh=wide["high"], energy_start_kwh=rows.vector("start"), demand_kwh=wide["demand"],
        wear_eur_per_kwh=rows.vector("wear"), end_value_eur_per_kwh=rows.vector("end_value"),
        shortfall_eur_per_kwh=penalty, reserve_kw=reserve_kw, unmanaged_kw=unmanaged,
        pinned_kw=rows.matrix("pinned", isps),
    )  # fmt: skip


def _per_isp(profile_kw: Sequence[float], isp_minutes: int) -> Floats:
    """Return the profile, given per 15 minutes, per ISP."""
    if isp_minutes == 15:
        return np.array(profile_kw, dtype=float)
    minutes = np.repeat(np.array(profile_kw, dtype=float), 15)
    padded = np.pad(minutes, (0, -len(minutes) % isp_minutes))
    return np.array([group.mean() for group in padded.reshape(-1, isp_minutes)])


def _run_off(inputs: Inputs, resource: str, start: int | None) -> bool:
    """Say whether a run cannot happen: its resource is unavailable, unless it had started before."""
    off = inputs.unavailable_from.get(resource)
    return off is not None and (start is None or start >= off)


def shiftable_units(
    inputs: Inputs, at: PointIndex, addresses: Sequence[str], notes: list[str]
) -> tuple[tuple[str, ...], Shiftable]:
    """Runs that may start in the Period; one that started in a closed ISP keeps its start."""
    rows, period = UnitRows(), inputs.period
    profiles: list[Floats] = []
    for run in inputs.register.of(ShiftableRun):
        point = at(run.connection)
        if point is None or not period.start <= run.earliest_start < period.end:
            continue
        profile = _per_isp(run.profile_kw, period.isp_minutes)
        first = int(np.ceil((run.earliest_start - period.start) / period.isp_length))
        last = int((min(run.latest_end, period.end) - period.start) / period.isp_length) - len(profile)
        if last < first:
            notes.append(f"run {run.resource} does not fit between its earliest start and latest end: started as early")
            first = last = max(min(first, period.isp_count - len(profile)), 0)
        decided = inputs.previous.starts.get(run.resource)
        frozen = point != NO_POINT and addresses[point] in inputs.frozen_points
        if decided is not None and (decided < inputs.closed_isps or frozen):
            first = last = decided
        elif inputs.closed_isps > first:
            first = min(inputs.closed_isps, last)
        if _run_off(inputs, run.resource, decided):
            continue
        profiles.append(profile[: period.isp_count])
        rows.add(run.resource, point=point, length=len(profiles[-1]), first=first, last=last)
    wide = np.zeros((len(profiles), max((len(p) for p in profiles), default=0)))
    for row, profile in zip(wide, profiles, strict=True):
        row[: len(profile)] = profile
    ints = {name: rows.vector(name).astype(np.int64) for name in ("length", "first", "last")}
    return tuple(rows.names), Shiftable(
        point=rows.points(), profile_kw=wide, length=ints["length"], first_start=ints["first"], last_start=ints["last"]
    )
