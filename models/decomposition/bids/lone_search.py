"""Plans a portfolio of units that answer alone with whole bids: those that look best by what is known, one by one.

Source: docs/explanation/optimisation.md §3.10.
"""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np

from models.assembly import proven_eur
from models.case import Case, Floats
from models.decomposition.bids.lone_bids import LoneBids
from models.decomposition.bids.lone_case import is_lone
from models.decomposition.bids.surrogate import Surrogate, Tried
from models.decomposition.joint.connections import STORAGE
from models.decomposition.master.possible_bids import coarse
from models.decomposition.prices.grouping import may_hold
from models.decomposition.stopping import Interrupted
from models.decomposition.tuning import DEFAULT, Tuning
from models.outcome import Outcome, Termination
from models.resources.registry import BY_NAME, PRICED
from models.response import limited
from models.solver_log import SolverLog
from models.work_clock import now


def has_lone_bids(case: Case, tuning: Tuning = DEFAULT) -> bool:
    """Return whether bids are so coarse that wholeness matters, and held by more stores than patterns tell apart.

    Its units answer alone, see lone_case.is_lone.
    """
    return (
        bool(case.reserves) and coarse(case, tuning.bids.steps) and is_lone(case, tuning.lone)
        and int(may_hold(case, BY_NAME[STORAGE]).sum()) > tuning.bids.units
    )  # fmt: skip


def is_large_lone(case: Case, tuning: Tuning = DEFAULT) -> bool:
    """Return whether the interior-point method solves the whole with given bids sooner than HiGHS does.

    With a program announced, its programs lose more than they may: it lies between the corners of the problem, where
    stores charge and discharge at once.
    """
    cells = case.isps * sum(resource.count(case) for resource in PRICED)
    return case.anchor is None and cells >= tuning.lone.least_cells and is_lone(case, tuning.lone)


def is_fine_lone(case: Case, tuning: Tuning = DEFAULT) -> bool:
    """Return whether units answer alone and bids have many steps, if any: the whole is about one linear program.

    With a program announced it is left to the other methods, see is_large_lone.
    """
    return case.anchor is None and is_lone(case, tuning.lone) and not coarse(case, tuning.bids.steps)


def plan_lone_bids(
    case: Case,
    *,
    relative_gap: float,
    time_limit_s: float,
    threads: int,
    cancelled: Callable[[], bool] = lambda: False,
    better: Callable[[Outcome], None] = lambda _found: None,
    tuning: Tuning = DEFAULT,
) -> Outcome | None:
    """Return the best program found with whole bids, and the bound; None if none was found in time.

    Where nothing is free to be bid, that is one linear program. `better` is called with each better program, before it
    has a bound. Raises CaseError, SolverError.
    """
    began = perf_counter()
    stop = Interrupted(deadline_s=now() + time_limit_s, cancelled=cancelled)
    with limited(threads):
        search = _Search(case, relative_gap, stop, better, tuning)
        search.improve()
        return search.outcome(perf_counter() - began)


class _Search:
    """One search: the best outcome so far, and the best bound of the cost."""

    def __init__(
        self, case: Case, relative_gap: float, stop: Interrupted, better: Callable[[Outcome], None], tuning: Tuning
    ) -> None:  # fmt: skip
        self.relative_gap, self.stop, self.better, self.tuning = relative_gap, stop, better, tuning
        self.log = SolverLog()
        self.lone = LoneBids(case, relative_gap=relative_gap, log=self.log, interrupted=stop.reason, tuning=tuning)
        self.bound_eur = -np.inf
        self.best: Outcome | None = None

    def improve(self) -> None:
        """Try the bids that look best, until the gap is proven, nothing looks better, or so many were tried."""
        if self.lone.rows > self.tuning.lone.most_rows:
            self.log.say(f"whole LP: not solved, its {self.lone.rows} linking rows are too many")
            return
        if not len(self.lone.most):
            only = self.lone.best(np.zeros(0))
            if only is not None:
                self.bound_eur = only.bound_eur
                self._keep(only)
            return
        found = self.lone.any_bids()
        if found is None:
            return
        self.bound_eur = found.least_eur
        self.log.say(f"the whole with any bids: no program above {-self.bound_eur:.6f} EUR")
        if self.lone.fine:
            self._keep(self.lone.rounded())
        tried, nearest = list[Floats](), found.nearest()
        near = bool((np.abs(nearest - found.best) <= self.tuning.lone.nearly).all())
        bids = nearest if near else self._next(found, [found.best], [])
        for _ in range(self.tuning.lone.fine_tried if self.lone.fine else self.tuning.lone.most_tried):
            if bids is None or self._proven():
                return
            tried.append(bids)
            made = self.lone.best(bids)
            if made is None:
                return
            self._keep(made)
            if not made.follows(max(self.lone.gap_eur, self.tuning.lone.apart * self._open_eur())):
                self.log.say("programs lose what the whole LP earns by charging and discharging at once")
                return
            found.tell(bids, made)
            beside = found.beside(tried)
            if beside is not None:
                bids = beside
            elif found.held is None and not any(np.array_equal(made.held, one) for one in tried):
                bids = made.held  # what could not be held is lowered first: prices say little about that
            else:
                bids = self._next(found, [found.best, bids], tried)

    def _next(self, found: Surrogate, starts: list[Floats], tried: list[Floats]) -> Floats | None:
        """Return the bids that look best; None where they look no better than the best program."""
        proposed = found.next(starts, tried)
        if proposed is None or (self.best is not None and -proposed[1] <= self.best.objective_eur):
            return None
        return proposed[0]

    def _keep(self, made: Tried | None) -> None:
        if made is None:
            return
        self.log.say(f"the whole with these bids: worth {made.outcome.objective_eur:.6f} EUR")
        if self.best is None or made.outcome.objective_eur > self.best.objective_eur:
            self.best = made.outcome
            self.better(replace(made.outcome, bound_eur=np.inf, gap_eur=np.inf, termination=Termination.TIME_LIMIT))

    def _proven(self) -> bool:
        best = self.best
        return best is not None and self._open_eur() <= self.relative_gap * best.gross_cost_eur

    def _open_eur(self) -> float:
        return np.inf if self.best is None else -self.bound_eur - self.best.objective_eur

    def outcome(self, seconds: float) -> Outcome | None:
        """Return the best outcome with the bound; None without a program."""
        best = self.best
        if best is None:
            return None
        bound = proven_eur(-self.bound_eur, objective_eur=best.objective_eur, gross_cost_eur=best.gross_cost_eur)
        unfinished = Termination.GAP_OPEN if self.stop.reason() is None else Termination.TIME_LIMIT
        return replace(
            best, bound_eur=bound, gap_eur=bound - best.objective_eur,
            termination=Termination.OPTIMAL if self._proven() else unfinished, solver=f"whole bids, {best.solver}",
            seconds={"whole bids": seconds}, log=self.log.lines(),
        )  # fmt: skip
