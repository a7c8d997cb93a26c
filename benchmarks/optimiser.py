"""The product's optimiser as an engine: the only module that knows its entry point."""

from math import isfinite
from time import perf_counter
from typing import Any

from benchmarks.engines import Figures
from models.case import Case
from models.decomposition.progress import Round
from models.method import Method, solve
from models.outcome import Outcome

RELATIVE_GAP = 1e-3  # of gross cost, proven; the figures are stated for this gap


def measure(case: Case, limit_s: float) -> Figures:
    """Solve to RELATIVE_GAP; the audit and the value of flexibility are computed afterwards."""
    started = perf_counter()
    rounds: list[dict[str, Any]] = []

    def note(each: Round) -> None:
        value = each.value_eur if isfinite(each.value_eur) else None  # there is no program yet
        rounds.append({"seconds": each.seconds, "value_eur": value, "bound_eur": each.bound_eur})

    outcome = solve(case, method=Method.AUTO, relative_gap=RELATIVE_GAP, time_limit_s=limit_s, threads=2, report=note)
    total = perf_counter() - started
    seconds = dict(outcome.seconds)
    build = sum(seconds.get(name, 0.0) for name in ("build", "translate", "prepare"))
    return Figures(
        build_s=build,
        solve_s=total - build,
        objective=outcome.objective_eur,
        bound=outcome.bound_eur,
        gap_of_gross_cost=outcome.gap_eur / outcome.gross_cost_eur if outcome.gross_cost_eur else None,
        note="" if outcome.termination.value == "optimal" else outcome.termination.value,
        rounds=rounds,
        seconds=seconds,
        finished=lambda: _afterwards(case, outcome),
    )


def _afterwards(case: Case, outcome: Outcome) -> dict[str, Any]:
    from agr.planning.solving import unmanaged
    from benchmarks.reoptimise import measure as reoptimise
    from models.audit import audit
    from models.baseline import no_flexibility

    started = perf_counter()
    findings = audit(case, outcome)
    audit_s = perf_counter() - started
    flexibility = outcome.objective_eur - no_flexibility(unmanaged(case)).objective_eur
    return {
        "audit": "passed" if not findings else f"{len(findings)} findings: {findings[0]}",
        "audit_s": round(audit_s, 3),
        "gap_of_flexibility_value": outcome.gap_eur / flexibility if flexibility > 0 else None,
        "gross_cost": outcome.gross_cost_eur,
        "reoptimise": None if case.connection_tariffs.name else reoptimise(case, outcome),
        "no_flexibility": outcome.objective_eur - flexibility,
    }
