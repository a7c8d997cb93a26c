"""What the market day asks of packages beside it: the e-programs and the history, whoever keeps them."""

from datetime import datetime
from typing import Protocol

from agr.domain.isp import Period
from agr.domain.moments import Handled
from agr.store.engine import Tx


class BrpGates(Protocol):
    """E-programs at their gates."""

    def gate(self, period: Period, name: str) -> Handled:
        """Report at the gate of the BRP `name` whether it has accepted its e-program."""
        ...

    def end_alarms(self, tx: Tx, period: Period, at: datetime) -> None:
        """End what is open about e-programs of a Period that is past, and of earlier ones."""
        ...


class PastDays(Protocol):
    """What Periods that are over have earned."""

    def keep(self, period: Period) -> str:
        """Keep what a Period that is over earned; return why that cannot be, empty where it can."""
        ...
