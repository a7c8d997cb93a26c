"""The whole problem: what to run, buy, sell and bid for one Period. A table of contents; the algebra is elsewhere.

Run it in a process of its own: two solves in threads of one process can hang.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pyomo.environ as pyo

from models.baseline import no_flexibility
from models.block import Discrete, ObjectiveTerm, reserved_points
from models.case import Case
from models.markets.balancing_capacity import ReserveRows, hold_reserves
from models.markets.congestion import cover_reservations, limit_congestion
from models.markets.energy import add_balance
from models.markets.points import add_points, stay_near
from models.objective import gross_eur, maximise_value, remainder_eur
from models.outcome import Outcome
from models.reference.mip_search import search
from models.reference.reading import Problem, UnitBlocks, read_outcome
from models.resources.curtailable import add_curtailable, called_cells
from models.resources.fixed import fixed_program_kw
from models.resources.shiftable import add_shiftable
from models.resources.storage import add_storage
from models.resources.switched import add_switched
from models.solver import translate
from models.solver_log import SolverLog


def state(case: Case) -> Problem:
    """State the problem of docs/reference/formulation.md as one Pyomo model."""
    model = pyo.ConcreteModel()
    fixed_kw = fixed_program_kw(case)

    units = _add_units(model, case)
    points = add_points(model, case, units.flows, fixed_kw)
    markets = add_balance(model, case, points)
    limits = limit_congestion(model, case, points)

    called = _add_called_units(model, case) if reserved_points(case).any() else None
    reservations = cover_reservations(model, case, points, called.flows if called else (), fixed_kw)
    reserves = hold_reserves(model, case, units.held, called.held if called else None)

    parts = (units, markets, limits, reservations, reserves, *((called,) if called else ()))
    worths = (
        *(worth for part in parts for worth in part.worth),
        *stay_near(model, case, points),
        *(
            ObjectiveTerm(term=term, variables=[], eur=np.zeros(0), constant_eur=eur)
            for term, eur in remainder_eur(case).items()
        ),
    )
    maximise_value(model, worths)
    return Problem(
        model=model,
        units=units,
        called=called,
        markets=markets,
        limits=limits,
        reservations=reservations,
        reserves=reserves,
        worths=worths,
        discrete=_discrete(units, called, reserves),
    )


def _add_units(model: Any, case: Case) -> UnitBlocks:
    everywhere = np.ones(case.curtailable.forecast_kw.shape, dtype=np.bool_)
    return UnitBlocks(
        curtailable=add_curtailable(model, case, name="curtailable", needed=everywhere),
        storage=add_storage(model, case, name="storage", units=np.arange(len(case.storage.point))),
        shiftable=add_shiftable(model, case, name="shiftable", units=np.arange(len(case.shiftable.point))),
        switched=add_switched(model, case, name="switched", units=np.arange(len(case.switched.point))),
    )


def _add_called_units(model: Any, case: Case) -> UnitBlocks:
    """Add what units at reserved congestion points do when every reservation is called at once."""
    reserved = reserved_points(case)
    return UnitBlocks(
        curtailable=add_curtailable(model, case, name="called_curtailable", needed=called_cells(case), called=True),
        storage=add_storage(
            model, case, name="called_storage", units=np.flatnonzero(reserved[case.storage.point]), called=True
        ),
        shiftable=add_shiftable(
            model, case, name="called_shiftable", units=np.flatnonzero(reserved[case.shiftable.point])
        ),
        switched=add_switched(
            model, case, name="called_switched", units=np.flatnonzero(reserved[case.switched.point]), called=True
        ),
    )


def _discrete(units: UnitBlocks, called: UnitBlocks | None, reserves: ReserveRows) -> Discrete:
    blocks = (units,) if called is None else (units, called)
    return Discrete(
        exclusive=tuple(block.storage.exclusive for block in blocks),
        choices=tuple(choice for block in blocks for choice in block.shiftable.choices),
        switches=tuple(block.storage.switches for block in blocks),
        states=tuple(block.switched.states for block in blocks),
        wholes=tuple(reserves.bids.values()),
        holders=tuple(block.storage.holders for block in blocks),
        held=tuple(held for block in blocks for held in block.held),
    )


def solve(case: Case, *, relative_gap: float = 1e-4, time_limit_s: float = 60.0, threads: int = 2) -> Outcome:
    """Return the best program found, its value, duals and proven bound.

    Every coupling is soft, so there always is a program; if time runs out before one is found the outcome holds the
    no-flexibility program and says so. A gap is relative to gross cost; problems of a few thousand variables are
    solved exactly. Raises SolverError if the solver fails for any other reason.
    """
    started, transcript = perf_counter(), SolverLog()
    with _no_collection():
        problem = state(case)
        built = perf_counter()
        matrix = translate(problem.model)
    translated = perf_counter()
    found = search(
        matrix,
        problem.discrete,
        gross_eur=lambda values: gross_eur(problem.worths, values),
        relative_gap=relative_gap,
        deadline=started + time_limit_s,
        threads=threads,
        transcript=transcript,
    )
    seconds = {"build": built - started, "translate": translated - built, "solve": perf_counter() - translated}
    if found.x is None:
        return replace(no_flexibility(case, seconds=seconds), log=transcript.lines())
    return replace(read_outcome(case, problem, matrix, found, seconds), log=transcript.lines())


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the garbage collector: a model is a million small objects, none of them garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
