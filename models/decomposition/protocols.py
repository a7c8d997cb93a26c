"""The interface that the algorithm is written against."""

from typing import Protocol

from models.decomposition.stopping import StopReason


class Steps(Protocol):
    """The steps of the decomposition for one case, with the best bound and program so far.

    All money is cost in EUR, which is minimised. `DecompositionSteps` (steps.py) solves cases; tests script others.
    `aim_eur` is the gap that the next mixture aims at; of it, each step tolerates a share of its own (tuning.py).
    """

    def first_prices(self) -> bool:
        """Answer the first prices; return whether they come from a sample, nearly as good as those of a search."""
        ...

    def search_prices(self, *, rounds: int, aim_eur: float) -> None:
        """Raise the bound in at most `rounds` rounds; fewer where recent ones gain too little.

        Too little is at most `Search.little` times `aim_eur` in `Search.patience` rounds.
        """
        ...

    def commit_bids(self, *, aim_eur: float) -> None:
        """Fix whole bids, which few steps make coarse, at the best pattern for the best prices; count it in the bound.

        The pattern is within `WholeBids.gap` times `aim_eur` of the best one at these prices, if there is time.
        """
        ...

    def generate_columns(self, *, rounds: int, first_step: float, enough_eur: float) -> None:
        """Add columns that fit together until the master's rough cost is within `enough_eur` of the bound."""
        ...

    def solve_master_lp(self, *, aim_eur: float) -> float | None:
        """Take the best mixture of the columns and return its cost; None where there is no answer, or no time is left.

        Its cost is within `MasterLp.gap` times `aim_eur` of the best.
        """
        ...

    def settle_indivisible(self, *, aim_eur: float) -> None:
        """Settle runs and switched units, and mix all other groups anew around them.

        A pass over switched units that gains at most `Recovery.descent_gain` times `aim_eur` is the last.
        """
        ...

    def recover_program(self) -> None:
        """Make a program for every unit from the present mixture, and keep the best so far.

        Groups that were settled may move again afterwards; committed bids that cannot be held are lowered before.
        """
        ...

    def report(self) -> None:
        """Report the last round, which was held back, with the value found since."""
        ...

    def bound_eur(self) -> float:
        """Return the best proven lower bound of the cost."""
        ...

    def gross_cost_eur(self) -> float:
        """Return a cautious estimate of gross cost, Σ |term|."""
        ...

    def has_program(self) -> bool:
        """Say whether a program was recovered."""
        ...

    def proven(self, relative_gap: float) -> StopReason | None:
        """Return the reason to stop if the best program is proven to be within a gap, a share of gross cost."""
        ...

    def interrupted(self) -> StopReason | None:
        """Return the reason to stop if the time is over or the run was cancelled."""
        ...
