"""What customers may have entered for a day, at random: resources, states, prices and gates of small worlds."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.domain.register import CongestionPoint, Connection, Contract, PointLimit, Portfolio, Register
from agr.planning.case import Inputs
from agr.settings import CapacityProduct, Markets, MarketTime, Planning

ZONE = ZoneInfo("Europe/Amsterdam")
DAYS = (date(2026, 1, 15), date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 28))
"""An ordinary day, the days on which clocks change, and the day before one."""
FIRST = date(2026, 1, 1)
POINT = "ea1.2024-01.example.dso:p"


def local(day: date, minutes: int) -> datetime:
    """Return the instant so many minutes after local midnight."""
    return datetime.combine(day, time(0), tzinfo=ZONE).astimezone(ZoneInfo("UTC")) + timedelta(minutes=minutes)


def cars(day: date) -> st.SearchStrategy[EvSession]:
    """Return cars that are there at some time around the day, some of them too short for what they need."""
    return st.builds(
        _car,
        day=st.just(day),
        arrival=st.integers(-600, 1300),
        stay=st.integers(20, 1400),
        energy=st.floats(0.5, 40.0),
        power=st.sampled_from((3.7, 7.4, 11.0)),
        least=st.sampled_from((0.0, 1.4, 3.7)),
        back=st.sampled_from((0.0, 5.0)),
        efficiency=st.sampled_from((1.0, 0.9)),
    )


def _car(
    *, day: date, arrival: int, stay: int, energy: float, power: float, least: float, back: float, efficiency: float
) -> EvSession:
    return EvSession(
        resource="car", connection="a", arrival=local(day, arrival), departure=local(day, arrival + stay),
        energy_kwh=energy, charge_kw=power, charge_min_kw=0.0 if back else least, discharge_kw=back,
        initial_kwh=5.0 if back else 0.0, capacity_kwh=5.0 + energy + 10.0 if back else None,
        charge_efficiency=efficiency, discharge_efficiency=efficiency, wear_eur_per_mwh=2.0,
    )  # fmt: skip


def runs(day: date) -> st.SearchStrategy[ShiftableRun]:
    """Return runs that fit between their bounds, which may lie on the day before or after."""
    return st.builds(
        _run,
        day=st.just(day),
        earliest=st.integers(-300, 1400),
        spare=st.integers(15, 600),
        profile=st.lists(st.floats(0.5, 3.0), min_size=1, max_size=8),
    )


def _run(*, day: date, earliest: int, spare: int, profile: list[float]) -> ShiftableRun:
    return ShiftableRun(
        resource="run", connection="a", earliest_start=local(day, earliest),
        latest_end=local(day, earliest + 15 * len(profile) + spare), profile_kw=tuple(profile),
    )  # fmt: skip


def batteries() -> st.SearchStrategy[Battery]:
    """Return batteries, some of which begin outside their band."""
    return st.builds(
        lambda start, low, end, loss: Battery(
            resource="battery", connection="b", charge_kw=4.0, discharge_kw=3.0, capacity_kwh=10.0,
            initial_kwh=start, minimum_kwh=low, end_kwh=max(low, end), charge_efficiency=0.95,
            discharge_efficiency=0.93, loss_per_day=loss, wear_eur_per_mwh=3.0, reserve_kw=2.0,
        ),
        st.floats(0.0, 12.0), st.floats(0.0, 4.0), st.floats(0.0, 9.0), st.sampled_from((0.0, 0.02)),
    )  # fmt: skip


HEAT_PUMP = HeatPump(
    resource="pump", connection="b", power_kw=3.0, buffer_kwh=12.0, initial_kwh=5.0, end_kwh=4.0, loss_per_day=0.1
)
BOILER = SwitchedLoad(
    resource="boiler", connection="a", power_kw=2.0, needs="01:30-04:00 1-2; 12:00-16:00 0.5; 20:00-24:00 1",
    min_run_minutes=30, min_rest_minutes=15, start_eur=0.1,
)  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> Inputs:
    """Return what one day is planned from: every kind of resource, contracts, limits and products."""
    period = Period(draw(st.sampled_from(DAYS)))
    return world(
        period,
        (draw(cars(period.day)), draw(runs(period.day)), draw(batteries()), HEAT_PUMP, BOILER),
        closed_isps=draw(st.sampled_from((0, 0, 0, 30))),
        stored=draw(st.none() | st.floats(0.0, 12.0)),
    )


def world(
    period: Period, resources: tuple[object, ...], *, closed_isps: int = 0, stored: float | None = None
) -> Inputs:
    """Return the inputs of a day with these resources, a load, sun, a contract, a limit and a capacity product."""
    isps = period.isp_count
    sun = tuple(-max(0.0, 3.0 - abs(i - isps / 2) / 8) for i in range(isps))
    given = {
        ("load", "power_kw"): [1.0 + 0.01 * i for i in range(isps)],
        ("sun", "power_kw"): list(sun),
        ("pump", "heat_kw"): [2.0] * isps,
        ("pump", "cop"): [3.0 + (i % 4) / 4 for i in range(isps)],
    }
    if stored is not None:
        given["battery", "stored_kwh"] = [stored]
    register = Register(
        connections=tuple(Connection(address=c, first_day=FIRST) for c in ("a", "b")),
        resources=(
            FixedLoad(resource="load", connection="a"),
            Generator(resource="sun", connection="b", curtailment_eur_per_mwh=4.0),
            *resources,  # type: ignore[arg-type]
        ),
        contracts=(
            Contract(
                contract="FO", dso="dso.example", congestion_point=POINT, first_day=FIRST, last_day=date(2026, 12, 31),
                window_start=time(17), window_end=time(20), power_w=-1000, availability_eur_per_mw_h=8.0,
                penalty_eur_per_mwh=500.0,
            ),
        ),
        limits=(
            PointLimit(
                congestion_point=POINT, first_day=FIRST, last_day=date(2026, 12, 31), window_start=time(22),
                window_end=time(6), import_kw=20.0, export_kw=15.0, penalty_eur_per_mwh=900.0,
            ),
        ),
    )  # fmt: skip
    price = tuple(50.0 + 40.0 * ((i * 7) % 11) / 11 for i in range(isps))
    product = CapacityProduct(
        name="FCR", direction="symmetric", series="fcr", max_mw=1.0, minimum_mw=0.001, step_mw=0.001,
        sustain_minutes=15, gate=MarketTime(at=time(8)),
    )  # fmt: skip
    made = Inputs(
        period=period,
        portfolio=Portfolio(
            period=period, points=(CongestionPoint(address=POINT, dso="dso.example", connections=("a",)),),
            free_connections=("b",),
        ),
        register=register,
        forecasts={key: np.array(values) for key, values in given.items()},
        prices={"day_ahead_forecast": price, "fcr": tuple(5.0 + (i // 16) for i in range(isps))},
        reserved_w={},
        fixed={},
        carried_state={},
        markets=Markets(capacity=(product,)),
        planning=Planning(),
    )  # fmt: skip
    return replace(made, closed_isps=closed_isps)
