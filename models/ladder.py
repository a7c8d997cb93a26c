"""Plans small portfolios in steps: the decomposition first, then the reference formulation from its program.

The decomposition finds a good program within seconds, whatever else the machine does. Where bids are whole, a search of
bids comes first instead: by an interior-point method where all units answer alone and more than six hold reserve, by
patterns where few do; where few hold what was awarded, the reference comes first. Where bids have many steps and all
units answer alone, the interior-point method plans all of them at once: first in portfolios of up to some hundred
units, otherwise where the decomposition leaves the gap open. The reference then improves what they leave open; where
many units at limits cannot mix their answers, it begins soon. The best program and the best bound are kept.
Source: docs/explanation/optimisation.md §1.
"""

from collections.abc import Callable
from dataclasses import replace

from models.assembly import proven_eur
from models.calm import MOST_CELLS
from models.case import Case
from models.decomposition.bids.exact import awarded, awarded_to_few, has_whole_bids, plan_whole_bids
from models.decomposition.bids.lone_search import has_lone_bids, is_fine_lone, is_large_lone, plan_lone_bids
from models.decomposition.executors import Executor
from models.decomposition.progress import Report
from models.decomposition.solve import solve as decompose
from models.errors import ProofError, SolverError
from models.hard_to_mix import hard_to_mix
from models.headroom import KW_PER_MW
from models.outcome import Outcome, Termination
from models.reference.problem import solve as reference
from models.resources.registry import PRICED
from models.work_clock import now

_BIDS = 0.6
"""Share of the time that the search of patterns of bids may take, so that what follows can narrow an open gap."""
_MISSED_KWH = 1e-2
"""What may be missed of all promises together, kWh (of reserve kW·h), and still counts as rounding."""
_HARD = 0.1
"""Share of the time left that a decomposition may take where answers hardly mix: it is near soon, or not at all."""
_CLOSE = 1e-4
"""Share of gross cost to which so few units are planned that the reference would plan them exactly. Smaller: the
reference follows more often."""
_FIRST_CELLS = 20_000
"""Most units times ISPs for which the interior-point method comes before the decomposition where reserve was awarded.
Larger: cases that the decomposition proves take longer, and those that it cannot prove less long."""
_OPEN = 1e-2
"""Share of gross cost up to which what a search of bids of lone units leaves open is what their wholeness costs."""


def climb(
    case: Case,
    *,
    relative_gap: float,
    enough_gap: float,
    exact: bool,
    time_limit_s: float,
    threads: int,
    report: Report | None,
    cancelled: Callable[[], bool],
    executor: Executor,
    better: Callable[[Outcome], None] = lambda _found: None,
) -> Outcome:
    """Return the best program of both methods with the better bound. Raises what they raise.

    `better` is called with each program that is better than those before, while the search goes on.

    The decomposition aims at `relative_gap`; the reference goes on where more than `enough_gap` is left open, and with
    `exact`, so that no limit is breached for the sake of a gap. After a search of patterns of bids it goes on with
    `exact` only: the search has solved the whole with the best, and in larger cases branching would take hours. There
    the decomposition comes last, for its bound. So it is after a search of bids of lone units, unless what is left open
    is about what wholeness costs: then nothing follows it. What plans all units at once counts where it proves the gap
    and keeps all promises; with `exact` the reference goes on from it otherwise. Where HiGHS fails in one of these
    steps, the others plan all the same; the log says why.
    """
    began = now()
    found, why, aim, share_s = None, "", enough_gap, _BIDS * time_limit_s
    lone = False
    if has_lone_bids(case):
        found, why = attempted(lambda: plan_lone_bids(
            case, relative_gap=enough_gap, time_limit_s=share_s, threads=threads, cancelled=cancelled,
            better=better,
        ))  # fmt: skip
        lone = found is not None
    if found is None and has_whole_bids(case):
        found, why = attempted(lambda: plan_whole_bids(
            case, relative_gap=enough_gap, time_limit_s=share_s, threads=threads, cancelled=cancelled,
            better=better,
        ))  # fmt: skip
    elif found is None and not exact and awarded_to_few(case):
        found, why = _held(case, enough_gap, share_s, threads, cancelled)
    elif found is None and _at_once(case, exact=exact):
        aim, (found, why) = relative_gap, _together(case, relative_gap, enough_gap, exact, share_s, threads, cancelled)
    if found is not None:
        better(found)
        left = time_limit_s - (now() - began)
        if found.termination is Termination.OPTIMAL or left <= 0 or cancelled() or _near(found, lone=lone, exact=exact):
            return found
        if exact:
            return _improved(case, found, aim, enough_gap, left, threads)
    hard, left = hard_to_mix(case), max(time_limit_s - (now() - began), 0.0)
    first = decompose(  # however little time is left: the decomposition always ends with a program
        case, relative_gap=relative_gap, time_limit_s=_HARD * left if hard else left,
        overtime_s=0.0 if hard else time_limit_s,
        threads=threads, report=report, cancelled=cancelled, executor=executor,
    )  # fmt: skip
    if found is not None:
        return joined(first, found, enough_gap)
    first = replace(first, log=(why, *first.log)) if why else first
    better(first)
    left = time_limit_s - (now() - began)
    if first.gap_eur <= enough_gap * first.gross_cost_eur:
        first = replace(first, termination=Termination.OPTIMAL)
        if not exact:
            return first
    if left <= 0 or cancelled():
        return first
    return _after(case, first, relative_gap, enough_gap, exact, left, threads, cancelled)


def _after(
    case: Case, first: Outcome, relative_gap: float, enough_gap: float, exact: bool, time_left_s: float, threads: int,
    cancelled: Callable[[], bool],
) -> Outcome:  # fmt: skip
    """Return what other methods make of a decomposition's program whose gap they have to narrow."""
    began = now()
    if not exact and is_fine_lone(case) and not _at_once(case, exact=exact):  # it has not been tried before
        found, why = _together(case, relative_gap, enough_gap, exact, _BIDS * time_left_s, threads, cancelled)
        if found is not None:
            return joined(first, found, enough_gap)
        first = replace(first, log=(*first.log, why)) if why else first
    left = max(time_left_s - (now() - began), 0.0)
    return _improved(case, first, relative_gap if exact else enough_gap, enough_gap, left, threads)


def _at_once(case: Case, *, exact: bool) -> bool:
    """Return whether the interior-point method comes first; what is so small that it is calmed is left to HiGHS.

    Beyond what is planned exactly, a decomposition is quicker without awards, and from some size on with them.
    """
    cells = case.isps * sum(resource.count(case) for resource in PRICED)
    first = exact or (cells <= _FIRST_CELLS and awarded(case))
    return first and cells > MOST_CELLS and is_fine_lone(case)


def _together(
    case: Case, relative_gap: float, enough_gap: float, exact: bool, time_limit_s: float, threads: int,
    cancelled: Callable[[], bool],
) -> tuple[Outcome | None, str]:  # fmt: skip
    """Plan all units at once by the interior-point method; OPTIMAL where the gap is proven and no promise is missed.

    Otherwise the program is for the reference to go on from, if `exact`; where a decomposition follows, it is None.
    """
    gap = relative_gap if exact else enough_gap
    found, why = attempted(lambda: plan_lone_bids(
        case, relative_gap=min(gap, _CLOSE) if exact else gap, time_limit_s=time_limit_s, threads=threads,
        cancelled=cancelled,
    ))  # fmt: skip
    if found is None:
        return None, why
    if found.gap_eur <= gap * found.gross_cost_eur and _missed_kwh(case, found) <= _MISSED_KWH:
        return replace(found, termination=Termination.OPTIMAL), why
    return replace(found, termination=Termination.GAP_OPEN) if exact else None, why


def _held(
    case: Case, gap: float, time_limit_s: float, threads: int, cancelled: Callable[[], bool]
) -> tuple[Outcome | None, str]:
    """Plan what few hold of awards as one program: by the interior-point method where it may, otherwise by HiGHS."""
    began, why = now(), ""
    if is_large_lone(case):
        found, why = attempted(lambda: plan_lone_bids(
            case, relative_gap=gap, time_limit_s=time_limit_s, threads=threads, cancelled=cancelled
        ))  # fmt: skip
        if found is not None and found.termination is Termination.OPTIMAL and _missed_kwh(case, found) <= _MISSED_KWH:
            return found, why
    left = time_limit_s - (now() - began)
    found, of_highs = attempted(lambda: reference(case, relative_gap=gap, time_limit_s=left, threads=threads))
    known = found is not None and found.termination is not Termination.NO_PROGRAM
    return found if known else None, why or of_highs


def _missed_kwh(case: Case, found: Outcome) -> float:
    """Return what is missed of awards, reservations, orders and limits: HiGHS may find a program that keeps them."""
    missed = (
        KW_PER_MW * found.reserve_shortfall_mw, found.reservation_shortfall_kw, found.order_shortfall_kw,
        found.breach_import_kw, found.breach_export_kw,
    )  # fmt: skip
    return case.isp_hours * float(sum(kw.sum() for kw in missed))


def _near(found: Outcome, *, lone: bool, exact: bool) -> bool:
    """Return whether no other method is likely to do better: wholeness costs what is left open."""
    return lone and not exact and found.gap_eur <= _OPEN * found.gross_cost_eur


def _improved(
    case: Case, first: Outcome, relative_gap: float, enough_gap: float, time_left_s: float, threads: int
) -> Outcome:
    """Return what the reference makes of a program, or the program itself where HiGHS fails."""
    second, why = attempted(
        lambda: reference(case, relative_gap=relative_gap, time_limit_s=time_left_s, threads=threads, incumbent=first)
    )
    return replace(first, log=(*first.log, why)) if second is None else joined(first, second, enough_gap)


def attempted(step: Callable[[], Outcome | None]) -> tuple[Outcome | None, str]:
    """Return what a step has found; None and why where the solver failed, which another step may make up for.

    Raises ProofError all the same: no other step can make up for a contradiction.
    """
    try:
        return step(), ""
    except ProofError:
        raise
    except SolverError as error:
        return None, f"a step was left out: {error}"


def joined(first: Outcome, second: Outcome, relative_gap: float) -> Outcome:
    """Return the better program of two runs on one case, with the better bound of both.

    Where both are worth the same it is the first: its units answer prices, and move steadily where the reference goes
    from corner to corner. The prices (`duals`) are those of the first run, the decomposition: parts are planned again
    with them. Raises ProofError where one run's bound contradicts the other's program.
    """
    more = second.objective_eur - first.objective_eur
    best = second if more > second.indifference_eur else first
    bound = proven_eur(
        min(first.bound_eur, second.bound_eur), objective_eur=best.objective_eur, gross_cost_eur=best.gross_cost_eur
    )
    gap = bound - best.objective_eur
    proven = gap <= relative_gap * best.gross_cost_eur
    return replace(
        best,
        bound_eur=bound,
        gap_eur=gap,
        termination=Termination.OPTIMAL if proven else _unfinished(second),
        solver="; ".join(dict.fromkeys((first.solver, second.solver))),
        seconds=first.seconds | second.seconds,
        log=(*first.log, *second.log),
        duals=first.duals,
    )


def _unfinished(last: Outcome) -> Termination:
    """Return how a run ended without a proof: by the last method's own reason."""
    return Termination.TIME_LIMIT if last.termination is not Termination.GAP_OPEN else Termination.GAP_OPEN
