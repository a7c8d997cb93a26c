"""Runs of a fixed profile that start once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agr.domain.kinds.kind import Kind, Look, Remark
from agr.domain.kinds.mistaken_units import above, below

_QUARTER = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ShiftableRun:
    """A run with a fixed profile (kW per ISP of 15 minutes) that starts once between two instants."""

    resource: str
    connection: str
    earliest_start: datetime
    latest_end: datetime
    profile_kw: tuple[float, ...]


def _faults(row: ShiftableRun) -> Iterator[Remark]:
    """A run starts with a quarter of an hour, so parts of quarters at both ends are of no use."""
    first, last = -((_EPOCH - row.earliest_start) // _QUARTER), (row.latest_end - _EPOCH) // _QUARTER
    room, needed = max(last - first, 0), len(row.profile_kw)
    if room < needed:
        yield "latest_end", f"leaves {room} whole quarters of an hour after earliest_start, the profile takes {needed}"


_MOST_KW = 1_000.0  # a dishwasher takes 2 kW, a production run of a plant some hundreds
_LEAST_KW = 0.005


def _peak_kw(row: ShiftableRun) -> float:
    return max((abs(kw) for kw in row.profile_kw), default=0.0)


def _mistaken(row: ShiftableRun) -> Iterator[Remark]:
    yield from above(row, "profile_kw", _peak_kw(row), _MOST_KW, "kW", "an appliance or a production run takes")
    yield from below(row, "profile_kw", _peak_kw(row), _LEAST_KW, "kW", "any appliance takes")


KIND = Kind(
    row=ShiftableRun,
    table="shiftable_runs",
    name="shiftable_run",
    look=Look(words="shiftable runs", light="#8e5bbf", dark="#b98be6", layer=40),
    stream=5,
    faults=_faults,
    mistaken=_mistaken,
    rated_kw=_peak_kw,
)
