"""Leads, stands by or steps down: of several daemons on one store, only the leader acts."""

from collections.abc import Callable

import structlog

from agr.schedule.loop import Loop
from agr.store.leadership import Leadership

log = structlog.get_logger()

_ELECTION_S = 1.0


class Leader:
    """Whether this daemon leads. `resume` takes up the work in the store, `pause` puts it down, `wake` begins it."""

    def __init__(
        self, lease: Leadership, *, resume: Callable[[], None], pause: Callable[[], None], wake: Callable[[], None]
    ) -> None:
        self._lease, self._resume, self._pause, self._wake = lease, resume, pause, wake
        self.leading = False
        self._election = Loop("leadership", self.elect, pause_s=_ELECTION_S)

    def elect(self) -> None:
        """Lead, stand by or step down, depending on who leads on the store."""
        if self.leading and not self._lease.holds():
            self.leading = False
            self._pause()
            log.error("daemon.standby", why="the store no longer knows us as the leader")
        elif not self.leading and self._lease.take():
            try:
                self._resume()
            except BaseException:
                self._lease.release()
                raise
            self.leading = True
            self._wake()
            log.info("daemon.leading")

    def start(self) -> None:
        """Keep looking who leads, where others use the store too."""
        self._election.start()

    def stop(self, patience_s: float | None = None) -> None:
        """Look no longer."""
        self._election.stop(patience_s)
