"""The decomposed optimiser: Case in, Outcome out, for portfolios of any size.

Source: docs/explanation/optimisation.md §3.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

import numpy as np

from models.assembly import assemble
from models.case import Case, Floats
from models.decomposition import loop
from models.decomposition.executors import Executor, local
from models.decomposition.loop import Round
from models.decomposition.master.master_lp import MasterLp, solve_master_lp
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.congestion_point_prices import fit_points
from models.decomposition.prices.dual_prices import DualPrices, carried, duals, shadow
from models.decomposition.prices.grouping import Grouping, split
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.sampling import SAMPLE_UNITS, prices_of, sampled
from models.decomposition.primal.convex_combination import Starts, choose_starts, combine, settle_runs, used_rounds
from models.decomposition.primal.coordinate_descent import descend
from models.decomposition.primal.recovery import Recovered, complete
from models.errors import SolverError
from models.outcome import Outcome, Termination
from models.response import limited
from models.solver import version
from models.solver_log import LATE, SolverLog

Report = Callable[[Round], None]
_SEARCH_ROUNDS, _POINT_ROUNDS, _GATHER_ROUNDS, _CYCLES = 150, 20, 40, 12
_POINTS_FINE, _POINTS_PATIENT = 0.3, 3  # of the gap asked for: how exactly points' prices are found, over rounds
_FEW_ROUNDS = 25  # of gathering after a search: then the search's answers count as well
_KNOWN = 6  # rounds of searching, and of gathering, where a sample's prices are known and answers were gathered there
_GENTLE, _AGAIN = 0.3, 30.0  # steps with which answers are first gathered, at first and later
_FITS, _NEARLY = 2.0, 3.5  # of the gap asked for, by the master's own cost: a mixture's will be about half of it;
# in portfolios that are not sampled a mixture costs more than many rounds do
_NARROW, _PATIENT = 2.0, 3  # of the gap asked for: a narrow miss; of it no programs are made in the first cycles
_STEP, _SHORT, _LONG = 0.15, 10, 40  # after a miss by so much of the gap asked for so many rounds more, and at most
_STALLED, _STALLS = 0.8, 2  # of the least gap so far: what a cycle may leave; so many in a row that do not are the end
_WORTH = 1.05  # of the gap asked for by the master's cautious measure: what is worth making programs of
_TIGHTER = 0.7  # of the gap asked for: what making programs of mixtures may cost is in the rest


def solve(
    case: Case,
    *,
    relative_gap: float = 1e-3,
    time_limit_s: float = 60.0,
    threads: int = 2,
    report: Report | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    executor: Executor = local,
) -> Outcome:
    """Return the best program found, with its proven bound; the gap is relative to gross cost.

    Stopped by time or cancellation, the best program so far is returned with its gap. `executor` says where prices are
    answered, but those of a sample, which are here; the outcome does not depend on it, nor on the number of `threads`.
    Raises CaseError, ExecutorError.
    """
    began = perf_counter()
    parts = split(case)
    with limited(threads), executor(case, parts) as pricing:
        run = _Run(case, parts, pricing, relative_gap, began, began + time_limit_s, threads, report, cancelled)
        return run.solve()


class _Run:
    def __init__(
        self,
        case: Case,
        parts: Grouping,
        pricing: Pricing,
        relative_gap: float,
        began: float,
        deadline: float,
        threads: int,
        report: Report | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self.case, self.parts, self.pricing, self.relative_gap = case, parts, pricing, relative_gap
        self.began, self.deadline, self.threads = began, deadline, threads
        self.report, self.cancelled = report, cancelled
        self.master = RestrictedMaster(case, self.parts)
        self.seconds: dict[str, float] = {"prepare": perf_counter() - self.began}
        self.transcript = SolverLog()
        self.late = False
        self.best: Recovered | None = None
        self.untold: Round | None = None
        self.starts: Starts = {}

    def solve(self) -> Outcome:
        known = self._begin()
        tighter, least, stalls, narrow, rounds = _TIGHTER, np.inf, 0.0, False, 0
        for cycle in range(_CYCLES):
            aim = tighter * self.relative_gap * max(self.master.gross(), 1e-9)
            if known and not cycle:
                self._gather(_GATHER_ROUNDS, _GENTLE, _NEARLY)
                if not self._out():
                    self._search(aim, _KNOWN)
                    self._gather(_KNOWN, _AGAIN)
            else:
                self._search(aim, rounds if narrow else _SEARCH_ROUNDS)
                self._gather(rounds if narrow else _FEW_ROUNDS, _AGAIN if cycle else _GENTLE, _FITS if known else 0.0)
            mixture = self._mixture(aim, whole=False)
            if mixture is None:
                break
            self.master.mix(mixture.weight, mixture.free)
            gap, wanted = mixture.cost_eur - self.state.bound_eur, self.relative_gap * self.master.gross()
            stalls = stalls + (0.25 if narrow else 1.0) if gap > _STALLED * least else 0.0
            good, narrow = gap <= _WORTH * wanted, gap <= _NARROW * wanted
            rounds = int(np.clip(_SHORT * (gap / max(wanted, 1e-9) - 1.0) / _STEP, _SHORT, _LONG))
            last = good or stalls >= _STALLS or self._out()
            if last:
                self._whole(aim)
            if last or (gap < least and not (narrow and cycle < _PATIENT)):  # with the next cycle columns may be gone
                self._recover()
                self.master.free_again()
            self._told()
            if stalls >= _STALLS or self._proven() or self._out():
                break
            if good:
                tighter *= 0.5
            least = min(least, gap)
        if self.best is None:
            self._recover()
        self._told()
        return self._finished()

    def _begin(self) -> bool:
        """Answer the first prices; say whether they are a sample's, nearly as good as those a search would find."""
        with self._timed("sample"):
            sample = sampled(self.case, self.parts, SAMPLE_UNITS)
            tension: DualPrices | None = None
            if sample is not None:
                self.transcript.say(
                    f"prices begin on a sample: {sample.share:.3%} of the units, {len(sample.tied)} tied points"
                )
                tension = prices_of(sample, self.case, self.parts, relative_gap=self.relative_gap, enough=self._ends)
            elif self.case.start is not None:
                tension = carried(self.case.start, self.parts)
        with self._timed("search"):
            self.state = loop.begin(self.master, self.pricing, tension)
            self._tell()
            if sample is not None:
                aim = _POINTS_FINE * self.relative_gap * max(self.master.gross(), 1e-9)
                fit_points(
                    self.master, self.pricing, self.state, aim_eur=aim, rounds=_POINT_ROUNDS, patience=_POINTS_PATIENT,
                    after=self._tell, enough=self._out,
                )  # fmt: skip
        return sample is not None

    def _ends(self) -> bool:
        return perf_counter() >= self.deadline or self.cancelled()

    def _out(self) -> bool:
        """Say whether to stop with what there is."""
        return self._late() or self.cancelled()

    def _late(self) -> bool:
        """Say whether the deadline is over, and the first time it is, to the transcript as well."""
        if not self.late and perf_counter() >= self.deadline:
            self.late = True
            self.transcript.say(f"{LATE} after {self.state.rounds} rounds")
        return self.late

    def _proven(self) -> bool:
        if self.best is None:
            return False
        return -self.state.bound_eur - self.best.objective_eur <= self.relative_gap * self.best.gross_cost_eur

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began

    def _search(self, aim: float, rounds: int) -> None:
        with self._timed("search"):
            loop.search(
                self.master, self.pricing, self.state, aim_eur=aim, rounds=rounds, after=self._tell, enough=self._out
            )  # fmt: skip

    def _gather(self, rounds: int, start: float, fits: float = _FITS) -> None:
        enough_eur = fits * self.relative_gap * self.master.gross()
        with self._timed("gather"):
            loop.gather(
                self.master, self.pricing, self.state, start=start, rounds=rounds, enough_eur=enough_eur,
                after=self._later, enough=self._out,
            )  # fmt: skip

    def _mixture(self, aim: float, *, whole: bool) -> MasterLp | None:
        left = max(self.deadline - perf_counter(), 0.0)
        mixture = None
        with self._timed("mix"):
            try:
                mixture = solve_master_lp(
                    self.master, aim_eur=aim, time_left_s=left, threads=self.threads, whole=whole,
                    transcript=self.transcript,
                )  # fmt: skip
            except SolverError as error:  # programs are made of the weights there are
                self.transcript.say(f"HiGHS gave up: {error}")
        if mixture is None:
            late = f"; {LATE}" if self._late() else ""
            self.transcript.say(f"no mixture of the answers was found{late}")
        else:
            bids = " with whole bids" if whole else ""
            self.transcript.say(f"mixture of the answers{bids}: worth {-mixture.cost_eur:.6f} EUR")
        return mixture

    def _whole(self, aim: float) -> None:
        """Settle on whole bids where they are few and on programs of what cannot mix; gather answers, and mix again."""
        again = False
        if self.master.coarse():
            mixture = self._mixture(aim, whole=True)
            if mixture is None:
                return
            self.master.mix(mixture.weight, mixture.free)
            self.master.free.fixed[self.master.products :] = True
            again = True
        if len(self.case.shiftable.point) or len(self.case.switched.point):
            self.starts = self._chosen_starts()
            settle_runs(self.case, self.parts, self.master, self.starts)
            prices = self.state.centre.balance[0]
            descend(self.case, self.parts, self.master, self.starts, prices, aim_eur=aim, out=self._out)
            again = True
        if again and not self._out():
            self._gather(_SHORT, _AGAIN)
            mixture = self._mixture(aim, whole=False)
            if mixture is not None:
                self.master.mix(mixture.weight, mixture.free)

    def _chosen_starts(self) -> Starts:
        """Choose anew; `starts` are those of the columns that were settled."""
        weights = used_rounds(self.master)
        return choose_starts(self.case, self.parts, self.pricing, weights, self.state.prices, self.starts)

    def _recover(self) -> None:
        """Make programs of the present mixture; keep the best outcome."""
        with self._timed("recover"):
            weights = used_rounds(self.master)
            starts = self.starts if self.master.groups.settled.any() else self._chosen_starts()
            blended = combine(self.case, self.parts, self.pricing, weights, self.state.prices, starts)
            found = complete(self.case, self.parts, blended, bids_of(self.case, self.master))
            self.transcript.say(f"programs made of the mixture: worth {found.objective_eur:.6f} EUR")
            if self.best is None or found.objective_eur > self.best.objective_eur:
                self.best = found

    def _finished(self) -> Outcome:
        """Return the best outcome with the bound, prices and times of the whole run."""
        if self.best is None:
            raise SolverError("no program was made; keep the case and report it as a bug")
        del self.master  # its columns take more than the outcome does
        with self._timed("recover"):
            outcome = assemble(
                self.case,
                self.best.answer(),
                shadow(self.case, self.parts, self.state.centre),
                termination=self._termination(),
                bound_eur=-self.state.bound_eur,
                solver=f"decomposition, {version()}",
                seconds={},
            )
        return replace(
            outcome,
            seconds=dict(self.seconds),
            log=self.transcript.lines(),
            duals=duals(self.case, self.parts, self.state.centre, -self.state.centre_eur),
        )

    def _termination(self) -> Termination:
        if self._proven():
            return Termination.OPTIMAL
        return Termination.TIME_LIMIT if self._out() else Termination.GAP_OPEN

    def _say(self) -> None:
        self.transcript.say(
            f"round {self.state.rounds}: no program above {-self.state.bound_eur:.6f} EUR  "
            f"{perf_counter() - self.began:.2f} s"
        )

    def _tell(self) -> None:
        self._told()
        self._say()
        if self.report is not None:
            self.report(self._round())

    def _later(self) -> None:
        """Tell of a round with the next, or once its programs are made."""
        self._told()
        self._say()
        self.untold = self._round()

    def _told(self) -> None:
        """Tell of the round that waits, with what has been found since."""
        if self.report is not None and self.untold is not None:
            now = self._round()
            self.report(replace(self.untold, value_eur=now.value_eur, gap_of_gross=now.gap_of_gross))
        self.untold = None

    def _round(self) -> Round:
        value = -np.inf if self.best is None else self.best.objective_eur
        gross = max(self.master.gross(), 1e-9) if self.best is None else self.best.gross_cost_eur
        bound = -self.state.bound_eur
        return Round(
            number=self.state.rounds,
            value_eur=value,
            bound_eur=bound,
            gap_of_gross=(bound - value) / gross,
            seconds=perf_counter() - self.began,
        )


def bids_of(case: Case, master: RestrictedMaster) -> list[Floats]:
    """Return the master's bids, per product (B,); what is awarded is what it is."""
    bids = [np.nan_to_num(reserve.committed_mw).astype(np.float64) for reserve in case.reserves]
    for p, (r, block) in enumerate(master.bids, start=master.products):
        bids[r][block] = master.free.value[p]
    return bids
