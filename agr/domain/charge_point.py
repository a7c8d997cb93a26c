"""Charge points: where plans of charging sessions are carried out, as the table `charge_points` says.

Power in kW, current in A per phase. Source: docs/reference/tables.md (charge_points).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from agr.domain.bounds import POSITIVE, Bound, NotNegative, Spelling

LEAST_A = 6
"""Current per phase, in A, below which a car pauses. Source: IEC 61851-1."""

OCPP_16, OCPP_201 = "1.6", "2.0.1"
TX_DEFAULT, TX = "tx_default", "tx"


def _one_of(*values: str) -> Callable[[str], str | None]:
    listed = " or ".join(values)
    return lambda value: None if value in values else f"is not {listed}"


Evse = Annotated[int, Bound(lambda value: 1 <= value <= 1000, "must be 1 to 1000")]
Protocol = Annotated[str, Spelling(_one_of(OCPP_16, OCPP_201))]
Unit = Annotated[str, Spelling(_one_of("A", "W"))]
Carrier = Annotated[str, Spelling(_one_of(TX_DEFAULT, TX))]
Phases = Annotated[int, Bound(lambda value: (value == 1) | (value == 2) | (value == 3), "must be 1, 2 or 3")]
Volts = Annotated[float, Bound(lambda value: (value >= 50) & (value <= 1000), "must be 50 to 1000, phase to neutral")]
Periods = Annotated[int, Bound(lambda value: 1 <= value <= 1024, "must be 1 to 1024")]
MaxKw = Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class ChargePoint:
    """One EVSE of a station, and what is known of how it takes limits."""

    charge_point: str
    connection: str
    road: str  # a name in [[dispatch.roads]]
    station: str  # as the back-end calls it
    max_kw: MaxKw
    protocol: Protocol
    evse: Evse = 1  # of the station; in OCPP 1.6 its connector
    unit: Unit | None = None  # of limits; None: A, which every station takes
    phases: Phases = 3
    volts: Volts = 230.0  # phase to neutral
    min_kw: NotNegative | None = None  # least power while charging; None: 6 A per phase
    fallback_kw: NotNegative = 0.0  # most power of a session without a plan
    carrier: Carrier = TX_DEFAULT
    max_periods: Periods = 24  # of one schedule; the station may know of fewer

    @property
    def kw_per_a(self) -> float:
        """Power in kW of 1 A per phase."""
        return self.volts * self.phases / 1000

    @property
    def least_kw(self) -> float:
        """Power in kW below which the car pauses."""
        return self.kw_per_a * LEAST_A if self.min_kw is None else self.min_kw

    @property
    def limit_unit(self) -> str:
        """Unit of its limits, A or W."""
        return self.unit or "A"


def faults_of(row: ChargePoint) -> Iterator[tuple[str, str]]:
    """Yield (column, words) for contradictions within a row."""
    if row.least_kw > row.max_kw:
        yield "min_kw" if row.min_kw is not None else "max_kw", _least_words(row)
    if row.fallback_kw > row.max_kw:
        yield "fallback_kw", f"{row.fallback_kw:g} is more than max_kw {row.max_kw:g}"


def _least_words(row: ChargePoint) -> str:
    if row.min_kw is not None:
        return f"{row.min_kw:g} is more than max_kw {row.max_kw:g}"
    least = f"{LEAST_A} A on {row.phases} phases of {row.volts:g} V, {row.least_kw:g} kW"
    return f"{row.max_kw:g} is less than {least}: no car could charge; correct it, phases or volts, or give min_kw"


_MOST_KW = 1_000.0


def doubts_of(row: ChargePoint) -> Iterator[tuple[str, str]]:
    """Yield (column, words) for values that were probably meant otherwise."""
    if row.max_kw > _MOST_KW:
        yield "max_kw", f"{row.max_kw:g} kW is more than any charger gives; is it in W?"
    if 0 < row.fallback_kw < row.least_kw:
        yield "fallback_kw", f"{row.fallback_kw:g} kW is below what a car needs ({row.least_kw:g} kW): it counts as 0"


def session_fault(session_at: str | None, connection: str, points: Mapping[str, str]) -> str | None:
    """Return what is wrong with the charge point that a session names, in words; `points`: name → connection."""
    if session_at is None:
        return None
    if session_at not in points:
        return f"{session_at!r} is not in the table of charge_points; add it there or correct it"
    if points[session_at] != connection:
        return f"{session_at!r} lies behind connection {points[session_at]}, not behind {connection}"
    return None
