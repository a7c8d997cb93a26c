"""Every kind of resource, in the order of the tables.

A kind is a module here with its row and its KIND; it is found by that. It needs a conversion in agr.planning.case, too.
A worked example: docs/how-to/add-a-kind-of-resource.md.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from agr.domain.kinds.kind import Kind


def _found() -> list[Kind[Any]]:
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return [module.KIND for module in modules if hasattr(module, "KIND")]


KINDS: tuple[Kind[Any], ...] = tuple(sorted(_found(), key=lambda kind: kind.stream))
"""All kinds of resources, ordered by `stream`. Streams are numbered as kinds are added, so a new kind leaves the order
in archives as it is."""

BY_TABLE = {kind.table: kind for kind in KINDS}
MEASURED = {quantity.name: quantity for kind in KINDS for quantity in kind.measured}
"""What can be measured when a Period begins, by name."""
QUANTITIES = {quantity.name: quantity for kind in KINDS for quantity in kind.follows} | MEASURED
"""What can be forecast or measured, by name."""
