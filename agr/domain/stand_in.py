"""What stands in, in a plan, for charging sessions that are not known yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """An expected session: an `EvSession` that only the register of a plan has."""

    resource: str  # how plans name it
    group: str  # where it is expected: a congestion point, or in none
    arrival: datetime
    departure: datetime
    energy_kwh: float
    charge_kw: float


@dataclass(frozen=True, kw_only=True)
class GroupForecast:
    """What the forecast of a group says of one Period, and which sessions are known there."""

    group: str
    first: datetime  # of the Period
    last: datetime
    cars: float
    energy_kwh: float
    known: Sequence[datetime]  # arrivals
    stand_ins: tuple[StandIn, ...]
    asked_at: datetime  # when the plan was made; whatever was expected before that is expected no longer
