"""A scenario: a question with everything that is needed to answer it. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds import KINDS
from agr.domain.register import CongestionPoint, Register
from agr.scenario.description import Description

Floats = NDArray[np.float64]
Forecasts = Mapping[date, Mapping[tuple[str, str], Floats]]
"""Period → (resource, quantity) → (T,)."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scenario:
    """A question with everything that is needed to answer it."""

    name: str
    description: Description
    register: Register  # its forecasts are in `forecasts`
    points: tuple[CongestionPoint, ...]
    free_connections: tuple[str, ...]
    forecasts: Forecasts
    warnings: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)  # file → SHA-256 of what was read
    changes: tuple[str, ...] = ()  # what was asked for with --set and --without

    def __repr__(self) -> str:
        """Return one line, not a million: what a notebook shows of it."""
        periods = self.description.periods()
        days = str(periods[0]) if len(periods) == 1 else f"{periods[0]}..{periods[-1]}"
        counts = ", ".join(
            f"{len(rows):,} {kind.table.replace('_', ' ')}" for kind in KINDS if (rows := self.register.of(kind.row))
        )
        changes = f"; changed: {', '.join(self.changes)}" if self.changes else ""
        return f"Scenario {self.name}: {days}, {self.resources:,} resources ({counts}){changes}"

    @property
    def resources(self) -> int:
        """How many resources it has."""
        return len(self.register.resources)
