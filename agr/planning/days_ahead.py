"""Reads from a store what is expected of the days after a Period that its plan looks ahead to. Decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.quantities import COP, HEAT
from agr.domain.register import Register
from agr.planning.own_forecasts import missing_heat, missing_powers
from agr.planning.ports import PlanningSettings, PlanReader
from agr.planning.prices_known import prices_now


@dataclass(frozen=True, kw_only=True, eq=False)
class LaterDays:
    """What is expected of later days; see the fields of the same names in agr.planning.case.inputs."""

    further_prices: tuple[Mapping[str, tuple[float | None, ...]], ...] = ()
    later_forecasts: tuple[Mapping[tuple[str, str], NDArray[np.float64]], ...] = ()
    next_forecasts: Mapping[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)


def expected_ahead(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, register: Register
) -> LaterDays:
    """Return prices of the days after the next one, and forecasts of heat of all days, that are looked ahead to.

    Where cars may stay over midnight behind limits, all that is known of the next day is read as well.
    """
    periods = list[Period]()
    for _ in range(settings.planning.look_ahead_days):
        periods.append((periods[-1] if periods else period).next())
    heated = bool(register.of(HeatPump))
    return LaterDays(
        further_prices=tuple(prices_now(reader, settings, one, now) for one in periods[1:]),
        later_forecasts=tuple(_heat(reader, one, now) for one in periods) if heated else (),
        next_forecasts=_known(reader, period.next(), now) if _limited_cars(settings, register, period) else {},
    )


def _limited_cars(settings: PlanningSettings, register: Register, period: Period) -> bool:
    """Say whether cars, entered ones or ones that stand in, may stay over midnight where there are limits."""
    if not register.connection_limits and not register.limits:
        return False
    return settings.planning.sessions.stand_in or any(
        car.arrival < period.end < car.departure for car in register.of(EvSession)
    )


def _known(reader: PlanReader, period: Period, now: datetime) -> Mapping[tuple[str, str], NDArray[np.float64]]:
    """Return what is known of a Period; of what nobody gave, our own forecasts."""
    given = reader.forecasts(period)
    powers = missing_powers(reader.power_forecasts(period, now), given, period, [])
    return {**given, **powers, **missing_heat(reader.heat_forecasts(period, now), given, period, [])}


def _heat(reader: PlanReader, period: Period, now: datetime) -> Mapping[tuple[str, str], NDArray[np.float64]]:
    """Return what is known of heat and COP; of what nobody gave, our own forecasts."""
    given = reader.forecasts(period)
    known = {key: values for key, values in given.items() if key[1] in (HEAT.name, COP.name)}
    return known | missing_heat(reader.heat_forecasts(period, now), known, period, [])
