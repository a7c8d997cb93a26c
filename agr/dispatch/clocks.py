"""Tells from the times that a station's messages bear whether its clock is right. Pure.

A message about a time that is to come is from a clock that is ahead. One about the past may also have waited while the
station was away. What waited is told in a burst that catches up with the present; a clock that is behind stays as far
behind as it is, however long one listens. Until it is known which of the two it is, what the station reports must wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

STEADY = timedelta(seconds=45)
"""Messages whose delays differ by no more than this count as equally late: they are not catching up. Back-ends
themselves hand messages on with up to half a minute of delay."""
LONG = timedelta(minutes=2)
"""Where messages have been equally late for this long, the station's clock is wrong."""


class Trust(Enum):
    """What is known of a clock."""

    RIGHT = "right"  # or nothing speaks against it
    AHEAD = "ahead"  # its last message came from the future
    DOUBTFUL = "doubtful"  # its last message is late: it may have waited, or the clock may be behind
    OFF = "off"


@dataclass
class StationClock:
    """What is known of one station's clock. `off`: how far it is behind ours, ahead where negative; None: right."""

    allowed: timedelta  # how far it may be off, in either direction
    off: timedelta | None = None
    _first: tuple[datetime, timedelta] | None = None  # when we heard the first message that was late by as much

    @property
    def trust(self) -> Trust:
        """What is known of it."""
        if self.off is not None:
            return Trust.OFF
        if self._first is None:
            return Trust.RIGHT
        return Trust.AHEAD if self._first[1] < timedelta(0) else Trust.DOUBTFUL

    @property
    def late(self) -> timedelta:
        """How far behind ours it seems to be, ahead where negative; 0 where it is right."""
        return self.off if self.off is not None else self._first[1] if self._first else timedelta(0)

    def told(self, at: datetime, heard: datetime) -> None:
        """Take the time that a message bears, and when we heard it."""
        late = heard - at
        if abs(late) <= self.allowed:
            self.off = self._first = None
        elif self.off is not None:
            self.off = late
        elif self._first is None or abs(late - self._first[1]) > STEADY:
            self._first = (heard, late)
        elif heard - self._first[0] >= LONG:
            self.off, self._first = late, None


def words_of(off: timedelta) -> str:
    """Return how far a clock is off, as it is kept: `3600 s behind`."""
    seconds = round(off.total_seconds())
    return f"{abs(seconds)} s {'behind' if seconds > 0 else 'ahead'}"


def off_of(words: str) -> timedelta:
    """Return how far behind a clock is, ahead where negative, from words that were kept."""
    seconds, _, side = words.partition(" s ")
    return timedelta(seconds=int(seconds) if side == "behind" else -int(seconds))
