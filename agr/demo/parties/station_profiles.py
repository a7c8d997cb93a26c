"""Which limit a station's charging profiles set at a moment: the rules of OCPP's smart charging. Pure.

The limit is the smaller of the station's maximum and that of the session, which is its TxProfile's or else the
TxDefaultProfile's; of one purpose the highest stack level that has a period now counts. Source: OCPP 1.6 §3.13.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
MAXIMUM = ("ChargingStationMaxProfile", "ChargePointMaxProfile")
DEFAULT, TX = "TxDefaultProfile", "TxProfile"
_RECURRING = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}
_DEFAULT_PHASES = 3


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Limits from moments on, in seconds after the start."""

    start: datetime | None  # None: when the session started
    duration_s: float | None  # None: the last period goes on for ever
    unit: str  # W | A
    periods: tuple[tuple[float, float, int], ...]  # (s, limit, phases)

    def at(self, elapsed_s: float) -> tuple[float, int] | None:
        """Return (limit, phases) so many seconds after the start."""
        if elapsed_s < 0 or (self.duration_s is not None and elapsed_s >= self.duration_s):
            return None
        passed = [(limit, phases) for start, limit, phases in self.periods if start <= elapsed_s]
        return passed[-1] if passed else None


@dataclass(frozen=True, kw_only=True)
class StationProfile:
    """A charging profile as a station keeps it."""

    id: int
    evse: int
    level: int
    purpose: str
    kind: str
    recurrency: str
    transaction: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    schedule: Schedule
    source: Json  # as it came

    def at(self, now: datetime, session_start: datetime | None) -> tuple[float, str, int] | None:
        """Return (limit, unit, phases) at a moment; None in gaps."""
        if (self.valid_from and now < self.valid_from) or (self.valid_to and now >= self.valid_to):
            return None
        start = session_start if self.kind == "Relative" else self.schedule.start or session_start
        if start is None:
            return None
        elapsed = now - start
        if self.kind == "Recurring" and elapsed >= timedelta(0):
            elapsed %= _RECURRING.get(self.recurrency, timedelta(days=1))
        found = self.schedule.at(elapsed.total_seconds())
        return None if found is None else (found[0], self.schedule.unit, found[1])

    def edges(self, session_start: datetime | None) -> Iterable[datetime]:
        """Return the moments at which the limit may change (of a recurring profile: during its first two weeks)."""
        start = session_start if self.kind == "Relative" else self.schedule.start or session_start
        yield from (moment for moment in (self.valid_from, self.valid_to) if moment)
        if start is None:
            return
        repeat = _RECURRING.get(self.recurrency, timedelta(days=1))
        ends = () if self.schedule.duration_s is None else (self.schedule.duration_s,)
        for turn in range(15 if self.kind == "Recurring" else 1):
            for seconds in (*(period[0] for period in self.schedule.periods), *ends):
                yield start + repeat * turn + timedelta(seconds=seconds)


def profile_of(evse: int, source: Json) -> StationProfile:
    """Read a profile from a message, with names in snake case; 1.6 names its id otherwise and has one schedule."""
    given = source["charging_schedule"]
    schedule = given if isinstance(given, dict) else given[0]
    periods = [
        (float(one["start_period"]), float(one["limit"]), int(one.get("number_phases") or _DEFAULT_PHASES))
        for one in schedule["charging_schedule_period"]
    ]
    transaction = source.get("transaction_id")
    number = source["charging_profile_id"] if "charging_profile_id" in source else source["id"]
    return StationProfile(
        id=int(number), evse=evse, level=int(source["stack_level"]),
        purpose=source["charging_profile_purpose"], kind=source["charging_profile_kind"],
        recurrency=source.get("recurrency_kind", ""), transaction=None if transaction is None else str(transaction),
        valid_from=_instant(source.get("valid_from")), valid_to=_instant(source.get("valid_to")), source=source,
        schedule=Schedule(
            start=_instant(schedule.get("start_schedule")), duration_s=schedule.get("duration"),
            unit=schedule["charging_rate_unit"], periods=tuple(sorted(periods)),
        ),
    )  # fmt: skip


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True, kw_only=True)
class Outlet:
    """What limits mean at an EVSE, and its session."""

    evse: int
    volts: float
    phases: int
    max_w: float
    transaction: str | None = None
    session_start: datetime | None = None

    def watts(self, limit: float, unit: str, phases: int) -> float:
        """Return a limit in W, the sum over the phases that the EVSE has."""
        return limit if unit == "W" else limit * self.volts * min(phases, self.phases)


def limit_w(profiles: Sequence[StationProfile], outlet: Outlet, now: datetime) -> float | None:
    """Return the limit in W at a moment; None where no profile says one."""
    most = _of_purpose([one for one in profiles if one.purpose in MAXIMUM], outlet, now)
    own = _of_purpose([one for one in profiles if one.purpose == TX and one.evse == outlet.evse
                       and one.transaction == outlet.transaction], outlet, now)  # fmt: skip
    if own is None:
        own = _of_purpose([one for one in profiles if one.purpose == DEFAULT and one.evse in (0, outlet.evse)],
                          outlet, now)  # fmt: skip
    known = [value for value in (most, own) if value is not None]
    return min(known) if known else None


def _of_purpose(profiles: Iterable[StationProfile], outlet: Outlet, now: datetime) -> float | None:
    for one in sorted(profiles, key=lambda profile: -profile.level):
        found = one.at(now, outlet.session_start)
        if found is not None:
            return outlet.watts(*found)
    return None


def edges(profiles: Sequence[StationProfile], outlet: Outlet, after: datetime, until: datetime) -> list[datetime]:
    """Return the moments in between at which a limit may change, in order."""
    all_edges = {moment for one in profiles for moment in one.edges(outlet.session_start)}
    return sorted(moment for moment in all_edges if after < moment < until)


def composite(
    profiles: Sequence[StationProfile], outlet: Outlet, now: datetime, duration_s: float, unit: str
) -> list[tuple[int, float]]:
    """Return (seconds from now, limit in the unit) where the limit changes; the EVSE's own where none is said."""
    until = now + timedelta(seconds=duration_s)
    found: list[tuple[int, float]] = []
    for moment in [now, *edges(profiles, outlet, now, until)]:
        said = limit_w(profiles, outlet, moment)
        watts = outlet.max_w if said is None else min(said, outlet.max_w)
        limit = watts if unit == "W" else round(watts / (outlet.volts * outlet.phases), 1)
        if not found or found[-1][1] != limit:
            found.append((int((moment - now).total_seconds()), limit))
    return found
