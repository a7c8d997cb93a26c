"""A small register, from which cases are built: two connections, `a` at congestion point p, `b` in none."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import CongestionPoint, Connection, Portfolio, Register
from agr.planning.case import Inputs
from agr.settings import Markets, Planning

AMSTERDAM = timezone(timedelta(hours=1))
PERIOD = Period(date(2026, 1, 15))
FIRST = date(2026, 1, 1)
REGISTER = {"connections", "resources", "contracts", "limits", "charge_points"}


def inputs(period: Period = PERIOD, prices: float | None = 50.0, **more: object) -> Inputs:
    """Return a world with two connections: `a` at point p, `b` in none."""
    register = Register(connections=tuple(Connection(address=c, first_day=FIRST) for c in ("a", "b")))
    made = Inputs(
        period=period,
        portfolio=Portfolio(
            period=period,
            points=(CongestionPoint(address="p", dso="dso.example", connections=("a",)),),
            free_connections=("b",),
        ),
        register=replace(register, **{k: more.pop(k) for k in list(more) if k in REGISTER}),  # type: ignore[arg-type]
        forecasts={},
        prices={"day_ahead_forecast": (prices,) * period.isp_count},
        reserved_w={},
        fixed={},
        carried_state={},
        markets=Markets(),
        planning=Planning(),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def at(hour: int, minute: int = 0, day: int = 15) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=AMSTERDAM)


def ev(arrival: datetime, departure: datetime, energy_kwh: float = 10.0, **more: Any) -> EvSession:
    return EvSession(
        resource="ev",
        connection="a",
        arrival=arrival,
        departure=departure,
        energy_kwh=energy_kwh,
        charge_kw=8.0,
        **more,
    )
