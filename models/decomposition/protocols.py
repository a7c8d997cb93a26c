"""What the algorithm is written against."""

from typing import Protocol

from models.decomposition.stopping import StopReason


class Steps(Protocol):
    """The steps of the decomposition for one case, with the best bound and program they have found so far.

    Money is what is minimised: cost in EUR. `DecompositionSteps` is the one that solves cases; tests script others.
    """

    def first_prices(self) -> bool:
        """Answer the first prices; say whether they are a sample's, nearly as good as those of a search."""
        ...

    def search_prices(self, *, rounds: int, aim_eur: float) -> None:
        """Raise the bound."""
        ...

    def generate_columns(self, *, rounds: int, first_step: float, enough_eur: float) -> None:
        """Collect answers that fit together, until the master's rough cost is within `enough_eur` of the bound."""
        ...

    def solve_master_lp(self, *, aim_eur: float) -> float | None:
        """Take the best mixture of all columns and return its cost, None where there is no answer."""
        ...

    def settle_indivisible(self, *, aim_eur: float) -> None:
        """Settle whole bids, runs and switched units, and mix all others anew around them."""
        ...

    def recover_program(self) -> None:
        """Make a program for every unit of the present mixture; keep the best so far."""
        ...

    def report(self) -> None:
        """Tell whoever listens of what has been found."""
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
        """Say so if the best program is within the gap asked for."""
        ...

    def interrupted(self) -> StopReason | None:
        """Say so if the time is over or the run was cancelled."""
        ...
