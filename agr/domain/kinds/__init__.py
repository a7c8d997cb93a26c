"""Every kind of resource, in the order of the tables: the one list of them outside of agr.planning.case.

A new kind needs a module here with its row and its KIND, a place in this list, and a conversion in agr.planning.case.
A worked example: docs/how-to/add-a-kind-of-resource.md.
"""

from typing import Any

from agr.domain.kinds import battery, ev_session, fixed_load, generator, heat_pump, shiftable_run, switched_load
from agr.domain.kinds.kind import Kind

KINDS: tuple[Kind[Any], ...] = (
    fixed_load.KIND,
    generator.KIND,
    battery.KIND,
    ev_session.KIND,
    heat_pump.KIND,
    shiftable_run.KIND,
    switched_load.KIND,
)

BY_TABLE = {kind.table: kind for kind in KINDS}
MEASURED = {quantity.name: quantity for kind in KINDS for quantity in kind.measured}
"""What can be measured when a Period begins, by name."""
QUANTITIES = {quantity.name: quantity for kind in KINDS for quantity in kind.follows} | MEASURED
"""What can be forecast or measured, by name."""
