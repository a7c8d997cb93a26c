"""What is read of a weather forecast, in which units, and which values are believed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agr.connectors.ports import Outlook
from agr.forecasting.days import Observed
from agr.forecasting.inputs import weather_series

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class WeatherQuantity:
    """One quantity: value = factor · given + offset of a known unit; `back`: told at the end of its interval."""

    name: str  # in the names of series
    low: float
    high: float
    back: bool = False


TEMPERATURE = WeatherQuantity(name="temperature_c", low=-60, high=60)
WIND = WeatherQuantity(name="wind_m_s", low=0, high=75)
SUN = WeatherQuantity(name="sun_w_m2", low=0, high=1500, back=True)

UNITS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    TEMPERATURE.name: {"°C": (1, 0), "°F": (5 / 9, -160 / 9), "K": (1, -273.15)},
    WIND.name: {"m/s": (1, 0), "km/h": (1 / 3.6, 0), "mp/h": (0.44704, 0), "kn": (0.514444, 0)},
    SUN.name: {"W/m²": (1, 0), "kJ/m²": (1 / 3.6, 0), "J/m²": (1 / 3600, 0)},
}
"""Quantity → unit → (factor, offset) that convert a value to our unit. Energies are those of one hour."""


@dataclass(kw_only=True)
class QuantityRead:
    """What is read of one quantity."""

    quantity: WeatherQuantity
    place: str
    issued: datetime | None = None
    rows: list[Observed] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def take(self, at: datetime, value: float, unit: str) -> None:
        """Take a value that is told for a moment: of radiation, the mean of the hour before it."""
        factor, offset = UNITS[self.quantity.name][unit]
        start = at - HOUR if self.quantity.back else at
        self.rows.append(Observed(start=start, minutes=60, value=round(value * factor + offset, 6)))

    @property
    def outlook(self) -> Outlook:
        """What a source gives."""
        return Outlook(
            series=weather_series(self.quantity.name, self.place), rows=tuple(self.rows), refused=tuple(self.refused),
            issued=self.issued, low=self.quantity.low, high=self.quantity.high,
        )  # fmt: skip
