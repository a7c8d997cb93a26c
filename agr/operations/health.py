"""Whether the service is alive, and whether it can work. Names parts, gives away no secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agr.domain.errors import StoreError
from agr.store import change_counters
from agr.store.engine import Store


@dataclass(frozen=True, kw_only=True)
class Health:
    """Named checks: each returns whether its part works."""

    store: Store
    parts: Mapping[str, Callable[[], bool]]  # threads and servers that must run

    def dead(self) -> list[str]:
        """Return the parts that have stopped: only a restart helps."""
        return [name for name, runs in self.parts.items() if not runs()]

    def unready(self) -> list[str]:
        """Return what keeps the service from working now.

        A store that can still be read but not written, on a full disk, is no use either.
        """
        found = self.dead()
        if self.store.trouble is not None:
            return [*found, "store"]
        try:
            with self.store.transaction() as tx:
                change_counters.answers(tx)
        except StoreError:
            found.append("store")
        return found
