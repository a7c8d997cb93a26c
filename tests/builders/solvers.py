"""A solver that nobody may ask: tests replace what they ask."""

from collections.abc import Callable
from typing import Any

from agr.planning.progress import RoundProgress
from agr.planning.solving import Solution
from models.case import Case


class Unasked:
    """Whatever of a solver a test does not expect to be asked fails."""

    def within(self, _budget_s: float) -> Any:
        return self

    def solve(self, case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        raise AssertionError("no case is solved here")

    def go_on(self, earlier: Any, case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        raise AssertionError("no plan is gone on with here")

    def solve_part(self, before: Case, case: Case) -> Solution:
        raise AssertionError("no part is planned here")

    def call_again(self, case: Case, kept: Any, bids_mw: Any) -> Any:
        raise AssertionError("no program is called again here")

    def price(self, question: Any) -> Any:
        raise AssertionError("no offer is priced here")
