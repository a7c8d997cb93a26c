"""How much one sender, or one network address, may send: token buckets in memory, bounded in number. Pure."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

KEPT = 10_000
"""Most buckets that are kept; the one used longest ago is forgotten first."""


class RateLimit:
    """One bucket per name: full at first, refilled evenly to `amount` per `seconds`. Safe to use from many threads."""

    def __init__(self, amount: float, seconds: float, clock: Callable[[], float], kept: int = KEPT) -> None:
        self._full, self._rate, self._clock, self._kept = amount, amount / seconds, clock, kept
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, name: str, amount: float = 1.0) -> bool:
        """Take an amount out; False, and nothing is taken, when there is not enough.

        A full bucket gives an amount larger than itself; otherwise it would never pass.
        """
        with self._lock:
            left = self._now(name)
            enough = left >= min(amount, self._full)
            self._put(name, max(left - amount, 0.0) if enough else left)
            return enough

    def empty(self, name: str) -> bool:
        """Say whether not even one could be taken."""
        with self._lock:
            return self._now(name) < 1.0

    def _now(self, name: str) -> float:
        left, at = self._left.get(name, (self._full, 0.0))
        return min(left + (self._clock() - at) * self._rate, self._full)

    def _put(self, name: str, left: float) -> None:
        self._left[name] = (left, self._clock())
        self._left.move_to_end(name)
        if len(self._left) > self._kept:
            self._left.popitem(last=False)
