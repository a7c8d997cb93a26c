"""Slows down guessing of passwords. Counts are in memory: a restart forgets them."""

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

_FORGET_ABOVE = 10_000
ADDRESS_FACTOR = 10
"""An address may fail this many times as often as an account, since many people may share it."""


class LoginRateLimit:
    """Counts failed log-ins per account and per address within a sliding window."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit, self._window = limit, timedelta(seconds=window_s)
        self._failures: dict[str, deque[datetime]] = {}
        self._lock = Lock()

    def wait_s(self, account: str | None, address: str, now: datetime) -> float:
        """Return how many seconds a log-in has to wait; `account` None: it is not known yet."""
        with self._lock:
            wait = self._wait_s("address " + address, ADDRESS_FACTOR * self._limit, now)
            return wait if account is None else max(wait, self._wait_s("account " + account, self._limit, now))

    def _wait_s(self, key: str, limit: int, now: datetime) -> float:
        failures = self._failures.get(key, deque())
        while failures and now - failures[0] >= self._window:
            failures.popleft()
        if len(failures) < limit:
            return 0.0
        return max((failures[-limit] + self._window - now).total_seconds(), 0.0)

    def failed(self, account: str | None, address: str, now: datetime) -> None:
        """Count a failed log-in."""
        with self._lock:
            if len(self._failures) > _FORGET_ABOVE:
                self._failures = {k: f for k, f in self._failures.items() if f and now - f[-1] < self._window}
            for key in ["address " + address] + ([] if account is None else ["account " + account]):
                self._failures.setdefault(key, deque(maxlen=ADDRESS_FACTOR * self._limit)).append(now)

    def succeeded(self, account: str) -> None:
        """Forget the failures of an account whose owner has logged in."""
        with self._lock:
            self._failures.pop("account " + account, None)
