"""Whom we talk to (participants) and where prices and forecasts come from (HTTP feeds)."""

import base64
import binascii
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from agr.settings.section import Domain, Name, Seconds, Section, VariableName, WebAddress
from agr.settings.security import ClientCertificate, ClientCredentials


def _public_key(value: str) -> str:
    words = 'expected "cs1." and the base64 of 32 bytes (signing) or 64 bytes (signing and encryption)'
    try:
        raw = base64.b64decode(value.removeprefix("cs1."), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(words) from None
    if not value.startswith("cs1.") or len(raw) not in (32, 64):
        raise ValueError(f"{words}; this one has {len(raw)} bytes; copy the key again")
    return value


def _one_or_two(keys: tuple[str, ...]) -> tuple[str, ...]:
    if len(keys) not in (1, 2):
        raise ValueError(f"expected one key, or two while they change; there are {len(keys)}")
    return keys


PublicKey = Annotated[str, AfterValidator(_public_key)]
PublicKeys = Annotated[tuple[PublicKey, ...], AfterValidator(_one_or_two)]


class ParticipantSettings(Section):
    """A participant of the market that we exchange messages with."""

    domain: Domain = Field(description="Its internet domain, as in SenderDomain.")
    role: Literal["AGR", "CRO", "DSO"] = Field(
        description="Its role: a CRO answers portfolio queries, DSOs send and receive everything else."
    )
    endpoint: WebAddress | None = Field(
        default=None,
        description="Where it receives messages, e.g. https://…/shapeshifter/api/v3/message; none: see discovery.",
    )
    public_keys: PublicKeys = Field(
        default=(), description='Its public keys ("cs1.…"); two while it changes keys; none: see discovery.'
    )
    barred: bool = Field(default=False, description="Reject every message it sends.")
    version: Literal["3.0.0", "3.1.0"] = Field(
        default="3.1.0", description="Version of UFTP that it speaks: 3.0.0 or 3.1.0; wins over what the DNS says."
    )
    client_certificate: ClientCertificate | None = Field(
        default=None, description="A certificate of ours, where it asks for one."
    )
    oauth2: ClientCredentials | None = Field(
        default=None, description="Client credentials, where it asks for an access token."
    )


class HttpFeed(Section):
    """A source of prices or forecasts behind a web address; JSON records or CSV with a header line."""

    name: Name = Field(description="Name of the feed, for logs and alarms; unique.")
    url: WebAddress = Field(
        description="Web address; {period} is the day, {start} and {end} are its first and last instant in UTC."
    )
    kind: Literal["price", "forecast"] = Field(description="What it gives: price or forecast.")
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
    quantity: Literal["power_kw", "heat_kw", "cop"] | None = Field(
        default=None, description="What is forecast: power_kw, heat_kw or cop."
    )
    quantity_field: Name | None = Field(default=None, description="Field with the quantity, instead of `quantity`.")
    header_env: dict[Name, VariableName] = Field(
        default={},
        description="HTTP header → environment variable with its value: no secrets in the file.",
    )
    timeout_s: Seconds = Field(default=30, description="Give up one attempt after this long.")
    attempts: int = Field(default=3, ge=1, le=20, description="Attempts before the feed counts as failed.")

    @model_validator(mode="after")
    def _mapping_is_complete(self) -> "HttpFeed":
        needed = ("series",) if self.kind == "price" else ("resource", "quantity")
        unused = ("resource", "quantity") if self.kind == "price" else ("series",)
        faults = [
            f"a feed of kind {self.kind!r} needs exactly one of {key} and {key}_field"
            for key in needed
            if (getattr(self, key) is None) == (getattr(self, f"{key}_field") is None)
        ]
        faults += [
            f"{key} has no meaning in a feed of kind {self.kind!r}; remove it"
            for name in unused
            for key in (name, f"{name}_field")
            if getattr(self, key) is not None
        ]
        faults += _placeholder_faults(self.url)
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _placeholder_faults(url: str) -> list[str]:
    try:
        names = [name for _, name, _, _ in Formatter().parse(url) if name is not None]
    except ValueError as error:
        return [f"url has a stray bracket ({error}); double brackets that are meant literally"]
    unknown = sorted(set(names) - {"period", "start", "end"})
    return [f"url has the placeholder {{{name}}}; known are {{period}}, {{start}} and {{end}}" for name in unknown]
