"""The rules that stop a search, a column generation or the whole run. Each returns its reason, or None to go on.

A rule reads a record of the work done, and keeps no state of its own. Source: docs/explanation/optimisation.md §3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from models.decomposition.cycles import Cycle
from models.decomposition.tuning import Cycles
from models.work_clock import now


class StopReason(Enum):
    """Why a search, a column generation or a run stopped."""

    PROVEN = "the best program is proven to be within the gap asked for"
    STALLED = "the last cycles hardly narrowed the gap"
    CYCLE_LIMIT = "the limit of cycles is reached"
    NO_MIXTURE = "the master LP has no answer, or no time was left"
    TIME_LIMIT = "the time is over"
    CANCELLED = "it was cancelled"
    ROUND_LIMIT = "the limit of rounds is reached"
    BOUND_STAYS = "the last rounds hardly raised the bound"
    COST_STAYS = "the last rounds hardly lowered the master's cost"
    CLOSE_ENOUGH = "the master's cost is close enough to the bound"


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """Stops at the deadline, in seconds of `clock` (by default of work), or when the run is cancelled."""

    deadline_s: float
    cancelled: Callable[[], bool]
    clock: Callable[[], float] = now
    overtime_s: float = 0.0
    """Seconds for which a run may go on after the deadline while its best program breaks promises"""

    def left_s(self, *, unkept: bool = False) -> float:
        """Return the seconds left, 0 after the deadline; `unkept`: the best program breaks promises, or is missing."""
        return max(self._end_s(unkept) - self.clock(), 0.0)

    def reason(self, *, unkept: bool = False) -> StopReason | None:
        """Return the reason if the time is over or the run was cancelled."""
        if self.clock() >= self._end_s(unkept):
            return StopReason.TIME_LIMIT
        return StopReason.CANCELLED if self.cancelled() else None

    def _end_s(self, unkept: bool) -> float:
        return self.deadline_s + (self.overtime_s if unkept else 0.0)


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Stops when the bound is within the gap, a share of gross cost, of the best program's value."""

    relative_gap: float

    def reason(self, *, bound_eur: float, value_eur: float, gross_cost_eur: float) -> StopReason | None:
        """Return the reason if a value (earned positive; −inf without a program) is near enough to the bound."""
        return StopReason.PROVEN if bound_eur - value_eur <= self.relative_gap * gross_cost_eur else None


@dataclass(frozen=True, kw_only=True)
class CycleLimit:
    """Stops after `most` cycles."""

    most: int

    def reason(self, done: Sequence[Cycle]) -> StopReason | None:
        """Return the reason if all cycles are done."""
        return StopReason.CYCLE_LIMIT if len(done) >= self.most else None


@dataclass(frozen=True, kw_only=True)
class Stalled:
    """Stops when cycles in a row fail to cut the smallest gap so far by a fifth (`stalled`).

    `stalls` of them stop the run; a cycle after a narrow miss counts as `narrow_stall` of one.
    """

    tuning: Cycles

    def reason(self, done: Sequence[Cycle]) -> StopReason | None:
        """Return the reason if enough of the last cycles stalled."""
        stalls, least, after_narrow = 0.0, float("inf"), False
        for cycle in done:
            stall = self.tuning.narrow_stall if after_narrow else 1.0
            stalls = stalls + stall if cycle.gap_eur > self.tuning.stalled * least else 0.0
            least, after_narrow = min(least, cycle.gap_eur), cycle.within(self.tuning.narrow)
        return StopReason.STALLED if stalls >= self.tuning.stalls else None


@dataclass(frozen=True, kw_only=True)
class BoundStays:
    """Stops when the last `patience` rounds have raised the bound by at most `little_eur`."""

    patience: int
    little_eur: float

    def reason(self, bounds_eur: Sequence[float]) -> StopReason | None:
        """Return the reason, given the bound after each round."""
        stays = len(bounds_eur) > self.patience and bounds_eur[-1] - bounds_eur[-1 - self.patience] <= self.little_eur
        return StopReason.BOUND_STAYS if stays else None


@dataclass(frozen=True, kw_only=True)
class CloseEnough:
    """Stops when the master's cost is within `enough_eur` of the bound."""

    enough_eur: float

    def reason(self, above_eur: Sequence[float]) -> StopReason | None:
        """Return the reason, given the distance of cost and bound after each round."""
        return StopReason.CLOSE_ENOUGH if above_eur[-1] <= self.enough_eur else None


@dataclass(frozen=True, kw_only=True)
class CostStays:
    """Stops when the master's cost is still above the bound by nearly as much as `watched` rounds ago."""

    watched: int
    flat: float  # share of that distance

    def reason(self, above_eur: Sequence[float]) -> StopReason | None:
        """Return the reason, given the distance of cost and bound after each round."""
        stays = len(above_eur) > self.watched and above_eur[-1] > self.flat * above_eur[-1 - self.watched]
        return StopReason.COST_STAYS if stays else None
