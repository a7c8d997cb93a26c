"""Builds cases in few lines: single units, concatenated, and markets with neutral defaults."""

from dataclasses import fields, replace

import numpy as np

from models.case import (
    UNIT_CLASSES,
    Case,
    ConnectionLimits,
    ConnectionTariffs,
    Curtailable,
    DayAhead,
    Fixed,
    Imbalance,
    Intraday,
    Limits,
    Reservations,
    Shiftable,
    Storage,
    Switched,
    nothing_switched,
)
from tests.models.case_arrays import NAN, one, row
from tests.models.obligation_builders import reservation


def load(isps, program_kw, point=0):
    return Fixed(point=np.array([point]), program_kw=row(program_kw, isps))


def solar(isps, forecast_kw, *, point=0, cost=0.0, reserve_kw=0.0, pinned_kw=NAN):
    return Curtailable(
        point=np.array([point]),
        forecast_kw=row(forecast_kw, isps),
        cost_eur_per_mwh=one(cost),
        reserve_kw=one(reserve_kw),
        pinned_kw=row(pinned_kw, isps),
    )


def storage(
    isps,
    *,
    point=0,
    charge_kw=0.0,
    charge_min_kw=0.0,
    discharge_kw=0.0,
    eta_c=1.0,
    eta_d=1.0,
    retention=1.0,
    low=0.0,
    high=1e3,
    start=0.0,
    demand=0.0,
    wear=0.0,
    end_value=0.0,
    shortfall=10.0,
    reserve_kw=0.0,
    unmanaged_kw=0.0,
    pinned_kw=NAN,
    worth_steps=(),
    worth_zero=0.0,
):
    """A store; worth_steps: (energy, change of the worth of a kWh from there on)."""
    begins, changes = np.array(worth_steps, dtype=np.float64).reshape(-1, 2).T
    return Storage(
        point=np.array([point]),
        charge_kw=row(charge_kw, isps),
        charge_min_kw=one(charge_min_kw),
        discharge_kw=row(discharge_kw, isps),
        charge_efficiency=row(eta_c, isps),
        discharge_efficiency=one(eta_d),
        retention=one(retention),
        energy_min_kwh=row(low, isps),
        energy_max_kwh=row(high, isps),
        energy_start_kwh=one(start),
        demand_kwh=row(demand, isps),
        wear_eur_per_kwh=one(wear),
        end_value_eur_per_kwh=one(end_value),
        shortfall_eur_per_kwh=one(shortfall),
        reserve_kw=one(reserve_kw),
        unmanaged_kw=row(unmanaged_kw, isps),
        pinned_kw=row(pinned_kw, isps),
        worth_from_kwh=begins[None],
        worth_step_eur_per_kwh=changes[None],
        worth_zero_kwh=one(worth_zero),
    )


def run(profile_kw, first, last, *, point=0, later=()):
    """A run; later: what it costs that 1, 2, … of its ISPs lie after the Period."""
    return Shiftable(
        point=np.array([point]),
        profile_kw=np.array([profile_kw], dtype=np.float64),
        length=np.array([len(profile_kw)]),
        first_start=np.array([first]),
        last_start=np.array([last]),
        later_eur=np.array([later or [0.0] * len(profile_kw)], dtype=np.float64),
    )


def switched(
    isps, *windows, point=0, on_kw=1.0, min_run=1, min_rest=1, start_eur=0.0, before=-99, shortfall=5.0, pinned_on=NAN
):
    """A unit with windows (first, end, least on, most on); the whole day without bounds where none are given."""
    table = np.array(windows or [(0, isps, 0, isps)], dtype=np.int64).T[:, None]
    return Switched(
        point=np.array([point]),
        on_kw=row(on_kw, isps),
        min_run=np.array([min_run]),
        min_rest=np.array([min_rest]),
        start_eur=one(start_eur),
        before=np.array([before]),
        window_first=table[0],
        window_end=table[1],
        least_on=table[2],
        most_on=table[3],
        shortfall_eur=one(shortfall),
        pinned_on=row(pinned_on, isps),
    )


def limit(isps, *, point=0, import_kw=np.inf, export_kw=-np.inf, penalty=1000.0):
    return Limits(
        point=np.array([point]),
        import_kw=row(import_kw, isps),
        export_kw=row(export_kw, isps),
        penalty_eur_per_mwh=one(penalty),
    )


def behind(case, *limits, **leaf):
    """Return the case with connection limits, innermost first: name, parent, import and export, kW, and penalty.

    Keyword arguments are classes with the limit of each of their units; −1, as for all others, is none.
    """
    rows = [
        {"parent": -1, "import_kw": np.inf, "export_kw": -np.inf, "penalty": 1000.0, "point": -1} | one
        for one in limits
    ]
    units = {name: np.full(len(case.units(name).point), -1) for name in UNIT_CLASSES}
    units |= {name: np.array(values, dtype=np.int64) for name, values in leaf.items()}
    table = ConnectionLimits(
        name=tuple(one.get("name", f"connection {i}") for i, one in enumerate(rows)),
        point=np.array([one["point"] for one in rows]),
        parent=np.array([one["parent"] for one in rows]),
        import_kw=np.concatenate([row(one["import_kw"], case.isps) for one in rows]),
        export_kw=np.concatenate([row(one["export_kw"], case.isps) for one in rows]),
        penalty_eur_per_mwh=np.array([one["penalty"] for one in rows], dtype=np.float64),
        leaf=tuple(units[name] for name in UNIT_CLASSES),
    )
    return replace(case, connection_limits=table)


def paying(case, *connections, peaks=(), least=(), **of_units):
    """Return the case with tariffs: connections with import_eur and export_eur, EUR/MWh; peaks at them.

    A peak has `at`, the connection, eur_per_kw, reached_kw, and inside. Keyword arguments are classes with the
    connection of each of their units; −1, as for all others, is none.
    """
    rows = [{"import_eur": 0.0, "export_eur": 0.0, "point": 0} | one for one in connections]
    tops = [{"at": 0, "eur_per_kw": 1.0, "reached_kw": 0.0, "inside": True} | one for one in peaks]
    units = {name: np.full(len(case.units(name).point), -1) for name in UNIT_CLASSES}
    units |= {name: np.array(values, dtype=np.int64) for name, values in of_units.items()}
    isps = case.isps
    table = ConnectionTariffs(
        name=tuple(one.get("name", f"home {i}") for i, one in enumerate(rows)),
        point=np.array([one["point"] for one in rows]),
        import_eur_per_mwh=np.concatenate([row(one["import_eur"], isps) for one in rows]),
        export_eur_per_mwh=np.concatenate([row(one["export_eur"], isps) for one in rows]),
        peak_at=np.array([one["at"] for one in tops], dtype=np.int64),
        peak_eur_per_kw=np.array([one["eur_per_kw"] for one in tops], dtype=np.float64),
        peak_reached_kw=np.array([one["reached_kw"] for one in tops], dtype=np.float64),
        peak_inside=np.array([np.broadcast_to(one["inside"], isps) for one in tops], dtype=bool).reshape(-1, isps),
        of_units=tuple(units[name] for name in UNIT_CLASSES),
        least_eur=np.array(least, dtype=np.float64),
    )
    return replace(case, connection_tariffs=table)


def day_ahead(isps, price, *, depth_kw=1e6, committed_kw=NAN, product=None):
    return DayAhead(
        price_eur_per_mwh=row(price, isps)[0],
        max_buy_kw=row(depth_kw, isps)[0],
        max_sell_kw=row(depth_kw, isps)[0],
        product=np.arange(isps) if product is None else np.asarray(product, dtype=np.int64),
        committed_kw=row(committed_kw, isps)[0],
    )


def intraday(isps, buy=0.0, sell=0.0, *, depth_kw=0.0, committed_kw=NAN, traded_kw=None, traded_eur=0.0):
    return Intraday(
        buy_eur_per_mwh=row(buy, isps)[0],
        sell_eur_per_mwh=row(sell, isps)[0],
        buy_depth_kw=row(depth_kw, isps)[0],
        sell_depth_kw=row(depth_kw, isps)[0],
        committed_kw=row(committed_kw, isps)[0],
        traded_kw=np.zeros(0) if traded_kw is None else row(traded_kw, isps)[0],
        traded_eur=traded_eur,
    )


def imbalance(isps, short=3000.0, long=3000.0):
    return Imbalance(short_eur_per_mwh=row(short, isps)[0], long_eur_per_mwh=row(long, isps)[0])


_RAGGED = {
    Switched: ("window_first", "window_end", "least_on", "most_on"),
    Shiftable: ("later_eur", "profile_kw"),
    Storage: ("worth_from_kwh", "worth_step_eur_per_kwh"),
}


def _padded(name, values, width):
    fill = 1e30 if name == "worth_from_kwh" else 0
    return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=fill)


def joined(kind, parts, isps):
    """Concatenate units of one class; the width of profiles is the longest."""
    if not parts:
        return nothing(kind, isps)
    for name in _RAGGED.get(kind, ()):
        width = max(getattr(part, name).shape[1] for part in parts)
        parts = [replace(part, **{name: _padded(name, getattr(part, name), width)}) for part in parts]
    values = {}
    for item in fields(kind):
        columns = [getattr(part, item.name) for part in parts]
        values[item.name] = sum(columns, ()) if item.name == "name" else np.concatenate(columns)
    return kind(**values)


def nothing(kind, isps):
    """No unit of a class."""
    if kind is Switched:
        return nothing_switched()
    template = {
        Fixed: lambda: load(isps, 0.0),
        Curtailable: lambda: solar(isps, 0.0),
        Storage: lambda: storage(isps),
        Shiftable: lambda: run([0.0], 0, 0),
        Limits: lambda: limit(isps),
        Reservations: lambda: reservation(isps, 0.0),
    }[kind]()
    return kind(**{item.name: getattr(template, item.name)[:0] for item in fields(kind)})


def make(isps, *parts, hours=1.0, points=1, price=100.0, reserves=(), **markets):
    """Return a case of units, limits and reservations; one day-ahead product per ISP unless told otherwise."""
    kinds = (Fixed, Curtailable, Storage, Shiftable, Switched, Limits, Reservations)
    chosen = {kind: [part for part in parts if isinstance(part, kind)] for kind in kinds}
    return Case(
        isps=isps,
        isp_hours=hours,
        points=tuple(f"ean.{i}" for i in range(points)),
        fixed=joined(Fixed, chosen[Fixed], isps),
        curtailable=joined(Curtailable, chosen[Curtailable], isps),
        storage=joined(Storage, chosen[Storage], isps),
        shiftable=joined(Shiftable, chosen[Shiftable], isps),
        switched=joined(Switched, chosen[Switched], isps),
        limits=joined(Limits, chosen[Limits], isps),
        reservations=joined(Reservations, chosen[Reservations], isps),
        day_ahead=markets.get("day_ahead", day_ahead(isps, price)),
        intraday=markets.get("intraday", intraday(isps)),
        imbalance=markets.get("imbalance", imbalance(isps)),
        reserves=tuple(reserves),
    )
