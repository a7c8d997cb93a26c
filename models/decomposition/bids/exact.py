"""Plans small portfolios with whole bids: a pattern of bids at good prices, then the whole problem with these bids.

With its bids fixed, the reference formulation solves the rest exactly in seconds. Its prices may give a better bound
and a better pattern, which is tried next. Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from time import perf_counter

import numpy as np

from models.assembly import proven_eur
from models.case import Case, Floats
from models.decomposition.bids.fixed_bids import NO_MW, FixedBids
from models.decomposition.bids.known_prices import NO_PRICE, evened, prices_of
from models.decomposition.bids.lone_bids import LoneBids
from models.decomposition.bids.lone_search import is_large_lone
from models.decomposition.bids.pattern import Pattern, PatternSearch, PricedGroups
from models.decomposition.master.possible_bids import coarse
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import group_units, may_hold
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.proximal_bundle import search_prices
from models.decomposition.prices.search_state import first_state
from models.decomposition.stopping import Interrupted
from models.decomposition.tuning import DEFAULT, Tuning
from models.errors import ProofError, SolverError
from models.outcome import Outcome, Termination
from models.reference.problem import solve as reference
from models.resources.registry import PRICED
from models.response import limited
from models.solver_log import SolverLog
from models.work_clock import now


def has_whole_bids(case: Case) -> bool:
    """Return whether a case has free bids with so few steps that wholeness matters, and few units to hold them."""
    return _few_may_hold(case) and coarse(case, DEFAULT.bids.steps)


def awarded_to_few(case: Case) -> bool:
    """Return whether few units hold what was awarded: a mixture of their answers seldom does, and its bound is poor."""
    return awarded(case) and _few_may_hold(case)


def awarded(case: Case) -> bool:
    """Return whether any balancing capacity was awarded."""
    return any(bool((np.nan_to_num(product.committed_mw) > 0).any()) for product in case.reserves)


def _few_may_hold(case: Case) -> bool:
    return case.remainder is None and 0 < holders(case) <= DEFAULT.bids.few_holders


def holders(case: Case) -> int:
    """Return how many units may hold reserve."""
    return sum(int(may_hold(case, resource).sum()) for resource in PRICED)


def plan_whole_bids(
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

    `better` is called with each better program, before it has a bound. The search is meant for some thousand units at
    most. Raises CaseError, SolverError.
    """
    began = perf_counter()
    stop = Interrupted(deadline_s=now() + time_limit_s, cancelled=cancelled)
    with limited(threads):
        run = _Run(case, relative_gap, threads, tuning, stop, better)
        try:
            run.improve()
        except SolverError as error:
            if run.best is None or isinstance(error, ProofError):
                raise
            run.log.say(f"no further pattern: {error}")
        return run.outcome(perf_counter() - began)


class _Run:
    """One run: the best outcome so far, and the best bound of the cost."""

    def __init__(
        self, case: Case, relative_gap: float, threads: int, tuning: Tuning, stop: Interrupted,
        better: Callable[[Outcome], None],
    ) -> None:  # fmt: skip
        self.better = better
        self.case, self.relative_gap, self.threads, self.tuning, self.stop = case, relative_gap, threads, tuning, stop
        self.log = SolverLog()
        self.grouping = group_units(case, tuning.pool.unpriced_groups, alone=True)
        self.master, self.pricing = RestrictedMaster(case, self.grouping, tuning), LocalPricing(case, self.grouping)
        self.bound_eur = -np.inf
        self.best: Outcome | None = None
        self.bounded = self.calls_cost = False
        self.lone = LoneBids(
            case, relative_gap=relative_gap, log=self.log, interrupted=stop.reason, tuning=tuning
        ) if is_large_lone(case, tuning) else None  # fmt: skip

    @cached_property
    def whole(self) -> FixedBids:
        """The whole problem, stated once. Planned programs come first where no call had a price without capacity."""
        return FixedBids(self.case, threads=self.threads, log=self.log, apart=not self.calls_cost)

    def _first_prices(self) -> DualPrices:
        """Return prices of energy, found as if there were no balancing capacity."""
        case = replace(self.case, reserves=(), start=None)
        grouping = group_units(case, self.tuning.pool.unpriced_groups, alone=True)
        master, pricing = RestrictedMaster(case, grouping, self.tuning), LocalPricing(case, grouping)
        state = first_state(master, pricing)
        why = search_prices(
            master, pricing, state, aim_eur=self.relative_gap * max(master.gross(), 1e-9),
            rounds=self.tuning.cycles.search_rounds, patience=self.tuning.search.patience, tuning=self.tuning.search,
            interrupted=self.stop.reason,
        )  # fmt: skip
        self.log.say(f"prices without balancing capacity: no program above {-state.bound_eur:.6f} EUR; {why.value}")
        self.calls_cost = bool((np.abs(state.centre.call) > NO_PRICE).any())
        none = np.zeros((len(self.case.reserves), case.isps))
        return replace(state.centre, reserve=none, called=none.copy())

    def improve(self) -> None:
        """Try patterns at all prices known so far, those of each program found among them, until the gap is proven.

        The first one is found for all holders as one unit of a class: it has no bound, but is quick and mostly good.
        Where more hold reserve than patterns tell apart, wholeness costs little: there the first one is what is nearest
        to the best bids that need not be whole, and the bound is theirs.
        """
        patterns, known = PatternSearch(self.master, self.tuning.bids), [self._priced(self._first_prices())]
        tried: list[Floats] = []
        if holders(self.case) > self.tuning.bids.units:
            nearest = self._bound_with_any_bids()
            if nearest.any():
                tried.append(nearest)
                self._know(known, self._try(nearest))
        for _ in range(self.tuning.bids.patterns):
            if self._proven():
                return
            found = self._pattern(patterns, known, self.tuning.bids.units if tried else 0)
            if found.bids_mw is None or not self._worth_trying(found.bids_mw, found.cost_eur, tried):
                break
            tried.append(found.bids_mw)
            self._know(known, self._try(found.bids_mw))
            if self.best is None or self.stop.reason():
                break
        if self.best is not None and not self._proven() and not self.stop.reason():
            self._bound_with_any_bids()

    def _know(self, known: list[PricedGroups], made: Outcome | None) -> None:
        known += [] if made is None else [self._priced(prices_of(self.master, made))]

    def _bound_with_any_bids(self) -> Floats:
        """Let the bound count, once, that the whole has with bids that need not be whole.

        Return the nearest whole ones (P,), zero where there was no time.
        """
        result = np.zeros(len(self.master.free.price))
        if self.bounded:
            return result
        self.bounded = True
        estimate = None if self.lone is None else self.lone.any_bids()
        if self.lone is not None and estimate is not None:
            self.bound_eur = max(self.bound_eur, estimate.least_eur)
            result[self.master.bidding] = estimate.nearest() * self.lone.step_mw
            return result
        found = self.whole.with_any(time_left_s=self.stop.left_s())
        self.log.say(f"the whole with any bids: no program above {-found.bound_eur:.6f} EUR")
        self.bound_eur = max(self.bound_eur, found.bound_eur)
        result[self.master.bidding] = [found.nearest.get(bid, 0.0) for bid in self.master.bids]
        return result

    def _pattern(self, patterns: PatternSearch, known: list[PricedGroups], most: int) -> Pattern:
        """Return the best pattern for at most `most` units that stand for all holders; its bound counts from now on."""
        found = patterns.best(
            known, most=most, gap_eur=self._gap_eur(), time_left_s=self.stop.left_s(), threads=self.threads,
            log=self.log,
        )  # fmt: skip
        self.bound_eur = max(self.bound_eur, found.bound_eur)
        self.log.say(f"pattern of whole bids: no program above {-found.bound_eur:.6f} EUR")
        return found

    def _worth_trying(self, bids_mw: Floats, cost_eur: float, tried: list[Floats]) -> bool:
        """Return whether a pattern of least cost is new and may be better than the best program."""
        if self.stop.reason() or self._proven():
            return False
        worse = self.best is not None and -cost_eur <= self.best.objective_eur
        return not worse and not any(np.array_equal(bids_mw, bids) for bids in tried)

    def _priced(self, found: DualPrices) -> PricedGroups:
        prices = evened(self.master, found)
        return PricedGroups(prices=prices, groups_eur=self.pricing.respond(prices.scenario()).bound_eur)

    def _gap_eur(self) -> float:
        gross = self.master.gross() if self.best is None else self.best.gross_cost_eur
        return self.relative_gap * max(gross, 1e-9)

    def _proven(self) -> bool:
        return self.best is not None and -self.bound_eur - self.best.objective_eur <= self._gap_eur()

    def _try(self, bids_mw: Floats) -> Outcome | None:
        """Solve the whole with these bids (P,), lowered by steps while they cannot be held; keep the best program.

        Return the last program; None if time ran out before there was one.
        """
        found: Outcome | None = None
        for _ in range(self.tuning.bids.repairs):
            made = self._with(bids_mw)
            if made.termination is Termination.NO_PROGRAM:
                break
            found = made
            short = self._short(made)
            if not short.any():
                self.log.say(f"the whole with these bids: worth {made.objective_eur:.6f} EUR")
                if self.best is None or made.objective_eur > self.best.objective_eur:
                    self.best = made
                    self.better(replace(made, bound_eur=np.inf, gap_eur=np.inf, termination=Termination.TIME_LIMIT))
                break
            bids_mw = self._lowered(bids_mw, short)
            self.log.say("bids that cannot be held are lowered")
        return found

    def _named(self, bids_mw: Floats) -> dict[tuple[int, int], float]:
        return dict(zip(self.master.bids, bids_mw[self.master.bidding].tolist(), strict=True))

    def _with(self, bids_mw: Floats) -> Outcome:
        """Return the best program with these bids (P,)."""
        if self.lone is not None:
            tried = self.lone.best(np.round(bids_mw[self.master.bidding] / self.lone.step_mw))
            if tried is not None and tried.follows(self.lone.gap_eur):
                return tried.outcome
            self.lone = None
        if self.whole.simple and self.whole.knows(bids := self._named(bids_mw)):
            gap = self.tuning.bids.gap * self.relative_gap
            made = self.whole.best(bids, relative_gap=gap, time_left_s=self.stop.left_s())
            if made is not None and (made.termination is Termination.OPTIMAL or self._short(made).any()):
                return made
        reserves = []
        for r, product in enumerate(self.case.reserves):
            fixed = product.committed_mw.astype(np.float64)
            fixed[np.isnan(fixed)] = 0.0
            for p, (of, block) in enumerate(self.master.bids, start=self.master.products):
                if of == r:
                    fixed[block] = bids_mw[p]
            reserves.append(replace(product, committed_mw=fixed))
        return reference(
            replace(self.case, reserves=tuple(reserves)), relative_gap=self.tuning.bids.gap * self.relative_gap,
            time_limit_s=self.stop.left_s(), threads=self.threads,
        )  # fmt: skip

    def _short(self, found: Outcome) -> Floats:
        """Return the most that each free bid (P,) lacks in any ISP, MW."""
        result = np.zeros(len(self.master.free.price))
        for p, (r, block) in enumerate(self.master.bids, start=self.master.products):
            missing = found.reserve_shortfall_mw[r, self.case.reserves[r].block == block]
            result[p] = np.where(missing > NO_MW, missing, 0.0).max(initial=0.0)
        return result

    def _lowered(self, bids_mw: Floats, short_mw: Floats) -> Floats:
        result = bids_mw.copy()
        for p, (r, _) in enumerate(self.master.bids, start=self.master.products):
            product = self.case.reserves[r]
            if short_mw[p] > 0:
                lower = bids_mw[p] - np.ceil(short_mw[p] / product.step_mw) * product.step_mw
                result[p] = lower if lower >= max(product.minimum_mw, product.step_mw) - 1e-9 else 0.0
        return result

    def outcome(self, seconds: float) -> Outcome | None:
        """Return the best outcome with the bound; None without a program."""
        if self.best is None:
            return None
        bound = proven_eur(
            -self.bound_eur, objective_eur=self.best.objective_eur, gross_cost_eur=self.best.gross_cost_eur
        )
        late = self.stop.reason() is not None
        return replace(
            self.best,
            bound_eur=bound,
            gap_eur=bound - self.best.objective_eur,
            termination=Termination.OPTIMAL if self._proven() else _unfinished(late=late),
            solver=f"whole bids, {self.best.solver}",
            seconds={"whole bids": seconds},
            log=(*self.log.lines(), *self.best.log),
        )


def _unfinished(*, late: bool) -> Termination:
    return Termination.TIME_LIMIT if late else Termination.GAP_OPEN
