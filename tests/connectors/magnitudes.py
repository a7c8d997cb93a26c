"""A folder with every table and every number in it at a usual magnitude, as rows of cells."""

from datetime import date, timedelta
from pathlib import Path

from agr.domain.isp import Period

PERIOD = Period(date(2026, 6, 10))
_AT, _POINT, _DAY = "ea1.2024-01.example.agr:", "ea1.2024-01.example.dso:cp", "2026-06-10T"
Cell = str | float
Tables = dict[str, list[list[Cell]]]

_LOAD = [0.3] * 7 + [0.8] * 3 + [0.5] * 7 + [2.0, 2.5, 1.8, 1.0, 0.8, 0.5, 0.3]
_SUN = [0.0] * 6 + [-0.2, -0.8, -1.5, -2.5, -3.2, -3.8, -4.0, -3.9, -3.4, -2.8, -2.0, -1.2, -0.6, -0.2] + [0.0] * 4
_PRICES = [60, 55, 52, 50, 50, 55, 70, 90, 85, 60, 40, 30, 25, 20, 25, 40, 60, 95, 120, 110, 90, 80, 70, 65]


def _hourly(head: list[str], values: list[float]) -> list[list[Cell]]:
    starts = [(PERIOD.start + timedelta(hours=hour)).isoformat() for hour in range(24)]
    return [[*head, start, 60, value] for start, value in zip(starts, values, strict=True)]


def _split(text: str, *rows: str) -> list[list[Cell]]:
    return [list(line.split(",")) for line in (text, *rows)]


def usual_tables() -> Tables:
    """Return table → its header and rows: a house with everything, an office with a charger, and a battery park."""
    forecasts = _hourly(["house", "power_kw"], _LOAD) + _hourly(["pv", "power_kw"], _SUN)
    forecasts += _hourly(["hp", "heat_kw"], [1.5] * 24) + _hourly(["hp", "cop"], [3.5] * 24)
    prices: list[list[Cell]] = []
    for series, more in (("day_ahead_forecast", 0), ("day_ahead", 1), ("buy", 4), ("sell", -4), ("shortage", 30)):
        prices += _hourly([series], [price + more for price in _PRICES])
    return {
        "connections": _split(
            "address,first_day,last_day,limit_group", f"{_AT}c1,2026-01-01,,feeder", f"{_AT}c2,2026-01-01,,feeder",
            f"{_AT}c3,2026-01-01,,",
        ),
        "fixed_loads": _split("resource,connection", f"house,{_AT}c1"),
        "generators": _split("resource,connection,curtailment_eur_per_mwh,reserve_kw", f"pv,{_AT}c1,5,4"),
        "batteries": _split(
            "resource,connection,charge_kw,discharge_kw,capacity_kwh,initial_kwh,end_kwh,minimum_kwh,charge_efficiency,"
            "discharge_efficiency,loss_per_day,wear_eur_per_mwh,reserve_kw,end_worth_eur_per_mwh",
            f"home,{_AT}c1,5,5,10,5,3,1,0.95,0.95,0.02,30,5,40",
            f"park,{_AT}c3,1000,1000,2000,500,400,100,0.95,0.95,0.01,20,1000,40",
        ),
        "ev_sessions": _split(
            "resource,connection,arrival,departure,energy_kwh,charge_kw,charge_min_kw,discharge_kw,initial_kwh,"
            "capacity_kwh,charge_efficiency,discharge_efficiency,wear_eur_per_mwh,reserve_kw",
            f"car,{_AT}c1,{_DAY}17:00:00+02:00,{_DAY}23:30:00+02:00,22,11,1.4,5,20,60,0.92,0.92,30,5",
            f"van,{_AT}c2,{_DAY}08:00:00+02:00,{_DAY}16:30:00+02:00,40,22,4.14,0,10,100,0.92,0.92,0,10",
        ),
        "heat_pumps": _split(
            "resource,connection,power_kw,buffer_kwh,initial_kwh,end_kwh,loss_per_day,wear_eur_per_mwh,reserve_kw,"
            "end_worth_eur_per_mwh",
            f"hp,{_AT}c1,2.5,10,5,3,0.1,2,2,20",
        ),
        "shiftable_runs": _split(
            "resource,connection,earliest_start,latest_end,profile_kw",
            f"wash,{_AT}c1,{_DAY}08:00:00+02:00,{_DAY}20:00:00+02:00,2 1 0.5",
        ),
        "switched_loads": _split(
            "resource,connection,power_kw,needs,min_run_minutes,min_rest_minutes,start_eur,initial_minutes",
            f"boiler,{_AT}c1,2,00:00-06:00 2,30,30,0.02,-300",
        ),
        "contracts": _split(
            "contract,dso,congestion_point,first_day,last_day,window_start,window_end,power_w,"
            "availability_eur_per_mw_h,penalty_eur_per_mwh,price_eur_per_mwh",
            f"FO-1,dso.example,{_POINT},2026-01-01,2026-12-31,17:00,20:00,-400000,8,2000,150",
        ),
        "limits": _split(
            "congestion_point,first_day,last_day,window_start,window_end,import_kw,export_kw,penalty_eur_per_mwh",
            f"{_POINT},2026-01-01,2026-12-31,16:00,20:00,800,900,1000",
        ),
        "congestion_points": _split(
            "congestion_point,dso,connection,first_day",
            *(f"{_POINT},dso.example,{_AT}c{n},2026-01-01" for n in (1, 2, 3)),
        ),
        "limit_groups": _split("group,parent", "feeder,"),
        "connection_limits": _split(
            "at,first_day,import_kw,export_kw,penalty_eur_per_mwh", f"{_AT}c1,2026-01-01,17,17,1000",
            "feeder,2026-01-01,60,60,1000",
        ),
        "charge_points": _split(
            "charge_point,connection,road,station,max_kw,protocol,volts,min_kw,fallback_kw",
            f"cp1,{_AT}c1,csms,ST1,11,1.6,230,4.2,6",
        ),
        "connection_tariffs": _split(
            "connection,first_day,import_eur_per_mwh,export_eur_per_mwh,peak_eur_per_kw,peak_reached_kw,peak_period",
            f"{_AT}c2,2026-01-01,30,5,2,40,month",
        ),
        "forecasts": [["resource", "quantity", "start", "minutes", "value"], *forecasts],
        "prices": [["series", "start", "minutes", "value"], *prices, *_hourly(["fcr"], [12.0] * 24)],
    }  # fmt: skip


NAMES = ("address", "first_day", "last_day", "resource", "connection", "protocol", "minutes")


def numbers(tables: Tables) -> list[tuple[str, str]]:
    """Return (table, column) of every column with magnitudes."""
    return [
        (table, str(name))
        for table, (head, *rows) in tables.items()
        for at, name in enumerate(head)
        if str(name) not in NAMES and any(_is_number(row[at]) for row in rows)
    ]


def _is_number(cell: Cell) -> bool:
    try:
        [float(part) for part in str(cell).split()]
    except ValueError:
        return False
    return bool(str(cell).strip())


def scaled(tables: Tables, table: str, column: str, factor: float, of: str = "") -> Tables:
    """Return the tables with every number of a column times a factor; `of`: only in rows that begin with it."""
    head, *rows = tables[table]
    at = head.index(column)
    changed = [
        [_times(cell, factor) if i == at and _is_number(cell) and (not of or row[0] == of) else cell
         for i, cell in enumerate(row)]
        for row in rows
    ]  # fmt: skip
    return tables | {table: [head, *changed]}


def _times(cell: Cell, factor: float) -> str:
    parts = [float(part) * factor for part in str(cell).split()]
    return " ".join(f"{part:.10f}".rstrip("0").rstrip(".") for part in parts)


def write_tables(folder: Path, tables: Tables) -> None:
    """Write a folder of CSV tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
