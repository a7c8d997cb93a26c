"""States and solves the whole problem of one Period. A table of contents; the algebra is in classes and markets.

Run it in a process of its own: two solves in threads of one process can hang.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from time import perf_counter

import numpy as np

from models.algebra import pyo
from models.baseline import as_it_stands, no_flexibility
from models.block import Discrete, ObjectiveTerm, reserved_points
from models.case import Case
from models.connection_costs import fixed_kw as fixed_tariffs_kw
from models.connection_loads import fixed_kw as fixed_units_kw
from models.markets.points import add_points
from models.markets.protocols import PortfolioSums
from models.markets.registry import ANNOUNCED, MARKETS
from models.matrix import Matrix, translate
from models.objective import constants_eur, gross_eur, maximise_value
from models.outcome import Outcome
from models.reference.incumbent import incumbent_values
from models.reference.mip_search import SMALL, search
from models.reference.reading import Problem, add_units, read_outcome
from models.resources.registry import FIXED
from models.resources.totals import fixed_groups_kw, units_kw
from models.solver_log import SolverLog
from models.work_clock import now


def state(case: Case) -> Problem:
    """State the problem of docs/reference/formulation.md as one Pyomo model."""
    model = pyo.ConcreteModel()
    fixed_kw = units_kw(case, FIXED, None, {})

    units = add_units(model, case, called=False)
    points = add_points(model, case, units.flows, fixed_kw)
    called = cache(lambda: add_units(model, case, called=True) if reserved_points(case).any() else None)
    portfolio = PortfolioSums(
        points=points, fixed_kw=fixed_kw, held=units.held, units=units.by_class, fixed_units_kw=fixed_units_kw(case),
        fixed_tariffs_kw=fixed_tariffs_kw(case), fixed_groups_kw=fixed_groups_kw(case),
        called=lambda: found.coupled if (found := called()) else None,
    )  # fmt: skip
    markets = {market.name: market.state(model, case, portfolio) for market in MARKETS}

    found = called()
    blocks = (*units.blocks.values(), *markets.values(), *(() if found is None else found.blocks.values()))
    terms = (
        *units.terms,
        *(term for name, block in markets.items() if name != ANNOUNCED.name for term in block.terms),
        *(() if found is None else found.terms),
        *markets[ANNOUNCED.name].terms,
        *(
            ObjectiveTerm(term=term, variables=[], eur=np.zeros(0), constant_eur=eur)
            for term, eur in constants_eur(case).items()
        ),
    )
    maximise_value(model, terms)
    return Problem(
        model=model,
        units=units,
        called=found,
        markets=markets,
        terms=terms,
        discrete=Discrete.joined(block.discrete for block in blocks),
    )


def solve(
    case: Case,
    *,
    relative_gap: float = 1e-4,
    time_limit_s: float = 60.0,
    threads: int = 1,
    incumbent: Outcome | None = None,
    exact_to: int = SMALL,
) -> Outcome:
    """Return the best program found, with its value, duals and proven bound.

    Every coupling is soft, so there is always a program. If time runs out before one is found, the outcome holds the
    baseline and ends as `no program`. `relative_gap` is a share of gross cost; problems of up to `exact_to` variables
    are solved exactly. The search begins from the whole numbers of `incumbent`, if there is one. A second thread looks
    for work all the time: in small problems it takes a fifth more processor time and saves none. Raises SolverError if
    the solver fails for any other reason.
    """
    started, deadline, log = perf_counter(), now() + time_limit_s, SolverLog()
    with no_collection():
        problem = state(case)
        built = perf_counter()
        matrix = translate(problem.model)
    translated = perf_counter()
    found = search(
        matrix,
        problem.discrete,
        gross_eur=lambda values: gross_eur(problem.terms, values),
        relative_gap=relative_gap,
        deadline=deadline,
        threads=threads,
        log=log,
        exact_to=exact_to,
        incumbent=None if incumbent is None else incumbent_values(case, matrix, problem.discrete, incumbent),
    )
    seconds = {"build": built - started, "translate": translated - built, "solve": perf_counter() - translated}
    if found.x is None:
        return replace(no_flexibility(as_it_stands(case), seconds=seconds), log=log.lines())
    return replace(read_outcome(case, problem, matrix, found, seconds), log=log.lines())


def stated(case: Case) -> tuple[Problem, Matrix]:
    """Return the stated problem with its arrays."""
    with no_collection():
        problem = state(case)
        return problem, translate(problem.model)


@contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector: a model is a million small objects, none of them garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
