"""A portfolio small enough to reason about by hand: three congestion points of two DSOs, two batteries, three loads.

Energy costs 35 EUR/MWh until 06:00 local time, 200 from 18:00 to 22:00, and 40 else: only the evening pays for a
battery's losses and wear. In those four hours the DSOs may call on the batteries' whole discharging power, so without
a release both batteries are idle or charge then.
"""

from datetime import date, time
from typing import Any

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Connection, Contract, Forecast, Price, Register

NORTH, SOUTH = "north-grid.example", "south-grid.example"
A, B, C = (f"ea1.2024-01.example.{name}" for name in ("north-grid:a", "north-grid:b", "south-grid:c"))
FO_A, FO_C = "FO-A", "FO-C"
LOAD_KW = {A: 20.0, B: 30.0, C: 10.0}
BATTERY_KW = {A: 100.0, C: 50.0}
CONNECTION = {A: "ean.299000000000000015", B: "ean.299000000000000022", C: "ean.299000000000000039"}
EVENING = range(18, 22)


def evening(period: Period) -> range:
    """Return the ISPs (from 0) that start from 18:00 to 22:00 local time: counted from the end, which is no switch."""
    return range(period.isp_count - 24, period.isp_count - 8)


def config(*, points: tuple[str, ...] = (A, B, C)) -> dict[str, Any]:
    """Return what the CRO knows. C may not be re-dispatched by us during the day."""
    return {
        "congestion_points": [
            {
                "address": point,
                "dso": SOUTH if point == C else NORTH,
                "connections": [CONNECTION[point]],
                **({} if point == C else {"intraday_redispatch_by": "AGR"}),
            }
            for point in points
        ],
        "free_connections": [],
    }


def _battery(point: str) -> Battery:
    kw = BATTERY_KW[point]
    return Battery(
        resource=f"battery {point[-1]}", connection=CONNECTION[point], charge_kw=kw, discharge_kw=kw,
        capacity_kwh=6 * kw, initial_kwh=3 * kw, end_kwh=3 * kw, charge_efficiency=0.95, discharge_efficiency=0.95,
        wear_eur_per_mwh=5,
    )  # fmt: skip


def _contract(name: str, dso: str, point: str) -> Contract:
    return Contract(
        contract=name, dso=dso, congestion_point=point, first_day=date(2026, 1, 1), last_day=date(2026, 12, 31),
        window_start=time(18), window_end=time(22), power_w=-round(BATTERY_KW[point] * 1000),
        availability_eur_per_mw_h=10, penalty_eur_per_mwh=3000,
    )  # fmt: skip


def _prices(series: str, period: Period, extra: float) -> tuple[Price, ...]:
    found = []
    for start in period.starts():
        hour = start.astimezone(period.tz).hour
        value = 200.0 if hour in EVENING else 35.0 if hour < 6 else 40.0
        found.append(Price(series=series, start=start, minutes=15, value=value + extra))
    return tuple(found)


def register(period: Period) -> Register:
    """Return the register with forecasts and prices of one Period; results are 1 EUR/MWh above what was expected."""
    return Register(
        connections=tuple(Connection(address=c, first_day=date(2026, 1, 1)) for c in CONNECTION.values()),
        resources=(
            *(FixedLoad(resource=f"load {p[-1]}", connection=c) for p, c in CONNECTION.items()),
            *(_battery(p) for p in BATTERY_KW),
        ),
        contracts=(_contract(FO_A, NORTH, A), _contract(FO_C, SOUTH, C)),
        forecasts=tuple(
            Forecast(resource=f"load {p[-1]}", quantity="power_kw", period=period, values=(kw,) * period.isp_count)
            for p, kw in LOAD_KW.items()
        ),
        prices=_prices("day_ahead_forecast", period, 0.0) + _prices("day_ahead", period, 1.0),
    )
