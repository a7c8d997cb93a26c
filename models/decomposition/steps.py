"""Carries out the steps of the algorithm for one case, and records their results."""

from dataclasses import replace
from functools import partial

import numpy as np

from models.assembly import assemble
from models.case import Bools, Case
from models.decomposition.bids.commitment import BidCommitment
from models.decomposition.master.master_lp import Mixture, solve_master_lp
from models.decomposition.master.price_steps import joint_share
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.column_generation import generate_columns
from models.decomposition.prices.congestion_point_prices import search_point_prices
from models.decomposition.prices.dual_prices import DualPrices, carried, duals, shadow
from models.decomposition.prices.grouping import Grouping
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.proximal_bundle import search_prices
from models.decomposition.prices.sampling import prices_of, sampled
from models.decomposition.prices.search_state import first_state, limits_at_centre
from models.decomposition.primal.convex_combination import (
    BatchChoices,
    CombinedPrograms,
    choose_programs,
    combine,
    of_connections,
    settle_choices,
    used_rounds,
)
from models.decomposition.primal.coordinate_descent import descend
from models.decomposition.primal.needless_breaches import to_mend
from models.decomposition.primal.recovery import Recovered, complete
from models.decomposition.primal.whole_answers import Answers, settle_whole_answers
from models.decomposition.progress import Round, SearchProgress
from models.decomposition.stopping import Interrupted, Proven, StopReason
from models.decomposition.tuning import Tuning
from models.decomposition.whole.search import whole_programs
from models.errors import SolverError
from models.outcome import Outcome, Termination
from models.solver import version
from models.solver_log import LATE

_TERMINATION = dict.fromkeys((StopReason.TIME_LIMIT, StopReason.CANCELLED), Termination.TIME_LIMIT)
_TERMINATION[StopReason.PROVEN] = Termination.OPTIMAL
"""The termination of an outcome by the reason to stop; all other reasons leave the gap open, and would do so again."""


class DecompositionSteps:
    """The steps for one case, with the best program and bound so far."""

    def __init__(
        self,
        case: Case,
        grouping: Grouping,
        pricing: Pricing,
        *,
        relative_gap: float,
        threads: int,
        tuning: Tuning,
        stop: Interrupted,
        progress: SearchProgress,
    ) -> None:
        self.case, self.grouping, self.pricing, self.tuning = case, grouping, pricing, tuning
        self.relative_gap, self.threads, self.progress, self._stop = relative_gap, threads, progress, stop
        self.master = RestrictedMaster(case, grouping, tuning)
        self.best: Recovered | None = None
        self.choices: BatchChoices = {}
        self.whole: dict[int, Answers] = {}
        self.bids = BidCommitment(self.master, tuning.bids)
        self._late = self._sampled = False
        self._say = progress.log.say

    def first_prices(self) -> bool:
        """Answer the first prices, from a sample of a large portfolio, an earlier plan, or the markets."""
        with self.progress.timed("sample"):
            sample = sampled(self.case, self.grouping, self.tuning.sampling)
            prices: DualPrices | None = None
            self._sampled = sample is not None
            if sample is not None:
                count = len(sample.priced_points)
                self._say(f"prices begin on a sample: {sample.share:.3%} of the units, {count} priced points")
                prices = prices_of(
                    sample, self.case, self.grouping, relative_gap=self.relative_gap, tuning=self.tuning,
                    interrupted=self._stop.reason,
                )  # fmt: skip
            elif self.case.start is not None:
                prices = carried(self.case.start, self.grouping)
        with self.progress.timed("search"):
            self.state = first_state(self.master, self.pricing, prices)
            self._report_now()
            if sample is not None:
                points, slight = self.tuning.points, self.tuning.joint.slight if self.grouping.joint else 0.0
                why = search_point_prices(
                    self.master, self.pricing, self.state, points=points, search=self.tuning.search, slight=slight,
                    aim_eur=points.aim * self.relative_gap * max(self.master.gross(), 1e-9), rounds=points.rounds,
                    patience=points.patience, after=self._report_now, interrupted=self.interrupted,
                )  # fmt: skip
                self._say(f"search of priced points ended: {why.value}")
            elif not self.bids.needed:
                for programs in whole_programs(
                    self.master, self.pricing, self.state, relative_gap=self.relative_gap, tuning=self.tuning.whole,
                    interrupted=self.interrupted, say=self._say,
                ):  # fmt: skip
                    self._keep(of_connections(self.case, self.grouping, programs))
                    self._report_now()
                    if self.proven(self.relative_gap):
                        break
        return sample is not None

    def search_prices(self, *, rounds: int, aim_eur: float) -> None:
        """Search prices to raise the bound."""
        tuning, slight = self.tuning.search, 0.0
        if self.grouping.joint:
            slight = self.tuning.joint.slight
            balance, points, reserve, limits = tuning.steps
            reserve *= 1.0 - (1.0 - self.tuning.joint.reserve_step) * joint_share(self.case, self.grouping)
            tuning = replace(tuning, steps=(balance, points, reserve, limits))
        with self.progress.timed("search"):
            why = search_prices(
                self.master, self.pricing, self.state, aim_eur=aim_eur, rounds=rounds, patience=tuning.patience,
                tuning=tuning, after=self._report_now, interrupted=self.interrupted, slight=slight,
            )  # fmt: skip
        self._say(f"search ended: {why.value}")

    def commit_bids(self, *, aim_eur: float) -> None:
        """Commit the best whole bids at the centre's prices, where bids are coarse: a pattern or those of a mixture."""
        if not self.bids.needed:
            return
        with self.progress.timed("bids"):
            self.bids.propose(
                self.pricing, self.state, gap_eur=aim_eur, time_left_s=self._left_s(), threads=self.threads,
                log=self.progress.log,
            )  # fmt: skip
        if self.bids.wants_mixture and not self._sampled:
            cycles = self.tuning.cycles
            self.generate_columns(rounds=cycles.generation_rounds, first_step=cycles.first_step, enough_eur=0.0)
            if self._mixture(aim_eur) is not None:
                self.bids.propose_mixture()
        self.bids.commit(self.state)

    def generate_columns(self, *, rounds: int, first_step: float, enough_eur: float) -> None:
        """Add columns that fit together."""
        with self.progress.timed("generate"):
            why = generate_columns(
                self.master, self.pricing, self.state, rounds=rounds, first_step=first_step, enough_eur=enough_eur,
                tuning=self.tuning.generation, after=lambda: self.progress.hold_back(self._round()),
                interrupted=self.interrupted,
            )  # fmt: skip
        self._say(f"generation ended: {why.value}")

    def solve_master_lp(self, *, aim_eur: float) -> float | None:
        """Take the best mixture of all columns and return its cost; None if there is no answer."""
        mixture = self._mixture(aim_eur)
        return None if mixture is None else mixture.cost_eur

    def settle_indivisible(self, *, aim_eur: float) -> None:
        """Settle the programs of units that cannot mix; generate columns, and mix the others again."""
        weights, prices = used_rounds(self.master), self.state.prices
        self.choices = self._new_choices()
        self.whole = settle_whole_answers(
            self.case, self.grouping, self.pricing, self.master, weights, prices, self.whole
        )  # fmt: skip
        if not self.whole and not self.choices:
            return
        settle_choices(self.case, self.grouping, self.master, self.choices)
        descend(
            self.case, self.grouping, self.master, self.choices, self.state.centre.balance, aim_eur=aim_eur,
            tuning=self.tuning.recovery, interrupted=self.interrupted,
        )  # fmt: skip
        if not self.interrupted():
            cycles, enough_eur = self.tuning.cycles, self.tuning.cycles.close * self.relative_gap * self.master.gross()
            self.generate_columns(rounds=cycles.least_rounds, first_step=cycles.later_step, enough_eur=enough_eur)
            self._mixture(aim_eur)

    def recover_program(self) -> None:
        """Recover programs from the present mixture, keep the best ones, and release what was settled."""
        aim_eur = self.tuning.cycles.close * self.relative_gap * max(self.master.gross(), 1e-9)
        tuning, wide = self.tuning.recovery, None
        for mends in range(tuning.mends + 1):
            self.bids.fit(mix=partial(self._mixture, aim_eur, wide), interrupted=self.interrupted, say=self._say)
            with self.progress.timed("recover"):
                weights, prices = used_rounds(self.master), self.state.prices
                choices = self.choices if self.master.groups.settled.any() else self._new_choices()
                found = self._keep(
                    combine(self.case, self.grouping, self.pricing, weights, prices, choices, self.whole)
                )
            if mends == tuning.mends or found is not self.best or self.interrupted():
                break
            wide = to_mend(self.master, self.pricing, self.state, found, tuning=tuning, ask=mends > 0, say=self._say)
            if wide is None or self._mixture(aim_eur, wide) is None:
                break
        self.master.free_again()

    def _keep(self, combined: list[CombinedPrograms]) -> Recovered:
        """Complete programs, and keep them if they are the best so far."""
        found = complete(self.case, combined, self.master.bids_mw())
        self._say(f"programs made of the mixture: worth {found.objective_eur:.6f} EUR")
        if self.best is None or found.objective_eur > self.best.objective_eur:
            self.best = found
        return found

    def report(self) -> None:
        """Report the round held back, with the value found since."""
        self.progress.report_held(self._round())

    def bound_eur(self) -> float:
        """Return the best proven lower bound of the cost."""
        return self.bids.bound_eur(self.state)

    def gross_cost_eur(self) -> float:
        """Return the master's cautious estimate of gross cost."""
        return self.master.gross()

    def has_program(self) -> bool:
        """Say whether a program was recovered."""
        return self.best is not None

    def proven(self, relative_gap: float) -> StopReason | None:
        """Return the reason to stop if the best program is proven to be within a gap, a share of gross cost."""
        if self.best is None:
            return None
        return Proven(relative_gap=relative_gap).reason(
            bound_eur=-self.bound_eur(), value_eur=self.best.objective_eur, gross_cost_eur=self.best.gross_cost_eur
        )

    def interrupted(self) -> StopReason | None:
        """Return the reason to stop if the time is over, which is logged once, or if the run was cancelled."""
        reason = self._stop.reason(unkept=self._unkept())
        if reason is StopReason.TIME_LIMIT and not self._late:
            self._late = True
            self._say(f"{LATE} after {self.state.rounds} rounds")
        return reason

    def outcome(self, why: StopReason) -> Outcome:
        """Return the best outcome with the bound, prices and times of the run; no step may follow.

        Raises SolverError where no program was made.
        """
        if self.best is None:
            raise SolverError("no program was made; keep the case and report it as a bug")
        self._say(f"ended: {why.value}")
        bound_eur, centre = self.bound_eur(), self.state.centre
        released_eur, gap_eur = self.bids.release_eur(self.pricing, self.state), -bound_eur - self.best.objective_eur
        limits = limits_at_centre(self.master, self.pricing, self.state, gap_eur=gap_eur)
        del self.master, self.bids  # its columns take more memory than the outcome
        with self.progress.timed("recover"):
            outcome = assemble(
                self.case, self.best.answer(), shadow(self.case, self.grouping, centre, limits),
                termination=_TERMINATION.get(why, Termination.GAP_OPEN), bound_eur=-bound_eur,
                solver=f"decomposition, {version()}", seconds={},
            )  # fmt: skip
        return replace(
            outcome, seconds=dict(self.progress.seconds), log=self.progress.log.lines(),
            duals=duals(self.case, self.grouping, centre, -released_eur),
        )  # fmt: skip

    def _unkept(self) -> bool:
        """Return whether the best program breaks promises, or is missing: then the run may go on in overtime."""
        return self.best is None or self.best.broken_kwh > self.tuning.recovery.unkept_kwh

    def _left_s(self) -> float:
        return self._stop.left_s(unkept=self._unkept())

    def _mixture(self, aim_eur: float, wide: Bools | None = None) -> Mixture | None:
        """Take the best mixture and return it, see solve_master_lp; without one, keep the present weights."""
        mixture = None
        with self.progress.timed("mix"):
            try:
                mixture = solve_master_lp(
                    self.master, aim_eur=aim_eur, time_left_s=self._left_s(), threads=self.threads,
                    log=self.progress.log, wide=wide,
                )  # fmt: skip
            except SolverError as error:
                self._say(f"HiGHS gave up: {error}")
        if mixture is None:
            late = self.interrupted() is StopReason.TIME_LIMIT
            self._say(f"no mixture of the answers was found{f'; {LATE}' if late else ''}")
            return None
        self._say(f"mixture of the answers: worth {-mixture.cost_eur:.6f} EUR")
        self.master.mix(mixture.weight, mixture.free)
        return mixture

    def _new_choices(self) -> BatchChoices:
        """Choose programs anew for the units that cannot mix; `choices` belong to the settled columns."""
        return choose_programs(
            self.case, self.grouping, self.pricing, used_rounds(self.master), self.state.prices, self.choices,
            self.tuning.recovery.choice_passes,
        )  # fmt: skip

    def _report_now(self) -> None:
        self.progress.report_now(self._round())

    def _round(self) -> Round:
        value, bound = -np.inf if self.best is None else self.best.objective_eur, -self.bound_eur()
        gross = max(self.master.gross() if self.best is None else self.best.gross_cost_eur, 1e-9)
        return Round(
            number=self.state.rounds, value_eur=value, bound_eur=bound,
            gap_of_gross=(bound - value) / max(gross, 1e-9), seconds=self.progress.elapsed_s(),
        )  # fmt: skip
