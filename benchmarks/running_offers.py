"""Measures what it takes to price offers of flexibility while the day runs, beside what the optimiser takes.

`python -m benchmarks.running_offers 10000,100000 5`: batteries (50 at a congestion point), and requests of as many
congestion points. The plan in force is the unmanaged program, which needs no solver.
"""

import json
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from agr.domain.flexibility import Disposition, FlexRequest, NoOffer, RequestedIsp
from agr.domain.kinds.battery import Battery
from agr.domain.plan import Plan, PlanFigures, PlanState, PointProgram, Positions, Reason, ReasonKind
from agr.domain.register import CongestionPoint, Connection, Register
from agr.planning import serialisation
from agr.planning.case import build
from agr.planning.inputs import read_inputs
from agr.planning.pool import SolverPool
from agr.planning.stored_plans import StoredInputs
from agr.settings import MessageLimits
from agr.store import plans, portfolio, register
from agr.store.plans import Sent
from agr.trading.pricing import PlanPricer
from models.baseline import as_it_stands, no_flexibility
from tests.builders.worlds import NOW, PERIOD, World, prices

PER_POINT = 50
REQUESTED = range(69, 77)


def address_of(point: int) -> str:
    """Return the address of a congestion point."""
    return f"ea1.2024-01.example.dso:cp-{point:05d}"


def announced_world(resources: int, limits: MessageLimits | None = None) -> World:
    """Return a daemon with so many batteries, whose plan in force was announced to their DSO, and accepted."""
    world = World(Path(tempfile.mkdtemp(prefix="agr-offers-")), limits=limits or MessageLimits())
    connections = [f"ean.{number}" for number in range(resources)]
    points = tuple(
        CongestionPoint(
            address=address_of(n), dso="dso.example", intraday_redispatch_by="AGR",
            connections=tuple(connections[n * PER_POINT : (n + 1) * PER_POINT]),
        )
        for n in range(resources // PER_POINT)
    )  # fmt: skip
    known = Register(
        connections=tuple(Connection(address=one, first_day=PERIOD.day) for one in connections),
        resources=tuple(
            Battery(
                resource=f"battery {n}", connection=one, charge_kw=5, discharge_kw=5, capacity_kwh=10, initial_kwh=5,
                end_kwh=5, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=5,
            )
            for n, one in enumerate(connections)
        ),
        prices=prices("day_ahead_forecast", PERIOD),
    )  # fmt: skip
    with world.store.transaction() as tx:
        register.replace(tx, known)
        portfolio.replace(tx, PERIOD.day, "cro.example", points, ())
        portfolio.set_answer(tx, PERIOD.day, "cro.example", "answered", NOW)
        _plan(world, tx)
    return world


def measured(resources: int, requests: int) -> dict[str, Any]:
    """Return the seconds of the first request, which reads the plan in force, and of the others."""
    world = announced_world(resources)
    world.clock.jump_to(PERIOD.start + timedelta(hours=8))
    pool = SolverPool(world.settings.planning)
    pricer = PlanPricer(world.store, world.settings, world.clock, pool)
    taken, used, refused = list[float](), list[float](), set[str]()
    try:
        for number in range(requests):
            began, before = perf_counter(), process_time()
            quote = pricer.price(_request(address_of(number)))
            taken.append(perf_counter() - began)
            used.append(process_time() - before)
            if isinstance(quote, NoOffer):
                refused.add(quote.reason)
    finally:
        pool.close()
        world.store.close()
    return {
        "resources": resources, "first_s": round(taken[0], 2), "first_cpu_s": round(used[0], 2),
        "others_s": round(float(np.median(taken[1:])), 3), "others_cpu_s": round(float(np.median(used[1:])), 3),
        "comparisons": pricer.running_day.comparisons, "refused": sorted(refused),
    }  # fmt: skip


def _plan(world: World, tx: Any) -> None:
    """Put the unmanaged program in force, as announced and accepted."""
    run = read_inputs(StoredInputs(tx), world.settings, PERIOD, world.clock.now())
    assert run is not None
    named = build(run.inputs)
    outcome = no_flexibility(as_it_stands(named.case))
    power_w = np.rint(outcome.point_kw * 1000).astype(int).tolist()
    result = PlanFigures(
        terms_eur={}, objective_eur=0.0, bound_eur=0.0, gap_eur=0.0, gross_cost_eur=1.0, no_flexibility_eur=0.0,
        imbalance_mwh=0.0, reservation_shortfall_kwh=0.0, comfort_shortfall_kwh=0.0, limit_breach_kwh=0.0,
        reserve_shortfall_mwh=0.0, termination="optimal", solver="benchmark", seconds={}, audit=(), notes=(),
    )  # fmt: skip
    zero = (0.0,) * PERIOD.isp_count
    plan = Plan(
        id=0, period=PERIOD, created_at=NOW, reasons=(Reason(kind=ReasonKind.FIRST_PLAN),), state=PlanState.AUDITED,
        points=tuple(
            PointProgram(address=address, dso="dso.example", power_w=tuple(row))
            for address, row in zip(named.case.points, power_w, strict=True)
        ),
        positions=Positions(day_ahead_kw=zero, intraday_kw=zero, bids_mw={}, balance_eur_per_mwh=zero), result=result,
        case_digest=serialisation.digest(named),
    )  # fmt: skip
    stored = plans.put(tx, plan, serialisation.pack(outcome), serialisation.pack(named))
    for number, point in enumerate(plan.points):
        plans.put_prognosis(tx, PERIOD.day, Sent(
            congestion_point=point.address, dso=point.dso, revision=1, plan=stored.id, message_id=f"m-{number}",
            power_w=point.power_w, at=NOW, state="accepted", reason=None,
        ))  # fmt: skip


def _request(address: str) -> FlexRequest:
    isps = tuple(
        RequestedIsp(isp=t, disposition=Disposition.REQUESTED, min_w=-50_000, max_w=0)
        if t in REQUESTED
        else RequestedIsp(isp=t, disposition=Disposition.AVAILABLE, min_w=-500_000, max_w=500_000)
        for t in range(1, PERIOD.isp_count + 1)
    )
    request = FlexRequest(
        message_id="benchmark", conversation_id="benchmark", dso="dso.example", congestion_point=address, period=PERIOD,
        revision=1, expires_at=PERIOD.end, received_at=PERIOD.start, isps=isps,
    )  # fmt: skip
    return replace(request, spans=((REQUESTED.start, len(REQUESTED)),))


def main(sizes: str = "10000,100000", requests: str = "5") -> None:
    """Print one JSON object a line."""
    for size in sizes.split(","):
        sys.stdout.write(json.dumps(measured(int(size), int(requests))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
