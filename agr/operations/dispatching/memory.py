"""What one road's dispatcher remembers while it runs; nothing of it is needed after a restart."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock

from agr.domain.dispatch import Receipt


@dataclass
class Backoff:
    """Attempts at one charge point that failed one after the other."""

    failed: int = 0
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question to a station that is not answered yet."""

    charge_point: str
    until: datetime
    alone: bool  # only to hear whether the back-end still answers


@dataclass
class Memory:
    """Guarded by its lock: answers come in other threads."""

    retry_s: Sequence[float]
    lock: RLock = field(default_factory=RLock)
    units: dict[str, str] = field(default_factory=dict)  # station → the unit that it takes, where it said so
    most_periods: dict[str, int] = field(default_factory=dict)  # station → periods that it takes, where it said so
    to_verify: set[str] = field(default_factory=set)  # charge points that are sent nothing before they said
    speechless: set[str] = field(default_factory=set)  # charge points whose stations cannot say what they follow
    to_clear: dict[str, int] = field(default_factory=dict)  # charge point → slot that is taken by an unknown profile
    cleared: set[tuple[str, int]] = field(default_factory=set)  # (charge point, slot) cleared so, without success yet
    foreign: set[str] = field(default_factory=set)  # charge points with profiles of others, to be cleared
    above: set[str] = field(default_factory=set)  # charge points that were found above their limits
    over: dict[str, int] = field(default_factory=dict)  # charge point → readings above its limit, one after the other
    unfollowed: set[str] = field(default_factory=set)  # charge points that draw more than they have accepted
    by_default: set[str] = field(default_factory=set)  # charge points that do not follow a transaction's profile
    asked: dict[str, Asked] = field(default_factory=dict)  # number → question
    verified_at: dict[str, datetime] = field(default_factory=dict)
    missed: int = 0  # round trips one after the other
    heard_at: datetime | None = None  # when anything was answered
    _backoffs: dict[str, Backoff] = field(default_factory=dict)

    def may(self, charge_point: str, now: datetime) -> bool:
        """Say whether it may be tried again by now."""
        found = self._backoffs.get(charge_point)
        return found is None or found.until is None or now >= found.until

    def failed(self, charge_point: str, now: datetime) -> int:
        """Note a failure, after which there is a pause; return how many there were."""
        found = self._backoffs.setdefault(charge_point, Backoff())
        pause_s = self.retry_s[min(found.failed, len(self.retry_s) - 1)]
        found.failed, found.until = found.failed + 1, now + timedelta(seconds=pause_s)
        return found.failed

    def worked(self, charge_point: str) -> None:
        """Note that it worked."""
        self._backoffs.pop(charge_point, None)
        self.cleared = {one for one in self.cleared if one[0] != charge_point}

    def learned(self, station: str, charge_point: str, slot: int, receipt: Receipt) -> bool:
        """Keep what a refusal tells; True where it can be mended at once."""
        if receipt.occupied:
            if (charge_point, slot) in self.cleared:
                return False  # clearing it did not help
            self.cleared.add((charge_point, slot))
            self.to_clear[charge_point] = slot
        if receipt.unit is not None:
            mended = self.units.get(station) != receipt.unit
            self.units[station] = receipt.unit
            return mended
        if receipt.most_periods is not None:
            mended = self.most_periods.get(station) != receipt.most_periods
            self.most_periods[station] = receipt.most_periods
            return mended
        return receipt.occupied
