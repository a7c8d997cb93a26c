"""The resource classes, found by the names of their fields in models.case.

A class consists of:

1. `models/resources/NAME/`: `__init__.py` (a dataclass of arrays with `point`, `widths` and `check`, and an example),
   `block.py` (its Pyomo block for the reference), `response.py` (its best response for the decomposition) and
   `resource.py` (its RESOURCE, a ResourceClass; see models.resources.protocols for what each entry means and what may
   be left out). What programs are and earn is in `programs.py` where other modules of the class need it, else in
   `resource.py`. Where facts may change under a program, `resumed.py` has an earlier program under new facts. These
   modules know Case, and no other class.
2. `models/case.py`: a field of Case with the arrays, marked as units, with no units as its default; and the fields of
   Programs, and of Headroom if it holds reserve, with its programs.
3. `models/audit/resources/NAME.py`: its AUDIT, which checks its programs from the formulation alone.
4. A test and a section of docs/reference/formulation.md.

A worked example, with the service's side: docs/how-to/add-a-resource-class.md.
"""

from models.case import UNIT_CLASSES
from models.registered import registered
from models.resources.protocols import ResourceClass

RESOURCES: tuple[ResourceClass, ...] = registered(
    UNIT_CLASSES, "models.resources.{name}.resource", "RESOURCE", ResourceClass
)
"""Every class, in the order in which programs and money are added up, and blocks are stated in the reference."""

BY_NAME: dict[str, ResourceClass] = {resource.name: resource for resource in RESOURCES}

FIXED = BY_NAME["fixed"]

PRICED: tuple[ResourceClass, ...] = tuple(
    sorted((one for one in RESOURCES if one.mixing or one.choosing), key=lambda one: one.name != "storage")
)
"""The classes with a choice, in the order in which the decomposition asks them: storage first."""
