"""Where prices, forecasts, awards and trades come from: one class of settings for each way of asking, chosen by `api`.

A new way of asking needs a class here, which names the module in agr.connectors that opens it (agr.connectors.ports),
and a place in the union `Feed`. How to: docs/how-to/add-a-connector.md.
"""

from string import Formatter
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from agr.domain.kinds import QUANTITIES
from agr.settings.section import Name, Seconds, Section, VariableName, WebAddress


def _quantity(name: str) -> str:
    if name not in QUANTITIES:
        raise ValueError(f"expected one of {', '.join(QUANTITIES)}")
    return name


EIC = "^[0-9]{2}[A-Z][0-9A-Z-]{13}$"
"""Regular expression for the codes of areas (Energy Identification Codes)."""
QuantityName = Annotated[str, AfterValidator(_quantity)]


class FeedSection(Section):
    """The settings of every source."""

    connector: ClassVar[str]  # module with `open_source(feed)`; named, since it knows settings and not the reverse

    name: Name = Field(description="Name of the feed, for logs and alarms; unique.")

    @property
    def brings_series(self) -> bool:
        """Whether it gives prices or forecasts, which the market day fetches."""
        return True


class RecordFeed(FeedSection):
    """A source of records with named fields, JSON or CSV with a header line: prices, forecasts, awards or trades."""

    kind: Literal["price", "forecast", "award", "trade"] = Field(
        description="What it gives: price, forecast, award (of an auction) or trade (intraday)."
    )
    format: Literal["json", "csv"] = Field(default="json", description="How the answer is written: json or csv.")
    records: str = Field(default="", description="JSON: dotted path to the list of records; empty: the whole answer.")
    start_field: Name = Field(default="start", description="Field that holds the start of the interval.")
    time_format: Literal["iso", "unix_s", "unix_ms"] = Field(
        default="iso",
        description="The start is iso (ISO 8601 with offset), unix_s or unix_ms (since 1970).",
    )
    value_field: Name = Field(default="value", description="Field that holds the value.")
    factor: float = Field(
        default=1.0, description="Values are multiplied by this to get our unit, e.g. 1000 from EUR/kWh."
    )
    minutes: int = Field(default=15, gt=0, description="Length of the interval, where no field gives it.")
    minutes_field: Name | None = Field(default=None, description="Field that holds the length of the interval.")
    series: Name | None = Field(default=None, description="Price series the values belong to.")
    series_field: Name | None = Field(default=None, description="Field that holds the series, instead of `series`.")
    resource: Name | None = Field(default=None, description="Resource the forecast is for.")
    resource_field: Name | None = Field(default=None, description="Field with the resource, instead of `resource`.")
    quantity: QuantityName | None = Field(default=None, description=f"What is forecast: {', '.join(QUANTITIES)}.")
    quantity_field: Name | None = Field(default=None, description="Field with the quantity, instead of `quantity`.")

    market: Name | None = Field(
        default=None, description="Kind award: day-ahead or a capacity product; none: day-ahead."
    )
    price_field: Name | None = Field(
        default=None, description="Kinds award and trade: field with the price, EUR/MWh; trades need it."
    )
    side_field: Name | None = Field(
        default=None, description="Kinds award and trade: field that says buy or sell; none: volumes sold are negative."
    )
    trade_field: Name | None = Field(default=None, description="Kind trade: field with the trade's own identifier.")
    brp_field: Name | None = Field(
        default=None,
        description="Kind trade: field with the BRP that a trade was made for; none: the first of `brps`.",
    )
    every_s: Seconds = Field(default=60, description="Kinds award and trade: it is asked again after this long.")

    @model_validator(mode="after")
    def _is_complete(self) -> "RecordFeed":
        faults = self._faults()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def brings_series(self) -> bool:
        """Whether it gives prices or forecasts, which the market day fetches."""
        return self.kind in ("price", "forecast")

    def _faults(self) -> list[str]:
        faults = [
            f"a feed of kind {self.kind!r} needs exactly one of {key} and {key}_field"
            for key in _NAMED.get(self.kind, ())
            if (getattr(self, key) is None) == (getattr(self, f"{key}_field") is None)
        ]
        needed = ("price_field", "trade_field") if self.kind == "trade" else ()
        faults += [f"a feed of kind 'trade' needs {key}" for key in needed if getattr(self, key) is None]
        of_kind = {"award": {"market", "price_field", "side_field"}, "trade": {*needed, "side_field", "brp_field"}}
        allowed = of_kind.get(self.kind, set()) | {
            n for key in _NAMED.get(self.kind, ()) for n in (key, f"{key}_field")
        }
        return faults + [
            f"{name} has no meaning in a feed of kind {self.kind!r}; remove it"
            for name in _OF_SOME_KIND
            if name not in allowed and getattr(self, name) is not None
        ]


_NAMED = {"price": ("series",), "forecast": ("resource", "quantity")}
"""Kind of feed → what its records are about: named once in the settings, or in a field of each record."""
_OF_SOME_KIND = (
    "series", "series_field", "resource", "resource_field", "quantity", "quantity_field", "market", "price_field",
    "side_field", "trade_field", "brp_field",
)  # fmt: skip


class HttpFeed(RecordFeed):
    """A source behind a web address."""

    connector = "agr.connectors.http"

    api: Literal["http"] = Field(default="http", description="How it is asked: http.")
    url: WebAddress = Field(
        description="Web address; {period} is the day, {start} and {end} are its first and last instant in UTC."
    )
    header_env: dict[Name, VariableName] = Field(
        default={},
        description="HTTP header → environment variable with its value: no secrets in the file.",
    )
    timeout_s: Seconds = Field(default=30, description="Give up one attempt after this long.")
    attempts: int = Field(default=3, ge=1, le=20, description="Attempts before the feed counts as failed.")

    def _faults(self) -> list[str]:
        return super()._faults() + _placeholder_faults("url", self.url, "period", "start", "end")


class OutlookFeed(FeedSection):
    """A source of forecasts that others make of what prices and powers follow: weather, load, wind and sun of an area.

    They are inputs of our own forecasts, and fetched with them, if `forecasts.enabled`.
    """

    header_env: dict[Name, VariableName] = Field(
        default={},
        description="HTTP header → environment variable with its value: no secrets in the file.",
    )
    timeout_s: Seconds = Field(default=30, description="Give up one attempt after this long.")
    attempts: int = Field(default=3, ge=1, le=20, description="Attempts before the feed counts as failed.")

    @property
    def brings_series(self) -> bool:
        """It gives neither prices nor forecasts of resources."""
        return False


class WeatherFeed(OutlookFeed):
    """Weather forecasts of a place."""

    connector = "agr.connectors.weather.source"

    api: Literal["weather"] = Field(default="weather", description="How it is asked: weather.")
    layout: Literal["open-meteo", "mosmix"] = Field(
        description="How the answer is written: open-meteo (JSON, hourly) or mosmix (KML or KMZ of one station)."
    )
    place: Name = Field(description="Name of the place, in the names of its series; several feeds may have one.")
    url: WebAddress = Field(
        description="Web address; {period} is the day, {start} and {end} are its first and last instant in UTC."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> "WeatherFeed":
        faults = _placeholder_faults("url", self.url, "period", "start", "end")
        if faults:
            raise ValueError("; ".join(faults))
        return self


class EntsoeFeed(OutlookFeed):
    """Day-ahead forecasts of load, wind and sun of an area, from ENTSO-E's transparency platform."""

    connector = "agr.connectors.entsoe"

    api: Literal["entsoe"] = Field(default="entsoe", description="How it is asked: entsoe.")
    area: Annotated[str, Field(pattern=EIC)] = Field(
        description="Bidding zone, by its EIC code, e.g. 10YNL----------L."
    )
    token_env: VariableName = Field(description="Environment variable with the token of the API.")
    url: WebAddress = Field(
        default="https://web-api.tp.entsoe.eu/api", description="Web address of the API, without a query."
    )


class EntsoeImbalanceFeed(FeedSection):
    """Prices of imbalance of an area, from ENTSO-E's transparency platform."""

    connector = "agr.connectors.entsoe_imbalance"

    api: Literal["entsoe-imbalance"] = Field(
        default="entsoe-imbalance", description="How it is asked: entsoe-imbalance."
    )
    area: Annotated[str, Field(pattern=EIC)] = Field(
        description="Scheduling area of the grid operator, by its EIC code, e.g. 10YNL----------L."
    )
    token_env: VariableName = Field(description="Environment variable with the token of the API.")
    url: WebAddress = Field(
        default="https://web-api.tp.entsoe.eu/api", description="Web address of the API, without a query."
    )
    shortage_series: Name = Field(
        default="imbalance_shortage", description="Series of what a shortage costs, as in `markets.imbalance`."
    )
    surplus_series: Name = Field(default="imbalance_surplus", description="Series of what a surplus earns.")
    header_env: dict[Name, VariableName] = Field(
        default={},
        description="HTTP header → environment variable with its value: no secrets in the file.",
    )
    timeout_s: Seconds = Field(default=30, description="Give up one attempt after this long.")
    attempts: int = Field(default=3, ge=1, le=20, description="Attempts before the feed counts as failed.")


def placeholders(text: str) -> set[str]:
    """Return the names in braces in a setting. Raises ValueError when a brace stands alone."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _placeholder_faults(field: str, text: str, *known: str) -> list[str]:
    """Return what is wrong with the placeholders of a setting, of which some are known."""
    try:
        names = placeholders(text)
    except ValueError as error:
        return [f"{field} has a stray bracket ({error}); double brackets that are meant literally"]
    listed = ", ".join(f"{{{name}}}" for name in known)
    return [f"{field} has the placeholder {{{name}}}; known: {listed}" for name in sorted(names - {*known})]


def _api(feed: object) -> str:
    """Return the tag of a feed's class; http where none is named."""
    named = feed.get("api", "http") if isinstance(feed, dict) else getattr(feed, "api", "http")
    return f"api={named}"


Feed = Annotated[
    Annotated[HttpFeed, Tag("api=http")]
    | Annotated[WeatherFeed, Tag("api=weather")]
    | Annotated[EntsoeImbalanceFeed, Tag("api=entsoe-imbalance")]
    | Annotated[EntsoeFeed, Tag("api=entsoe")],
    Discriminator(_api),
]
"""Any feed; a new class is one more part of the union."""
