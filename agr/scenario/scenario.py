"""A scenario: a question with everything needed to answer it. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from agr.domain.faults import number_of
from agr.domain.kinds import KINDS
from agr.domain.register import CongestionPoint, Register
from agr.scenario.description import Description
from agr.scenario.past import PastData

Floats = NDArray[np.float64]
Forecasts = Mapping[date, Mapping[tuple[str, str], Floats]]
"""Period → (resource, quantity) → (T,)."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scenario:
    """A question with everything needed to answer it."""

    name: str
    description: Description
    register: Register  # its forecasts are in `forecasts`
    points: tuple[CongestionPoint, ...]
    free_connections: tuple[str, ...]
    forecasts: Forecasts
    past: PastData = field(default_factory=PastData)  # what forecasts of our own are made from
    warnings: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)  # file → SHA-256
    changes: tuple[str, ...] = ()  # made with --set and --without

    def __repr__(self) -> str:
        """Return a summary in one line."""
        periods = self.description.periods()
        days = str(periods[0]) if len(periods) == 1 else f"{periods[0]}..{periods[-1]}"
        counts = ", ".join(
            f"{len(rows):,} {kind.table.replace('_', ' ')}" for kind in KINDS if (rows := self.register.of(kind.row))
        )
        changes = f"; changed: {', '.join(self.changes)}" if self.changes else ""
        return f"Scenario {self.name}: {days}, {number_of(self.resources, 'resource')} ({counts}){changes}"

    @property
    def resources(self) -> int:
        """The number of resources."""
        return len(self.register.resources)
