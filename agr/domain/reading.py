"""What a device, a meter or a back-end reports of a resource, as values."""

from dataclasses import dataclass
from datetime import datetime

from agr.domain.kinds.quantities import POWER, STORED

READ_POWER, READ_STORED = POWER.name, STORED.name
IMPORTED, EXPORTED = "imported_kwh", "exported_kwh"
"""The quantities of readings that are kept: power (consumption positive), energy stored, and the registers of energy
imported and exported."""


@dataclass(frozen=True, kw_only=True)
class Reported:
    """One row as it was reported; `quantity` names its unit, which need not be one that is kept."""

    resource: str
    at: datetime  # aware
    quantity: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One value of a resource at an instant: in kW of `power_kw`, in kWh of the other quantities."""

    resource: str
    at: datetime
    quantity: str  # one of the four above
    value: float


@dataclass(frozen=True, kw_only=True)
class Device:
    """What is known of a resource that reports."""

    resource: str
    connection: str
    kind: str  # of resource, in words
    rated_kw: float  # the highest power that its row names; 0: none, its power is forecast
    stores: bool  # whether it has a content that can be measured
    capacity_kwh: float | None  # None: not known
