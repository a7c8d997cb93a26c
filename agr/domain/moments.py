"""What came of a moment of the market day."""

from dataclasses import dataclass
from enum import Enum


class MomentState(Enum):
    """What a moment's result means."""

    DONE = "done"
    LATE = "late"  # somebody else is
    MISSED = "missed"  # it passed without what it is for


@dataclass(frozen=True)
class Handled:
    """The result of a moment in words, and what it means."""

    result: str
    state: MomentState = MomentState.DONE
