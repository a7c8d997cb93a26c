"""The rules by which a search, a column generation or the whole run stops; each says why, or None to go on.

A rule looks at a record of what was done, and keeps none itself. Source: docs/explanation/optimisation.md §3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from time import perf_counter

from models.decomposition.cycles import Cycle
from models.decomposition.tuning import Cycles


class StopReason(Enum):
    """Why something stopped."""

    PROVEN = "the best program is proven to be within the gap asked for"
    STALLED = "the last cycles brought hardly anything"
    CYCLE_LIMIT = "as many cycles were made as may be"
    NO_MIXTURE = "the master LP has no answer"
    TIME_LIMIT = "the time is over"
    CANCELLED = "it was cancelled"
    ROUND_LIMIT = "as many rounds were made as may be"
    BOUND_STAYS = "the last rounds hardly raised the bound"
    COST_STAYS = "the last rounds hardly lowered the master's cost"
    CLOSE_ENOUGH = "the master's cost is close enough to the bound"


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """Stops where the deadline, in seconds of `clock`, has come or somebody has cancelled."""

    deadline_s: float
    cancelled: Callable[[], bool]
    clock: Callable[[], float] = perf_counter

    def left_s(self) -> float:
        """Return the seconds left, 0 where there are none."""
        return max(self.deadline_s - self.clock(), 0.0)

    def reason(self) -> StopReason | None:
        """Say whether the time is over or the run was cancelled."""
        if self.clock() >= self.deadline_s:
            return StopReason.TIME_LIMIT
        return StopReason.CANCELLED if self.cancelled() else None


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Stops where bound and value of the best program are within the gap, relative to gross cost."""

    relative_gap: float

    def reason(self, *, bound_eur: float, value_eur: float, gross_cost_eur: float) -> StopReason | None:
        """Say whether a value (earned positive) is proven to be good enough; −inf is none."""
        return StopReason.PROVEN if bound_eur - value_eur <= self.relative_gap * gross_cost_eur else None


@dataclass(frozen=True, kw_only=True)
class CycleLimit:
    """Stops after so many cycles."""

    most: int

    def reason(self, done: Sequence[Cycle]) -> StopReason | None:
        """Say whether there were enough."""
        return StopReason.CYCLE_LIMIT if len(done) >= self.most else None


@dataclass(frozen=True, kw_only=True)
class Stalled:
    """Stops when cycles in a row leave nearly the least gap so far; one after a narrow miss counts for less."""

    tuning: Cycles

    def reason(self, done: Sequence[Cycle]) -> StopReason | None:
        """Say whether enough of them came last."""
        stalls, least, after_narrow = 0.0, float("inf"), False
        for cycle in done:
            stall = self.tuning.narrow_stall if after_narrow else 1.0
            stalls = stalls + stall if cycle.gap_eur > self.tuning.stalled * least else 0.0
            least, after_narrow = min(least, cycle.gap_eur), cycle.within(self.tuning.narrow)
        return StopReason.STALLED if stalls >= self.tuning.stalls else None


@dataclass(frozen=True, kw_only=True)
class BoundStays:
    """Stops when the bound has gained next to nothing over the last `patience` rounds."""

    patience: int
    little_eur: float

    def reason(self, bounds_eur: Sequence[float]) -> StopReason | None:
        """Look at the bound after each round."""
        stays = len(bounds_eur) > self.patience and bounds_eur[-1] - bounds_eur[-1 - self.patience] <= self.little_eur
        return StopReason.BOUND_STAYS if stays else None


@dataclass(frozen=True, kw_only=True)
class CloseEnough:
    """Stops when the master's cost is within so much of the bound."""

    enough_eur: float

    def reason(self, above_eur: Sequence[float]) -> StopReason | None:
        """Look at how far the cost was above the bound after each round."""
        return StopReason.CLOSE_ENOUGH if above_eur[-1] <= self.enough_eur else None


@dataclass(frozen=True, kw_only=True)
class CostStays:
    """Stops when the master's cost is still above the bound by nearly as much as `watched` rounds ago."""

    watched: int
    flat: float  # share of that distance

    def reason(self, above_eur: Sequence[float]) -> StopReason | None:
        """Look at how far the cost was above the bound after each round."""
        stays = len(above_eur) > self.watched and above_eur[-1] > self.flat * above_eur[-1 - self.watched]
        return StopReason.COST_STAYS if stays else None
