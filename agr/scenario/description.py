"""The contents of scenario.yaml: question, days, participants, markets and events. Validated by pydantic.

Paths are relative to the scenario's folder. The JSON schema for editors is generated from these classes.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agr.domain.errors import InputError
from agr.domain.isp import Period, require_isp_minutes, zone
from agr.scenario.yaml_document import Document
from agr.settings import Brp, Markets, Planning, Publication, Timetable, Trading
from agr.settings.brps import brp_faults
from agr.settings.forecasts import Country, ModelName
from agr.settings.markets import isp_faults
from agr.settings.section import ClockTime, Seconds, Section


class Release(Section):
    """A DSO gives back part of what it reserved."""

    kind: Literal["release"]
    at: AwareDatetime = Field(description="When the FlexReservationUpdate arrives, with its UTC offset.")
    contract: str = Field(description="The contract, as in tables/contracts.csv.")
    keep_share: float = Field(ge=0, le=1, description="Share of the contracted power that stays reserved.")
    period: date | None = Field(default=None, description="Period of the update; default: the first Period.")


class DsoRequest(Section):
    """A DSO requests flexibility on the day before, gets an offer, and orders it or not."""

    kind: Literal["flex_request"]
    at: AwareDatetime = Field(description="When the FlexRequest arrives, with its UTC offset.")
    congestion_point: str = Field(description="Where, as in cro.json.")
    window_start: ClockTime = Field(description="Local time from which flexibility is requested.")
    window_end: ClockTime = Field(description='Local time until which it is requested; "00:00" is the end of the day.')
    power_mw: float = Field(description="Largest deviation requested: below 0 for less consumption, above 0 for more.")
    rebound_mw: float = Field(default=1.0, ge=0, description="How far the program may deviate outside the window.")
    contract: str | None = Field(
        default=None, description="Contract that it is requested under; default: none, on the free market."
    )
    pays_eur_per_mwh: float | None = Field(
        default=None,
        description="The DSO orders no offer that is dearer per MWh in the window; default: it orders any.",
    )
    order_share: float = Field(
        default=1.0, ge=0, le=1, description="Share of the offer that the DSO orders; 0: it orders nothing."
    )
    period: date | None = Field(default=None, description="Period of the request; default: the first Period.")

    @model_validator(mode="after")
    def _asks_for_something(self) -> "DsoRequest":
        if self.power_mw == 0:
            raise ValueError("power_mw is 0: give the deviation that the DSO requests, below 0 for less consumption")
        return self


Event = Annotated[Release | DsoRequest, Field(discriminator="kind")]


class Measurement(Section):
    """What a store is measured to hold while a day runs: one of `stored_kwh` and `off_kwh`."""

    at: AwareDatetime = Field(description="When it is measured, with its UTC offset.")
    resource: str = Field(description="The battery, heat pump with buffer, or charging session.")
    stored_kwh: float | None = Field(default=None, ge=0, description="What it holds.")
    off_kwh: float | None = Field(default=None, description="What it holds beyond (or, negative, below) the plan.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Measurement":
        if (self.stored_kwh is None) == (self.off_kwh is None):
            raise ValueError("give one of stored_kwh and off_kwh")
        return self


class Revelation(Section):
    """Prices that turn out otherwise than expected: from then on plans are made with those of another series."""

    at: AwareDatetime = Field(description="When it becomes known, with its UTC offset.")
    series: str = Field(description="The series that plans are made with, but not day-ahead results.")
    becomes: str = Field(description="The series in tables/prices.csv with what it turns out to be.")


class OwnForecasts(Section):
    """Forecasts of our own, made on each day from what was known then; what the tables have is what then happens."""

    history: tuple[str, ...] = Field(
        default=(),
        description="Tables of what happened before the first day (series, start, minutes, value, received_at), "
        "relative to the scenario.",
    )
    sessions: str | None = Field(
        default=None,
        description="Table of charging sessions before the first day (group, arrival, departure, energy_kwh), relative "
        "to the scenario; sessions of the scenario are known from their arrival on.",
    )
    booked: tuple[str, ...] = Field(
        default=(), description="Charging sessions of the scenario that are known beforehand: known from the start."
    )
    prices: bool = Field(default=True, description="Forecast the prices whose history is given.")
    loads: bool = Field(default=True, description="Forecast the power of loads and generators whose history is given.")
    model: ModelName = Field(
        default="mean of LightGBM and LEAR", description="Which model forecasts prices; simpler ones where it cannot."
    )
    country: Country | None = Field(
        default=None, description="Country whose public holidays count as Sundays, ISO 3166; none: no holidays."
    )

    @model_validator(mode="after")
    def _from_something(self) -> "OwnForecasts":
        if not self.history and self.sessions is None:
            raise ValueError("give history or sessions: forecasts are made from what happened before the first day")
        return self


class Generator(BaseModel):
    """How the tables were made; kept for the record."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Solving(Planning):
    """How plans are made; a scenario may think longer than a daemon, so that no time limit decides its outcome."""

    time_limit_s: Seconds = Field(
        default=600,
        description="Time limit of one solve, in seconds of processor time: a busy machine shortens no search. One "
        "whose best plan breaks promises goes on as long again; 0.8 of the budget ends it at the latest.",
    )
    budget_s: Seconds = Field(default=900, description="A solve that takes longer than this is ended.")


def _as_date(value: object) -> object:
    return value.date() if isinstance(value, datetime) else value


Day = Annotated[date, BeforeValidator(_as_date)]


def _is_zone(name: str) -> str:
    try:
        zone(name)
    except InputError as error:
        raise ValueError(str(error)) from error
    return name


def _fills_an_hour(minutes: int) -> int:
    try:
        require_isp_minutes(minutes)
    except InputError as error:
        raise ValueError(str(error)) from error
    return minutes


class Description(Section):
    """One scenario: tables/ beside it hold the register, cro.json what the CRO knows."""

    title: str = Field(description="Title, one line.")
    question: str = Field(description="Question that a run of the scenario answers.")
    period: Day = Field(description="The first day that is planned, local to the market.")
    last_period: Day | None = Field(default=None, description="The last day; default: the first day.")
    zone: Annotated[str, AfterValidator(_is_zone)] = Field(
        default="Europe/Amsterdam", description="The market's time zone."
    )
    isp_minutes: Annotated[int, AfterValidator(_fills_an_hour)] = Field(
        default=15,
        description="Length of an ISP in minutes; must divide an hour.",
        json_schema_extra={"enum": [minutes for minutes in range(1, 61) if 60 % minutes == 0]},
    )
    seed: int | None = Field(default=None, description="Seed of all random draws.")
    agr: str = Field(default="agr.example", description="Our internet domain.")
    cros: tuple[str, ...] = Field(default=(), description="Internet domains of the CROs.")
    dsos: tuple[str, ...] = Field(default=(), description="Internet domains of the DSOs.")
    tables: str = Field(default="tables", description="Folder of tables, relative to the scenario.")
    cro: str = Field(default="cro.json", description="The CRO's list of congestion points, relative to the scenario.")
    brps: tuple[Brp, ...] = Field(
        default=(), description="As the section `brps` of the settings: which BRPs are balanced by themselves."
    )
    markets: Markets = Field(default=Markets(), description="As the section `markets` of the settings.")
    planning: Solving = Field(default=Solving(), description="As the section `planning` of the settings.")
    timetable: Timetable = Field(default=Timetable(), description="As the section `timetable` of the settings.")
    trading: Trading = Field(default=Trading(), description="As the section `trading` of the settings.")
    stay_eur_per_mwh: float = Field(default=1.0, ge=0, description="Planning price of leaving an announced program.")
    minimum_gain_eur_per_prognosis: float = Field(
        default=0.0, ge=0, description="A new plan must gain this much per D-Prognosis it changes, or it is held back."
    )
    changes: tuple[str, ...] = Field(
        default=(), description="Changes made whenever the scenario is read, written like --set: ev_sessions=+50."
    )
    events: tuple[Event, ...] = Field(default=(), description="What happens after the first plan.")
    measurements: tuple[Measurement, ...] = Field(
        default=(), description="What stores are measured to hold while the days run."
    )
    revelations: tuple[Revelation, ...] = Field(
        default=(), description="Prices that turn out otherwise while the days run."
    )
    forecasts: OwnForecasts | None = Field(
        default=None, description="Plans are made with forecasts of our own as of each day; none: with the tables."
    )
    generator: Generator | None = Field(default=None, description="How the tables were made; for the record.")

    @model_validator(mode="after")
    def _days_are_in_order(self) -> "Description":
        if self.last_period is not None and self.last_period < self.period:
            raise ValueError(f"last_period {self.last_period} is before period {self.period}")
        return self

    @model_validator(mode="after")
    def _brps_have_one_name_each(self) -> "Description":
        if faults := brp_faults(self.brps):
            raise ValueError(faults[0])
        return self

    @model_validator(mode="after")
    def _products_fit_the_isps(self) -> "Description":
        faults = isp_faults(self.isp_minutes, self.markets, finer_products=True)
        if faults:
            raise ValueError(faults[0])
        return self

    @model_validator(mode="after")
    def _forecasts_fit_the_rest(self) -> "Description":
        if self.forecasts is not None and self.measurements:
            raise ValueError("forecasts and measurements exclude each other: what stores hold is what plans leave")
        if self.forecasts is not None and self.forecasts.sessions and not self.planning.sessions.stand_in:
            raise ValueError("forecasts.sessions needs planning.sessions.stand_in: true, or nothing is planned of them")
        return self

    @property
    def time_zone(self) -> str:
        """The market's time zone, as the settings call it."""
        return self.zone

    @property
    def publication(self) -> Publication:
        """Which changes of a plan would be sent, as the section `publication` of the settings."""
        return Publication(
            stay_eur_per_mwh=self.stay_eur_per_mwh, minimum_gain_eur_per_prognosis=self.minimum_gain_eur_per_prognosis
        )

    @property
    def of(self) -> Period:
        """The first Period the scenario plans."""
        return Period(self.period, self.zone, self.isp_minutes)

    def periods(self) -> tuple[Period, ...]:
        """Return every Period of the scenario in order."""
        return periods_between(self.of, self.last_period or self.period)

    def tables_of(self, folder: Path) -> Path:
        """Return the folder of tables of a scenario folder."""
        return folder / self.tables

    def cro_of(self, folder: Path) -> Path:
        """Return the file with what the CRO knows."""
        return folder / self.cro


def periods_between(first: Period, last: date) -> tuple[Period, ...]:
    """Return the Periods from `first` to `last`, both included."""
    found = [first]
    while found[-1].day < last:
        found.append(found[-1].next())
    return tuple(found)


def describe(folder: Path) -> Description:
    """Read a scenario folder's description; raises TableError with every fault, its line and what was expected."""
    return Document(folder / "scenario.yaml", "scenario.yaml").read(Description)
