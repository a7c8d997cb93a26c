"""Checks what a Period takes over from the plan of the Period before: what is debited, and what stores hold. Pure.

Source: docs/reference/formulation.md §4.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from agr.planning.case_audit.context import AuditContext
from agr.planning.case_audit.facts import Facts, Floats, Named
from agr.planning.case_audit.findings import beyond, differences
from models.outcome import Programs


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield debits that are not what was credited."""
    facts, case = context.facts, context.case
    for field, due in (
        ("brought_forward_eur", facts.brought_forward_eur),
        ("unmanaged_brought_forward_eur", facts.unmanaged_brought_forward_eur),
    ):
        yield from differences(
            ["what was left the day before"], field, np.array([getattr(case, field)]), np.array([due])
        )


def contents_left(named: Named, programs: Programs) -> Mapping[str, float]:
    """Return store → what it holds when a program has run, kWh, added up from power alone.

    What a program misses never came; a store holds no less than nothing and no more than fits in.
    """
    data, hours = named.case.storage, named.case.isp_hours
    shape = programs.charge_kw.shape
    into, needs, most = (
        np.broadcast_to(table, shape) for table in (data.charge_efficiency, data.demand_kwh, data.energy_max_kwh)
    )
    content: Floats = np.asarray(data.energy_start_kwh, dtype=np.float64)
    for t in range(shape[1]):
        came = programs.charge_kw[:, t] * into[:, t] * hours
        went = programs.discharge_kw[:, t] / data.discharge_efficiency * hours + needs[:, t]
        content = np.clip(content * data.retention + came - went, 0.0, np.maximum(most[:, t], 0.0))
    return dict(zip(named.names.get("storage", ()), content.tolist(), strict=True))


def check_contents(facts: Facts, left: Mapping[str, float]) -> Iterator[str]:
    """Yield stores that are to begin with more or less than the plan of the Period before really leaves."""
    names = [name for name in left if name in facts.carried_state]
    due = np.array([left[name] for name in names], dtype=np.float64)
    off = np.abs(np.array([facts.carried_state[name] for name in names], dtype=np.float64) - due)
    allowed = 1e-2 + 1e-4 * np.abs(due)
    yield from beyond(names, "begins otherwise than the day before leaves it,", off, allowed, "kWh")
