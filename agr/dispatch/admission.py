"""Judges one reported row on its own: a reading in kW or kWh, or why it is none. Pure.

What only a series can tell, such as registers that run backwards, is judged where series are read (see `registers`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from agr.domain.reading import EXPORTED, IMPORTED, READ_POWER, READ_STORED, Device, Reading, Reported

BEYOND_RATED = 1.1
"""Share of its rated power that a device may exceed: meters are a few percent wrong, inverters have short peaks."""
SLACK_KW = 0.1
MOST_KW = 100_000.0
"""Power that no connection has; the limit of resources whose rows name no power."""
MOST_KWH = 1e12
_OVERFULL = 1.05
"""Share of its capacity that a store may seem to hold: contents are estimates."""
_PER_THOUSAND = 0.001


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Bounds on the clocks of devices."""

    ahead: timedelta  # a device's clock may be this much ahead of ours
    oldest: timedelta  # older readings are refused


class ReadingError(ValueError):
    """A row is no reading; the message says why, and what to do."""


def limit_kw(device: Device) -> float:
    """Return the largest power, of either sign, that is believed of a device."""
    return device.rated_kw * BEYOND_RATED + SLACK_KW if device.rated_kw > 0 else MOST_KW


def admitted(row: Reported, device: Device | None, now: datetime, bounds: Admission) -> Reading:
    """Return the reading of a row, in the unit that is kept. Raises ReadingError."""
    if device is None:
        raise ReadingError(f"{row.resource!r} is not a resource of the register; check the name")
    if row.quantity not in _QUANTITIES:
        raise ReadingError(f"{row.quantity!r} is not a quantity; known are {', '.join(_QUANTITIES)}")
    if not isfinite(row.value):
        raise ReadingError(f"the value is {row.value}, not a finite number; leave out what was not measured")
    _in_time(row.at, now, bounds)
    quantity, read = _QUANTITIES[row.quantity]
    return Reading(resource=row.resource, at=row.at, quantity=quantity, value=read(row.value, device))


def _in_time(at: datetime, now: datetime, bounds: Admission) -> None:
    if at - now > bounds.ahead:
        raise ReadingError(f"lies {_length(at - now)} in the future; set the clock of the device")
    if now - at > bounds.oldest:
        raise ReadingError(f"is {_length(now - at)} old, more than readings.oldest_days; set the clock of the device")


def _length(span: timedelta) -> str:
    """Return a span in words, rounded down."""
    seconds = int(span.total_seconds())
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {name}"
    return f"{seconds} s"


def _power_kw(value: float, device: Device) -> float:
    limit = limit_kw(device)
    if abs(value) > limit:
        hint = "; is it in W? then name it power_w" if abs(value) * _PER_THOUSAND <= limit else ""
        raise ReadingError(
            f"{value:,.6g} kW is more than a {device.kind} of {device.rated_kw or limit:,.6g} kW can do{hint}"
        )
    return value


def _power_w(value: float, device: Device) -> float:
    limit = limit_kw(device)
    if abs(value) * _PER_THOUSAND > limit:
        raise ReadingError(
            f"{value:,.6g} W is more than a {device.kind} of {device.rated_kw or limit:,.6g} kW can do; check its unit"
        )
    return value * _PER_THOUSAND


def _register_kwh(value: float, _device: Device) -> float:
    if value < 0:
        raise ReadingError(f"{value:,.6g} kWh: a register is never negative; report what was produced as {EXPORTED}")
    if value > MOST_KWH:
        raise ReadingError(f"{value:,.6g} kWh is more than any register shows; check its unit")
    return value


def _register_wh(value: float, device: Device) -> float:
    return _register_kwh(value * _PER_THOUSAND, device)


def _stored_kwh(value: float, device: Device) -> float:
    capacity = _capacity(device)
    if value < 0:
        raise ReadingError(f"{value:,.6g} kWh: a content is never negative")
    if value > capacity * _OVERFULL:
        hint = "; is it in Wh or percent?" if value * _PER_THOUSAND <= capacity or value <= 100 else ""
        raise ReadingError(f"{value:,.6g} kWh is more than the {device.kind} holds ({capacity:,.6g} kWh){hint}")
    return value


def _stored_percent(value: float, device: Device) -> float:
    if not 0 <= value <= 100:
        raise ReadingError(f"{value:,.6g} is not a state of charge in percent; it lies between 0 and 100")
    return value / 100 * _capacity(device)


def _capacity(device: Device) -> float:
    if not device.stores:
        raise ReadingError(f"a {device.kind} stores nothing, so it has no state of charge")
    if device.capacity_kwh is None:
        raise ReadingError(f"the register does not say what this {device.kind} can hold; fill in its capacity_kwh")
    return device.capacity_kwh


_QUANTITIES: Mapping[str, tuple[str, Callable[[float, Device], float]]] = {
    "power_kw": (READ_POWER, _power_kw),
    "power_w": (READ_POWER, _power_w),
    "imported_kwh": (IMPORTED, _register_kwh),
    "imported_wh": (IMPORTED, _register_wh),
    "exported_kwh": (EXPORTED, _register_kwh),
    "exported_wh": (EXPORTED, _register_wh),
    "stored_kwh": (READ_STORED, _stored_kwh),
    "stored_percent": (READ_STORED, _stored_percent),
}
"""Quantity as reported → quantity as kept, and how its value is read. The name says the unit; nothing is guessed."""
REPORTED = tuple(_QUANTITIES)
