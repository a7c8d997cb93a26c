"""Forecasts of our own: whether they are made, and how."""

from typing import Annotated, Literal

from pydantic import Field

from agr.settings.section import Seconds, Section

ModelName = Literal[
    "mean of LightGBM and LEAR", "LightGBM", "LEAR", "alike days by weather", "alike days",
    "half yesterday, half last week", "naive",
]  # fmt: skip
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]


Place = Annotated[str, Field(min_length=1, description="Place of the weather feed whose forecasts are used.")]
Resources = Annotated[
    str, Field(min_length=1, description="Resources it is about, by name; * and ? stand for what differs.")
]


class LoadSites(Section):
    """Loads whose yearly use is known: a standard profile stands in until they have been measured for long enough."""

    resources: Resources = Field(examples=["home-*"])
    profile: Literal["H25", "G25", "L25", "P25", "S25"] = Field(
        description="Standard profile of the BDEW: H25 household, G25 business, L25 farm, P25 household with PV, S25 "
        "with PV and battery.",
        examples=["H25"],
    )
    kwh_per_year: Annotated[float, Field(gt=0)] = Field(description="What each takes in a year.", examples=[3500])


class RoofSites(Section):
    """PV whose modules are known: the forecast of the sun gives its power until that was measured for long enough."""

    resources: Resources = Field(examples=["roof-*"])
    place: Place = Field(examples=["Utrecht"])
    peak_kw: Annotated[float, Field(gt=0)] = Field(description="Peak power of each, at 1,000 W/m².", examples=[5.0])
    latitude: Annotated[float, Field(ge=-90, le=90)] = Field(description="Degrees north.", examples=[52.1])
    longitude: Annotated[float, Field(ge=-180, le=180)] = Field(description="Degrees east.", examples=[5.2])
    tilt_deg: Annotated[float, Field(ge=0, le=90)] = Field(
        default=35, description="Tilt of the modules, degrees; 0: flat."
    )
    azimuth_deg: Annotated[float, Field(ge=0, lt=360)] = Field(
        default=180, description="Where the modules face: 90 east, 180 south, 270 west."
    )


class HeatSites(Section):
    """Buildings with heat pumps: their demand for heat follows the temperature forecast."""

    resources: Resources = Field(examples=["pump-*"])
    place: Place = Field(examples=["Utrecht"])
    kwh_per_year: Annotated[float, Field(gt=0)] = Field(
        description="Heat that each takes in a usual year; measured days teach it once 14 are known.", examples=[12000]
    )
    degree_days: Annotated[float, Field(gt=0)] = Field(
        default=2100, description="Kelvin days below `base_c` in a usual year there."
    )
    base_c: float = Field(default=15, ge=0, le=25, description="Below this outside temperature (°C) there is heating.")
    hot_water_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.2, description="Share of the heat that does not depend on the temperature."
    )
    flow_c: float = Field(default=40, ge=20, le=80, description="Temperature of the water (°C), for the COP.")


class Forecasts(Section):
    """Forecasts of our own, beside those that are given."""

    enabled: bool = Field(
        default=False,
        description="Before each first plan, forecast the prices we trade on; they stand in where none are given.",
    )
    model: ModelName = Field(
        default="mean of LightGBM and LEAR", description="Which model; simpler ones stand in where it cannot be used."
    )
    country: Country | None = Field(
        default=None,
        description="Country whose public holidays count as Sundays, ISO 3166; none: no holidays.",
        examples=["NL"],
    )
    budget_s: Seconds = Field(
        default=300, description="Models that take longer before a plan are given up; alike days stand in."
    )
    loads: tuple[LoadSites, ...] = Field(default=(), description="Loads whose yearly use is known.")
    roofs: tuple[RoofSites, ...] = Field(default=(), description="PV whose modules are known.")
    heat: tuple[HeatSites, ...] = Field(default=(), description="Buildings with heat pumps.")
