"""Figures that a benchmark is to reach, and whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """A figure, and between what it should lie."""

    name: str
    reached: float
    least: float = -np.inf
    most: float = np.inf

    @property
    def met(self) -> bool:
        """Whether the figure is reached."""
        return self.least <= self.reached <= self.most

    @property
    def wanted(self) -> str:
        """The target in words."""
        if np.isinf(self.least):
            return f"<= {self.most:g}"
        return f">= {self.least:g}" if np.isinf(self.most) else f"{self.least:g} to {self.most:g}"


def show(goals: Sequence[Goal], console: Console | None = None) -> None:
    """Print figures, targets, and which are met."""
    table = Table(title="Figures to reach", title_justify="left")
    for column in ("figure", "reached", "target", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for goal in goals:
        shown = f"{goal.reached:.3f}" if goal.reached < 10 else f"{goal.reached:.1f}"
        table.add_row(goal.name, shown, goal.wanted, "met" if goal.met else "NOT met")
    (console or Console()).print(table)
