"""Measures one FlexReservationUpdate in a large portfolio: from its acceptance to the new D-Prognosis in the outbox.

The real stages run on a real SQLite store: the receiver validates the signed message, the planner plans in its worker
process, audits and stores the plan, and the publisher queues the changed prognoses. The plan before is the one just
measured, stored with D-Prognoses of all congestion points. The first update finds nothing in memory, as after a
restart; the others are like those of a running daemon.
"""

import json
import statistics
import sys
import tempfile
from datetime import date, time, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.domain.register import CongestionPoint, Contract, Register
from agr.messaging.publish import OPEN, Publisher
from agr.operations import log
from agr.planning import serialisation
from agr.planning.basis import basis_of
from agr.planning.case import NamedCase
from agr.planning.difference import Solved
from agr.planning.plan_summary import points_of, positions_of, result_of
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.planning.stored_plans import StoredInputs
from agr.settings import Planning
from agr.store import day, plans, portfolio, register
from models.case import Case
from models.outcome import Outcome
from tests.builders.worlds import World

MOST = 200_000
"""The largest number of resources to measure: a larger plan before takes minutes to store."""
PERIOD = Period(date(2026, 3, 30))  # 96 ISPs
UPDATES = 5
_PEAK = (time(17), time(20))
_ISPS = 'Start="69" Duration="12"'


def measure(case: Case, outcome: Outcome) -> dict[str, Any] | None:
    """Return resources, the median seconds of later updates, the seconds of the first update, and the widest gap."""
    if not len(case.reservations.point) or _resources(case) > MOST or outcome.duals is None:  # no prices: no parts
        return None
    log.configure(quiet=True)
    with tempfile.TemporaryDirectory(prefix="agr-bench-") as name:
        world = World(Path(name))
        gap = outcome.gap_eur / outcome.gross_cost_eur  # do not ask for a smaller gap than that of the plan before
        planning = Planning(threads=2, decomposed_gap=max(Planning().decomposed_gap, 1.1 * gap))
        world.settings = world.settings.model_copy(update={"planning": planning})
        solver = SolverPool(planning)
        try:
            return _measured(world, solver, case, outcome)
        finally:
            solver.close()
            world.store.close()


def _measured(world: World, solver: SolverPool, case: Case, outcome: Outcome) -> dict[str, Any]:
    publisher = Publisher(world.store, world.settings, world.clock, world.participants)
    made: list[Plan] = []

    def planned(plan: Plan) -> None:
        made.append(plan)
        publisher.publish(plan.period)

    planner = Planner(world.store, world.settings, world.clock, solver, planned)
    _stand(world, case, outcome)
    publisher.publish(PERIOD)
    seconds, gaps, sent = [], [], 0
    for number in range(UPDATES):
        world.clock.jump_to(world.clock.now() + timedelta(minutes=1))
        _receive(world, case, number)
        if number == 0:  # as usual, a plan that is not in memory waits for more updates
            world.clock.jump_to(world.clock.now() + timedelta(seconds=world.settings.planning.join_triggers_s))
        before = _queued(world)
        began = perf_counter()
        runs = planner.run_due()
        seconds.append(perf_counter() - began)
        sent += _queued(world) - before
        if not runs or not made or not made[-1].part:
            return {"resources": _resources(case), "seconds": None, "note": "the whole portfolio was planned again"}
        result = made[-1].result
        gaps.append(result.gap_eur / result.gross_cost_eur)
    return {
        "resources": _resources(case),
        "seconds": round(statistics.median(seconds[1:]), 3),
        "after_restart_s": round(seconds[0], 3),
        "updates": len(seconds),
        "d_prognoses": sent,
        "gap_of_gross_cost": max(gaps),
    }


def _resources(case: Case) -> int:
    return len(case.storage.point) + len(case.curtailable.point)


def _stand(world: World, case: Case, outcome: Outcome) -> None:
    """Store the plan as the plan in force, with everything that receiver and planner read."""
    held = case.reservations
    contracts = tuple(
        Contract(
            contract=name, dso="dso.example", congestion_point=case.points[held.point[k]],
            first_day=PERIOD.day, last_day=PERIOD.day, window_start=_PEAK[0], window_end=_PEAK[1],
            power_w=round(1000 * float(held.reserved_kw[k].min())),
            availability_eur_per_mw_h=float(held.availability_eur_per_mw_h[k]),
            penalty_eur_per_mwh=float(held.penalty_eur_per_mwh[k]),
        )
        for k, name in enumerate(held.name)
    )  # fmt: skip
    named = NamedCase(
        case=case, notes=(), dsos=("dso.example",) * len(case.points),
        names={
            "curtailable": tuple(f"curtailable {u}" for u in range(len(case.curtailable.point))),
            "storage": tuple(f"storage {u}" for u in range(len(case.storage.point))),
        },
    )  # fmt: skip
    solved, now = Solved(named=named, outcome=outcome), world.clock.now()
    with world.store.transaction() as tx:
        register.replace(tx, Register(contracts=contracts))
        points = tuple(CongestionPoint(address=p, dso="dso.example", connections=()) for p in case.points)
        portfolio.replace(tx, PERIOD.day, "cro.example", points, ())
        portfolio.set_answer(tx, PERIOD.day, "cro.example", "answered", now)
        day.moment_done(tx, PERIOD.day, OPEN, now, "benchmark")
        plan = Plan(
            id=0, period=PERIOD, created_at=now, reasons=(Reason(kind=ReasonKind.FIRST_PLAN),),
            state=PlanState.AUDITED, points=points_of(solved), positions=positions_of(solved),
            result=result_of(solved, findings=(), no_flexibility_eur=0.0, notes=()),
            case_digest=serialisation.digest(named), basis=basis_of(StoredInputs(tx), world.settings, PERIOD, now),
        )  # fmt: skip
        plans.put(tx, plan, serialisation.pack(outcome), serialisation.pack(named))


def _receive(world: World, case: Case, number: int) -> None:
    """Receive a signed update that halves the next reservation; after the last, the first is halved again."""
    held = case.reservations
    again, k = divmod(number, len(held.point))
    power_w = round(1000 * float(held.reserved_kw[k].min()) * 0.5 ** (again + 1))
    update = world.dso.update(
        f'<ISP Power="{power_w}" {_ISPS}/>', Period=str(PERIOD), CongestionPoint=case.points[held.point[k]],
        ContractID=held.name[k], Reference=str(number),
    )  # fmt: skip
    if world.receive(world.dso.seal(update)) != 200:
        raise RuntimeError("the update was refused")


def _queued(world: World) -> int:
    with world.store.transaction() as tx:
        return sum(count for count, _ in plans.prognosis_counts(tx, PERIOD.day).values())


if __name__ == "__main__":
    from benchmarks.instances import make_case
    from models.method import Method, solve

    instance = make_case(int(sys.argv[1]))
    best = solve(instance, method=Method.DECOMPOSITION, relative_gap=1e-3, time_limit_s=600.0)
    figures = measure(instance, best) or {}  # no figures where there are no parts
    print(json.dumps(figures | {"gap_before": best.gap_eur / best.gross_cost_eur}))  # noqa: T201
