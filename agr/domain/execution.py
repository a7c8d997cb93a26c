"""What became of plans: per resource and ISP, what was planned, what was measured, and a verdict."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What became of an ISP of a resource's program."""

    EXECUTED = "executed"  # measured, and as planned
    DEVIATED = "deviated"  # measured, and otherwise
    UNREACHABLE = "unreachable"  # no limit of ours was accepted when the ISP began
    UNMEASURED = "unmeasured"  # its limit was accepted, or it needs none, and no register covers the ISP


class DeviationCause(StrEnum):
    """Why a charge point deviated; for other resources nobody knows."""

    UNKNOWN = ""
    CAR = "car"  # it took less than it might
    LIMIT = "limit"  # another limit than the plan's was in force
    STATION = "station"  # it gave more than the limit that it had accepted
    ABSENT = "absent"  # no car was there, or not for the whole ISP
    LATE = "late"  # the limit came after the ISP had begun
    UNPLANNED = "unplanned"  # a car that nobody planned


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One ISP of one resource; consumption positive."""

    resource: str
    start: datetime  # UTC, of the ISP
    planned_kwh: float
    measured_kwh: float | None  # of the part that was measured; None: nothing was
    quality: str  # how well: missing, partial, interpolated, measured; no session: no car was there
    verdict: Verdict
    cause: DeviationCause
    plan: int

    @property
    def deviation_kwh(self) -> float | None:
        """How much more was taken than planned; None where the ISP was not measured as a whole."""
        judged = self.verdict in (Verdict.EXECUTED, Verdict.DEVIATED) or self.quality in WHOLE
        return self.measured_kwh - self.planned_kwh if judged and self.measured_kwh is not None else None


WHOLE = ("measured", "interpolated", "no session")
