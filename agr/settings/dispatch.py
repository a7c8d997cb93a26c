"""How plans are carried out at charge points: when commands leave, and by which roads."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from agr.settings.section import Name, Seconds, Section, VariableName, WebAddress, check_names

_RETIRED = frozenset({"lead_s"})
"""Settings that earlier versions wrote into `agr.toml` but never read; a file that has them still opens."""

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def on_loopback(url: str) -> bool:
    """Return whether a web address is one of this machine."""
    rest = url.partition("://")[2]
    host = rest.split("/", 1)[0]
    return any(host == name or host.startswith(f"{name}:") for name in LOOPBACK)


class DispatchRoad(Section):
    """A back-end that passes commands on to charge points."""

    connector: ClassVar[str] = "agr.connectors.citrineos"  # module with `open_road(road, answers, authorities)`

    name: Name = Field(description="Name of the road, as the table charge_points gives it; unique.")
    kind: Literal["citrineos"] = Field(default="citrineos", description="Which system is at the other end.")
    api: Literal["1.8", "2.0"] = Field(default="1.8", description="Version of its API.")
    url: WebAddress = Field(description="Address of its REST API; https, except on this machine.")
    tenant: int = Field(default=1, ge=0, description="Tenant of our stations.")
    token_env: VariableName | None = Field(
        default=None, description="Environment variable with the bearer token; none: it needs none."
    )
    timeout_s: Seconds = Field(default=20, description="Give up one request after this long.")

    @model_validator(mode="after")
    def _is_not_overheard(self) -> "DispatchRoad":
        if self.url.startswith("http://") and not on_loopback(self.url):
            raise ValueError(f"road {self.name}: {self.url} is plain http to another machine; use https")
        return self


class DispatchSettings(Section):
    """How plans are carried out at charge points."""

    roads: tuple[DispatchRoad, ...] = Field(default=(), description="Back-ends of charge points; none: no dispatch.")
    listen_host: str = Field(
        default="127.0.0.1", min_length=1, description="Address on which answers of back-ends are taken."
    )
    listen_port: int = Field(default=8082, ge=0, le=65535, description="Port for these answers; 0: any free one.")
    callback_url: WebAddress | None = Field(
        default=None, description="Where back-ends reach us, if that differs from the address we listen on."
    )
    pause_s: float = Field(
        default=300, ge=0, description="Shortest time between two changes at a charge point; not for reductions."
    )
    answer_s: Seconds = Field(default=45, description="A command without an answer counts as unknown after this long.")
    retry_s: tuple[Seconds, ...] = Field(
        default=(45, 120, 300), min_length=1, description="Pauses before further attempts; the last one repeats."
    )
    round_trip_s: Seconds = Field(default=60, description="Ask each back-end this often whether it still answers.")
    horizon_hours: float = Field(default=24, gt=0, le=48, description="How far ahead limits are sent.")

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, given: object) -> object:
        return {key: value for key, value in given.items() if key not in _RETIRED} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _roads_can_be_told_apart(self) -> "DispatchSettings":
        check_names("roads", (road.name for road in self.roads))
        return self
