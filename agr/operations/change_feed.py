"""Notices what has changed since the page was drawn. It reads the store, because other processes write there too."""

import time
from threading import Lock

from agr.planning.progress import PlanningProgress
from agr.store import change_counters
from agr.store.engine import Store

LOOK_EVERY_S = 1.0


class ChangeFeed:
    """Counts changes by topic; a reader compares two snapshots. Thread-safe; idle while nobody reads."""

    def __init__(self, store: Store, progress: PlanningProgress) -> None:
        self._store = store
        self._lock = Lock()
        self._seen: dict[str, object] = {}
        self._versions: dict[str, int] = {"progress": 0}
        self._readers = 0
        self._looked = 0.0
        self.closed = False
        progress.listeners.append(lambda: self._changed("progress"))

    def look(self) -> bool:
        """Compare the store with what was last seen, at most once a second; False: there is nothing more to do now."""
        if self._readers == 0 or time.monotonic() - self._looked < LOOK_EVERY_S:
            return False
        self._looked = time.monotonic()
        with self._store.transaction() as tx:
            found = change_counters.beat(tx)
        for topic, value in found.items():
            if self._seen.get(topic, value) != value:
                self._changed(topic)
            self._seen[topic] = value
        return False

    def _changed(self, topic: str) -> None:
        with self._lock:
            self._versions[topic] = self._versions.get(topic, 0) + 1

    def snapshot(self) -> dict[str, int]:
        """Return topic → number of changes seen."""
        with self._lock:
            return dict(self._versions)

    def enter(self) -> None:
        """Count a reader in."""
        with self._lock:
            self._readers += 1

    def leave(self) -> None:
        """Count a reader out."""
        with self._lock:
            self._readers -= 1
