"""The interface that the algorithm is written against."""

from typing import Protocol

from models.decomposition.stopping import StopReason


class Steps(Protocol):
    """The steps of the decomposition for one case, with the best bound and program so far.

    All money is cost in EUR, which is minimised. `DecompositionSteps` solves cases; tests use scripted steps.
    """

    def first_prices(self) -> bool:
        """Answer the first prices; return whether they come from a sample, nearly as good as those of a search."""
        ...

    def search_prices(self, *, rounds: int, aim_eur: float) -> None:
        """Raise the bound by at most `rounds` rounds, fewer once they gain little of `aim_eur`."""
        ...

    def generate_columns(self, *, rounds: int, first_step: float, enough_eur: float) -> None:
        """Add columns that fit together until the master's rough cost is within `enough_eur` of the bound."""
        ...

    def solve_master_lp(self, *, aim_eur: float) -> float | None:
        """Take the best mixture of all columns, to within `aim_eur`, and return its cost; None without one."""
        ...

    def settle_indivisible(self, *, aim_eur: float) -> None:
        """Settle whole bids, runs and switched units, and mix all other groups anew around them."""
        ...

    def recover_program(self) -> None:
        """Make a program for every unit from the present mixture, and keep the best so far."""
        ...

    def report(self) -> None:
        """Report the result so far."""
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

    def proven(self) -> StopReason | None:
        """Return the reason to stop if the best program is proven to be within the gap asked for."""
        ...

    def interrupted(self) -> StopReason | None:
        """Return the reason to stop if the time is over or the run was cancelled."""
        ...
