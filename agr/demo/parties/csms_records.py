"""What the CSMS keeps of stations: profiles, transactions, device model, subscriptions. A file outlives the process."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass
class ProfileRow:
    """A charging profile that was sent; active once the station has reported it."""

    station: str
    id: int
    evse: int
    level: int
    purpose: str
    transaction: str | None
    valid_to: str | None
    active: bool = False


@dataclass
class Subscription:
    """Where to push a station's messages."""

    id: int
    station: str
    url: str
    on_connect: bool
    on_close: bool
    on_message: bool
    sent_message: bool
    pattern: str | None
    created: str
    working: bool = False  # new ones are noticed late, or when the station connects


@dataclass
class Records:
    """Everything that the CSMS's database holds, and its clock."""

    path: Path | None = None
    offset: timedelta = timedelta(0)
    profiles: list[ProfileRow] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    transactions: list[Json] = field(default_factory=list)
    evses: list[list[Any]] = field(default_factory=list)  # [station, EVSE]
    variables: list[Json] = field(default_factory=list)  # station, component, variable, value, values
    api: str = "1.8"  # version of CitrineOS that it answers like
    rate_units: str = ""  # those reported last, by whichever station

    @property
    def station_field(self) -> str:
        """What callers and pushes name a station by."""
        return "stationId" if self.api == "1.8" else "ocppConnectionName"

    def now(self) -> datetime:
        """Return the CSMS's time, which need not be ours."""
        return datetime.now(UTC) + self.offset

    def load(self) -> None:
        """Read what an earlier process has kept."""
        if self.path is None or not self.path.is_file():
            return
        kept = json.loads(self.path.read_text(encoding="utf-8"))
        self.profiles = [ProfileRow(**row) for row in kept["profiles"]]
        self.subscriptions = [Subscription(**row | {"working": True}) for row in kept["subscriptions"]]
        self.transactions, self.evses = kept["transactions"], kept["evses"]
        self.variables, self.rate_units = kept["variables"], kept["rate_units"]

    def keep(self) -> None:
        """Write everything, so that a process that is killed loses nothing but what is under way."""
        if self.path is None:
            return
        kept: Json = {
            "profiles": [asdict(row) for row in self.profiles],
            "subscriptions": [asdict(row) for row in self.subscriptions],
            "transactions": self.transactions, "evses": self.evses, "variables": self.variables,
            "rate_units": self.rate_units,
        }  # fmt: skip
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.replace(self.path)

    def put_profile(self, station: str, evse: int, profile: Json) -> None:
        """Store a profile before it is sent; it replaces the station's with that id."""
        self.profiles = [row for row in self.profiles if (row.station, row.id) != (station, profile["id"])]
        self.profiles.append(ProfileRow(
            station=station, id=profile["id"], evse=evse, level=profile["stackLevel"],
            purpose=profile["chargingProfilePurpose"], transaction=profile.get("transactionId"),
            valid_to=profile.get("validTo"),
        ))  # fmt: skip
        self.keep()

    def active(self, station: str, purpose: str, level: int) -> list[ProfileRow]:
        """Return the active profiles of a station with a purpose and level."""
        wanted = (station, purpose, level, True)
        return [row for row in self.profiles if (row.station, row.purpose, row.level, row.active) == wanted]

    def reported(self, station: str, ids: list[int]) -> None:
        """Mark the profiles that a station says it has."""
        for row in self.profiles:
            row.active = row.active or (row.station == station and row.id in ids)
        self.keep()

    def cleared(self, station: str, request: Json) -> None:
        """Mark the profiles that a station has cleared."""
        criteria = request.get("chargingProfileCriteria") or {}
        wanted = {
            "id": request.get("chargingProfileId", request.get("id")), "evse": criteria.get("evseId"),
            "purpose": criteria.get("chargingProfilePurpose"), "level": criteria.get("stackLevel"),
        }  # fmt: skip
        for row in self.profiles:
            fits = all(value is None or getattr(row, name) == value for name, value in wanted.items())
            if row.station == station and fits:
                row.active = False
        self.keep()

    def transaction(self, station: str, number: str) -> Json | None:
        """Return the row of a transaction."""
        mine = (one for one in self.transactions if (one["stationId"], one["transactionId"]) == (station, number))
        return next(mine, None)

    def running(self, station: str, evse: int) -> Json | None:
        """Return the transaction that runs at an EVSE."""
        wanted = (station, evse, True)
        mine = (one for one in self.transactions if (one["stationId"], one["evseId"], one["isActive"]) == wanted)
        return next(mine, None)

    def learn(self, station: str, report: list[Json]) -> None:
        """Take a part of a station's base report."""
        for line in report:
            component, variable = line["component"], line["variable"]["name"]
            evse = component.get("evse", {}).get("id")
            if evse is not None and [station, evse] not in self.evses:
                self.evses.append([station, evse])
            values = (line.get("variableCharacteristics") or {}).get("valuesList")
            value = line["variableAttribute"][0].get("value")
            names = {"station": station, "component": component["name"], "variable": variable}
            self.variables = [one for one in self.variables if not names.items() <= one.items()]
            self.variables.append(names | {"value": value, "values": values})
            if variable == "RateUnit" and values:
                self.rate_units = values
        self.keep()

    def variable(self, station: str, name: str) -> str | None:
        """Return the value of a station's variable."""
        mine = (one for one in self.variables if (one["station"], one["variable"]) == (station, name))
        return next((one["value"] for one in mine), None)
