"""Solves a whole portfolio of stores, generators and a few runs that answer alone, with given whole bids or any.

The interior-point method solves it. What is proven and planned is computed from its answer: any multipliers prove a
bound, and programs are made exact.
Source: docs/explanation/optimisation.md §3.10.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from scipy import linalg
from threadpoolctl import threadpool_limits

from models.assembly import assemble
from models.case import Bools, Case, Floats
from models.decomposition.bids.lacking import Lacking, with_shortfalls
from models.decomposition.bids.lone_case import able_mw, begun
from models.decomposition.bids.lone_prices import bend_of, slope_eur_of
from models.decomposition.bids.surrogate import Surrogate, Tried, groups_of
from models.decomposition.master.possible_bids import coarse
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices, duals, shadow
from models.decomposition.prices.grouping import group_units
from models.decomposition.primal.recovery import Recovered, complete
from models.decomposition.tuning import DEFAULT, Tuning
from models.decomposition.whole.equations import Equations, NewtonSolver
from models.decomposition.whole.interior import WholeSolution, first_iterate, solve
from models.decomposition.whole.linking import Linking, joined, linking_of, parted
from models.decomposition.whole.lone import lone_units
from models.decomposition.whole.lone_answers import programs, proven_eur, without_surplus
from models.decomposition.whole.resting import moves_of, rest
from models.decomposition.whole.runs import run_columns, with_runs
from models.decomposition.whole.whole_lp import WholeIterate, WholeLp, copied
from models.outcome import Outcome, Termination
from models.solver import version
from models.solver_log import SolverLog

_FINER = 6
"""Steps that a solution may take to become finer: after some, rounding spoils them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Solved:
    """A solution: its point, what it proves, and its prices."""

    linking: Linking
    solver: NewtonSolver
    point: WholeIterate
    bound_eur: float  # of the cost
    prices: DualPrices
    slope_eur: Floats  # (N,) what another step of each bid costs
    others: Floats  # variables outside of chains
    lacking: Lacking
    bend: Floats | None  # (N,N) how the prices of bids follow the bids, EUR per MW²


class LoneBids:
    """One case, solved with any whole bids (N,), in steps, or with bids that need not be whole."""

    def __init__(
        self, case: Case, *, relative_gap: float, log: SolverLog, interrupted: Callable[[], object],
        tuning: Tuning = DEFAULT,
    ) -> None:  # fmt: skip
        """State the case; `relative_gap` of gross cost is asked for."""
        self._case, self._log, self._interrupted, self._tuning = case, log, interrupted, tuning
        self.grouping = group_units(case, tuning.pool.unpriced_groups, alone=True)
        self.master = RestrictedMaster(case, self.grouping, tuning)
        self.gap_eur = relative_gap * max(self.master.gross(), 1e-9)
        self._first = self.master.first_prices()
        self._units = lone_units(case, self.grouping)
        self._runs = run_columns(case, self._units.runs)
        self._moves = moves_of(self._units)
        self.fine = not coarse(case, tuning.bids.steps)
        self._any: _Solved | None = None  # the solution with any bids
        able = able_mw(case, self.master, self._units)
        self._free = self.master.free.low.copy(), np.minimum(self.master.free.high, able)
        self._earlier: tuple[WholeIterate, Linking] | None = None  # a point far enough from the corners to begin from
        self._group = groups_of([case.reserves[r].block == block for r, block in self.master.bids])
        mine = self.master.bidding
        self.step_mw = self.master.step_mw[mine]
        self.most = np.floor(self._free[1][mine] / self.step_mw + 1e-6)
        least = [case.reserves[r].minimum_mw / case.reserves[r].step_mw for r, _ in self.master.bids]
        self.minimum = np.maximum(np.ceil(np.array(least) - 1e-9), 1.0)
        self.most[self.most < self.minimum] = 0.0
        self._free[1][mine] = np.minimum(self._free[1][mine], self.most * self.step_mw)

    @property
    def rows(self) -> int:
        """Return the number of linking rows, by which the time of a step grows."""
        return len(linking_of(self.master, self._units.kinds).right)

    def any_bids(self) -> Surrogate | None:
        """Return what is known of whole bids from those that need not be whole; None if there was no time."""
        self._release()
        self._any = solved = self._solve(None, bend=True)
        if solved is None or solved.bend is None:
            return None
        mine = self.master.bidding
        best = solved.linking.positions_of(solved.others)[mine] / self.step_mw
        return Surrogate(
            least_eur=solved.bound_eur, best=best, bend=solved.bend * np.outer(self.step_mw, self.step_mw),
            most=self.most, minimum=self.minimum, group=self._group,
        )  # fmt: skip

    def best(self, bids: Floats) -> Tried | None:
        """Return the best program with these bids (N,), steps; None if there was no time."""
        began = perf_counter()
        wanted = self._wanted_mw(bids)
        self._commit(wanted)
        solved = self._solve(None)
        return None if solved is None else self._tried(solved, bids, wanted, began)

    def rounded(self) -> Tried | None:
        """Return the program with any bids, as it is with them rounded down; None if there was none."""
        solved, mine = self._any, self.master.bidding
        if solved is None:
            return None
        steps = np.floor(solved.linking.positions_of(solved.others)[mine] / self.step_mw + self._tuning.lone.slight)
        bids = np.where(steps >= self.minimum, np.minimum(steps, self.most), 0.0)
        return self._tried(solved, bids, self._wanted_mw(bids), perf_counter())

    def _wanted_mw(self, bids: Floats) -> Floats:
        """Return all positions (P,) with these bids (N,), steps."""
        wanted = np.zeros(len(self.master.free.value))
        wanted[self.master.bidding] = bids * self.step_mw
        return wanted

    def _tried(self, solved: _Solved, bids: Floats, wanted: Floats, began: float) -> Tried | None:
        """Return the program that a solution makes with these bids (N,), and what is known of others from it."""
        taken, decided = self._runs.taken(solved.others, self._tuning.lone.decided)
        recovered = self._recovered(solved, wanted, taken)
        if not decided and self._loses(solved, recovered, wanted):
            found = self._solve(taken)  # all else follows the starts that were taken
            if found is None:
                return None
            solved = found
            recovered = self._recovered(solved, wanted, taken)
        slight = self._tuning.lone.slight
        if self.fine:
            solved = self._rested(solved)
            recovered = self._recovered(solved, wanted, taken)
        lost = self._lost(recovered, wanted)
        if lost.any() and not self.fine and not solved.lacking.whole(solved.others, slight)[lost].any():
            solved = self._finer(solved)
            recovered = self._recovered(solved, wanted, taken, nothing=self._tuning.lone.beyond)
            lost = self._lost(recovered, wanted)
        missed = solved.lacking.of_groups(solved.others)
        if lost.any():  # a bid that lacks next to nothing costs next to nothing here, but it is lost
            short = self._group[lost]
            missed[short] += max(-solved.bound_eur - recovered.objective_eur, 0.0) / len(np.unique(short))
        else:
            missed[:] = 0.0
        lower = solved.lacking.lowered(bids, solved.others, slight)
        return Tried(
            outcome=self._outcome(solved, recovered, bids if not lost.any() else None, perf_counter() - began),
            bound_eur=solved.bound_eur, slope_eur=solved.slope_eur, missed_eur=missed, lost=int(lost.sum()),
            held=np.where(lower >= self.minimum, lower, 0.0),
        )  # fmt: skip

    def _loses(self, solved: _Solved, recovered: Recovered, wanted_mw: Floats) -> bool:
        """Return whether a program holds less than its bids, or earns clearly less than the linear program."""
        left_eur = -solved.bound_eur - recovered.objective_eur
        return bool(self._lost(recovered, wanted_mw).any()) or left_eur > self._tuning.lone.enough * self.gap_eur

    def _rested(self, solved: _Solved) -> _Solved:
        """Move a solution to one in which stores rest where moving earns nothing; its bound and prices stay."""
        tuning, lp = self._tuning, solved.solver.lp
        with threadpool_limits(1, "blas"):
            found = rest(
                solved.solver, solved.point, self._moves, lone=tuning.lone, tuning=tuning.whole,
                eur_per_kw=tuning.lone.rest_eur_per_kwh * self._case.isp_hours,
                enough_eur=tuning.lone.near * self.gap_eur, interrupted=self._interrupted,
            )  # fmt: skip
        self._log.say(f"{found.steps} more steps to where units rest that earn nothing by moving")
        return replace(solved, others=lp.parts(solved.point.value)[3])

    def _lost(self, recovered: Recovered, wanted_mw: Floats) -> Bools:
        """Return which bids (N,) are not held as wanted (P,)."""
        held = np.array([recovered.plain.bids_mw[r][block] for r, block in self.master.bids])
        return np.asarray(wanted_mw[self.master.bidding] - held > 1e-9)

    def _release(self) -> None:
        master = self.master
        master.free.low[:], master.free.high[:] = self._free
        self._surplus = np.zeros(len(self.step_mw))  # steps that are asked for beyond the bids
        master.recount()

    def _commit(self, wanted_mw: Floats) -> None:
        """Fix the bids at a little more than what is wanted (P,)."""
        self._release()
        master = self.master
        master.commit_bids(wanted_mw)
        for values in (master.free.value, master.free.low, master.free.high):
            values[master.bidding] *= 1.0 + self._tuning.lone.beyond
        self._surplus = self._tuning.lone.beyond * wanted_mw[master.bidding] / self.step_mw
        master.recount()

    def _solve(self, taken: Bools | None, *, bend: bool = False) -> _Solved | None:
        """Return the best answer with the present bids; None where there was no time for it."""
        master, tuning = self.master, self._tuning.whole
        linking, lacking = with_shortfalls(master, linking_of(master, self._units.kinds), self._group, self.step_mw)
        linking = with_runs(linking, self._runs, taken)
        y = joined(self._first)
        lp = WholeLp(self._units.blocks, linking, y)
        known = np.append(y[linking.used], np.zeros(len(linking.right) - int(linking.used.sum())))
        eur = tuning.first_price * float(np.abs(self._first.balance).mean()) + 1e-9
        solver = NewtonSolver(lp)
        earlier = begun(*self._earlier, linking) if self._earlier and taken is None and not bend else None
        begins = [first_iterate(lp, known, eur)] if earlier is None else [earlier, first_iterate(lp, known, eur)]
        for begin in begins:  # from an earlier point, if that succeeds
            with threadpool_limits(1, "blas"):
                found, bent = self._reached(solver, begin, bend=bend, keep=taken is None)
            if self._interrupted():
                return None
            if found.gap_eur <= self._tuning.lone.enough * self.gap_eur and found.miss_kw <= tuning.miss_kw:
                break
        if not np.isfinite(found.gap_eur):
            return None
        self._log.say(
            f"whole LP: {found.steps} steps of the interior-point method, {found.gap_eur:.3g} EUR from the best, "
            f"rows within {found.miss_kw:.2g} kW"
        )
        return self._proven(linking, solver, begin, lacking, bent)

    def _reached(
        self, solver: NewtonSolver, point: WholeIterate, *, bend: bool, keep: bool
    ) -> tuple[WholeSolution, Floats | None]:
        """Move a point to the best answer; note on the way how prices of bids follow the bids, and keep a point."""
        lone, gross, bent, steps = self._tuning.lone, max(self.master.gross(), 1e-9), None, 0
        linking = solver.lp.linking
        if keep:
            found = self._towards(solver, point, steps, lone.begin * gross)
            steps = found.steps
            if np.isfinite(found.gap_eur):
                self._earlier = copied(point), linking
        found = self._towards(solver, point, steps, lone.far * gross)
        if bend and np.isfinite(found.gap_eur):
            with suppress(linalg.LinAlgError):  # rounding has spoilt the equations: then nothing is known of other bids
                bent = bend_of(self.master, linking, Equations(solver, point, solver.lp.misses(point)).bend)
        whole, enough_eur = self._tuning.whole, lone.near * self.gap_eur
        found = solve(solver, point, found.steps, enough_eur=enough_eur, tuning=whole, interrupted=self._interrupted)
        return found, bent

    def _towards(self, solver: NewtonSolver, point: WholeIterate, steps: int, enough_eur: float) -> WholeSolution:
        """Move a point on the way, after so many steps: until the gap is `enough_eur`, however far rows are missed."""
        tuning = replace(self._tuning.whole, miss_kw=np.inf)
        return solve(solver, point, steps, enough_eur=enough_eur, tuning=tuning, interrupted=self._interrupted)

    def _finer(self, solved: _Solved) -> _Solved:
        """Return a solution nearer to its corner: where reserve just fits, what units move too much is lacking."""
        point, tuning = copied(solved.point), replace(self._tuning.whole, most_steps=_FINER)
        solver, enough_eur = NewtonSolver(solved.solver.lp), self._tuning.lone.fine * self.gap_eur
        with threadpool_limits(1, "blas"):
            solve(solver, point, 0, enough_eur=enough_eur, tuning=tuning, interrupted=self._interrupted)
        return self._proven(solved.linking, solver, point, solved.lacking, None)

    def _proven(
        self, linking: Linking, solver: NewtonSolver, point: WholeIterate, lacking: Lacking, bend: Floats | None
    ) -> _Solved:  # fmt: skip
        lp = solver.lp
        y = np.where(linking.used, 0.0, joined(self._first))
        y[linking.used] = point.prices[: int(linking.used.sum())]
        prices = self.master.within(parted(y, self._first))
        y = joined(prices)
        eur = proven_eur(self._units, lp, point, y, self._case.isp_hours)
        if len(self._runs.start):
            seen = (linking.seen @ y).reshape(-1, self._case.isps, lp.blocks.output.shape[1])[:, :, 0]
            eur += self._runs.bound_eur(seen)
        slope_eur = slope_eur_of(self.master, prices)
        bound_eur = self.master.bound(prices, eur) - float(slope_eur @ self._surplus)  # which no bid has to pay for
        return _Solved(
            linking=linking, solver=solver, point=point, bound_eur=bound_eur, prices=prices, slope_eur=slope_eur,
            others=lp.parts(point.value)[3], lacking=lacking, bend=bend,
        )  # fmt: skip

    def _recovered(self, solved: _Solved, wanted_mw: Floats, taken: Bools, nothing: float = 0.0) -> Recovered:
        chains = solved.solver.lp.parts(solved.point.value)[0]
        combined = [*programs(self._case, self._units, chains, nothing), *self._runs.programs(self._case, taken)]
        bids = [np.nan_to_num(one.committed_mw).astype(np.float64) for one in self._case.reserves]
        for p, (r, block) in enumerate(self.master.bids, start=self.master.products):
            bids[r][block] = wanted_mw[p]
        without_surplus(self._case, combined, bids, self._tuning.lone.beyond)
        return complete(self._case, combined, bids)

    def _outcome(self, solved: _Solved, recovered: Recovered, bids: Floats | None, seconds: float) -> Outcome:
        """Return the outcome; its bound is that of its bids, and holds for nothing else."""
        case = self._case
        limits = np.zeros((2, len(case.connection_limits.name), case.isps))
        outcome = assemble(
            case, recovered.answer(), shadow(case, self.grouping, solved.prices, limits),
            termination=Termination.GAP_OPEN, bound_eur=np.inf if bids is None else -solved.bound_eur,
            solver=f"whole LP, {version()}", seconds={"solve": seconds},
        )  # fmt: skip
        return replace(outcome, duals=duals(case, self.grouping, solved.prices, -solved.bound_eur))
