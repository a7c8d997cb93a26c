"""Solves one problem for several cases that differ only in what rows allow: it is stated once.

Each solve goes on from the basis of the one before, so that it takes a tenth of the time.
Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import fields, is_dataclass, replace
from time import perf_counter

import numpy as np

from models.case import Case
from models.markets.protocols import Allowed, Restated
from models.objective import gross_eur
from models.outcome import Outcome, Termination
from models.reference.mip_search import search
from models.reference.problem import stated
from models.reference.reading import read_outcome
from models.reference.rounding import columns_of
from models.solver import Relaxation
from models.solver_log import SolverLog
from models.work_clock import now

_MAY_DIFFER = frozenset({
    ("orders", "least_kw"), ("orders", "most_kw"), ("intraday", "traded_kw"), ("reservations", "reserved_kw"),
    ("balancing_groups", "traded_kw"),
})  # fmt: skip
"""What two cases of one problem may differ in: nothing else is compared with what was stated."""


_INTERIOR = 50_000
"""From so many columns on the first case is solved by the interior-point method, which leaves a worse basis."""


class SameProblem:
    """Solves cases one after another. A case whose problem has other rows is stated, and is the one to go on from."""

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._stated: _Stated | None = None
        self.statements = 0

    def solve(self, case: Case, *, relative_gap: float, time_limit_s: float) -> Outcome | None:
        """Return the best program, proven to `relative_gap` of gross cost; None where there was no time for that.

        Raises SolverError if the solver fails for any other reason.
        """
        began, deadline, log = perf_counter(), now() + time_limit_s, SolverLog()
        allowed = None if self._stated is None else self._stated.allowed(case)
        if self._stated is None or allowed is None:
            self._stated, self.statements = _Stated(case, self._threads), self.statements + 1
        else:
            self._stated.allow(allowed)
        stated = self._stated
        found = search(
            stated.matrix, stated.problem.discrete,
            gross_eur=lambda values: gross_eur(stated.problem.terms, values), relative_gap=relative_gap,
            deadline=deadline, threads=self._threads, log=log, relaxation=stated.relaxation,
            interior_from=_INTERIOR, columns=stated.columns,
        )  # fmt: skip
        if found.x is None:
            return None
        outcome = read_outcome(case, stated.problem, stated.matrix, found, {"solve": perf_counter() - began})
        return outcome if outcome.termination is Termination.OPTIMAL else None


class _Stated:
    def __init__(self, case: Case, threads: int) -> None:
        self.problem, self.matrix = stated(case)
        self.relaxation = Relaxation(self.matrix, threads=threads)
        self.columns = columns_of(self.matrix, self.problem.discrete)
        self._case = case

    def allowed(self, case: Case) -> list[Allowed] | None:
        """Return what the rows allow in a case; None where its problem is another one."""
        if not _alike(self._case, case):
            return None
        found = [block.allowed(case) for block in self.problem.markets.values() if isinstance(block, Restated)]
        return None if any(one is None for one in found) else [one for one in found if one is not None]

    def allow(self, allowed: list[Allowed]) -> None:
        """Give rows and variables these bounds."""
        lower, upper, most = self.matrix.row_lower.copy(), self.matrix.row_upper.copy(), self.matrix.upper.copy()
        for one in allowed:
            rows, columns = self.matrix.rows_at(one.rows), self.matrix.columns(one.variables)
            lower[rows], upper[rows], most[columns] = one.lower, one.upper, one.most
        self.matrix = replace(self.matrix, row_lower=lower, row_upper=upper, upper=most)
        self.relaxation.restate(self.matrix)


def _alike(stated: object, case: object, name: str = "") -> bool:
    """Say whether two cases are the same but for what may differ."""
    for field in fields(stated):  # type: ignore[arg-type]
        before, now = getattr(stated, field.name), getattr(case, field.name)
        if before is now or (name, field.name) in _MAY_DIFFER:
            continue
        if is_dataclass(before) and type(before) is type(now):
            if not _alike(before, now, field.name):
                return False
        elif isinstance(before, np.ndarray) or isinstance(now, np.ndarray):
            if not np.array_equal(before, now, equal_nan=np.asarray(before).dtype.kind == "f"):
                return False
        elif before != now:
            return False
    return True
