"""Checks fixed loads and generators: their forecasts, with the right sign and size, and their curtailment. Pure.

Source: docs/reference/formulation.md §2.1 and §2.2.
"""

from collections.abc import Iterator

import numpy as np

from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.planning.case_audit.context import AuditContext
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import beyond, differences
from models.outcome import Programs


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield findings about forecasts in the case that are not those of the tables."""
    yield from _fixed(context)
    yield from _generators(context)


def _forecast(context: AuditContext, names: list[str]) -> Floats:
    """Return the forecast power (U,T), kW; a resource out of order has none."""
    values = np.array([context.forecast(name, "power_kw", 0.0) for name in names])
    return values.reshape(-1, context.day.isps) * context.available(names)


def _fixed(context: AuditContext) -> Iterator[str]:
    loads, data = context.ours(FixedLoad), context.case.fixed
    yield from context.presence("fixed", (FixedLoad,), [load.resource for load in loads])
    here, rows = context.found("fixed", loads)
    names = [load.resource for load in here]
    yield from differences(names, "point", data.point[rows], context.places(here))
    yield from differences(names, "program_kw", data.program_kw[rows], _forecast(context, names))


def _generators(context: AuditContext) -> Iterator[str]:
    generators, data = context.ours(Generator), context.case.curtailable
    yield from context.presence("curtailable", (Generator,), [one.resource for one in generators])
    here, rows = context.found("curtailable", generators)
    names = [one.resource for one in here]
    most = np.minimum(_forecast(context, names), 0.0)  # production is negative; a generator does not consume
    cost = np.array([one.curtailment_eur_per_mwh for one in here])
    yield from differences(names, "point", data.point[rows], context.places(here))
    yield from differences(names, "forecast_kw", data.forecast_kw[rows], most)
    yield from differences(names, "cost_eur_per_mwh", data.cost_eur_per_mwh[rows], cost)
    yield from differences(names, "reserve_kw", data.reserve_kw[rows], context.reserve_kw(here))
    yield from differences(names, "pinned_kw", data.pinned_kw[rows], np.clip(context.pins(here), most, 0.0))


def check_programs(context: AuditContext, programs: Programs) -> Iterator[str]:
    """Yield generators that consume, or that produce more than is forecast."""
    here, rows = context.found("curtailable", context.ours(Generator))
    names = [one.resource for one in here]
    power, most = programs.curtailable_kw[rows], np.minimum(_forecast(context, names), 0.0)
    allowed = 1e-3 + 1e-5 * np.abs(most)
    yield from beyond(names, "consumes", power, allowed, "kW")
    yield from beyond(names, "produces more than is forecast", most - power, allowed, "kW")
