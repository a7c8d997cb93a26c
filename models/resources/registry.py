"""The resource classes: the one place where they are registered.

To add a class (a worked example: docs/how-to/add-a-resource-class.md):

1. `models/resources/NAME/`: `arrays.py` (a dataclass with `point`, `widths` and `check`), `programs.py` (power,
   unmanaged program, money, and how answers mix or one is chosen), `block.py` (its Pyomo block for the reference),
   `response.py` (its best response for the decomposition) and, where facts may change under a program, `resumed.py`
   (an earlier program under new facts). They know Case, and no other class.
2. `models/case.py`: a field with the arrays, marked as units, with no units as its default.
   `models/outcome.py`: the fields of Programs that hold its programs.
3. Here: a ResourceClass. See models.resources.protocols for what each entry means and what may be left out.
4. `models/audit/resources/`: a module that checks its programs from the formulation alone, and a line of its registry.
5. A test and a section of docs/reference/formulation.md. The tiny case of models.decomposition.precompile should have a
   unit of the class, so that its code is compiled ahead.
"""

from models.case import UNIT_CLASSES
from models.resources.curtailable import programs as curtailable
from models.resources.curtailable import resumed as curtailable_resumed
from models.resources.curtailable.block import add_curtailable
from models.resources.curtailable.response import CurtailableResponder
from models.resources.curtailable.together import together as curtailable_together
from models.resources.fixed import programs as fixed
from models.resources.protocols import Choosing, Mixing, Reserving, ResourceClass
from models.resources.shiftable import programs as shiftable
from models.resources.shiftable import resumed as shiftable_resumed
from models.resources.shiftable.block import add_shiftable
from models.resources.shiftable.response import ShiftableResponder
from models.resources.storage import programs as storage
from models.resources.storage import reserve as storage_reserve
from models.resources.storage import resumed as storage_resumed
from models.resources.storage.block import add_storage
from models.resources.storage.response import StorageResponder
from models.resources.storage.together import together as storage_together
from models.resources.switched import programs as switched
from models.resources.switched import resumed as switched_resumed
from models.resources.switched.block import add_switched
from models.resources.switched.descent import SwitchedDescent
from models.resources.switched.response import SwitchedResponder

FIXED = ResourceClass(name="fixed", fields=(), power_kw=fixed.power_kw, unmanaged=fixed.unmanaged)

CURTAILABLE = ResourceClass(
    name="curtailable",
    fields=("curtailable_kw",),
    power_kw=curtailable.power_kw,
    unmanaged=curtailable.unmanaged,
    resumed=curtailable_resumed.resumed,
    terms_eur=curtailable.terms_eur,
    block=add_curtailable,
    mixing=Mixing(responder=CurtailableResponder.of, empty=curtailable.empty),
    reserving=Reserving(
        reserve_kw=curtailable.reserve_kw,
        allocation=curtailable.allocation,
        precision=curtailable.precision,
        together=curtailable_together,
    ),
    width_kw=curtailable.width_kw,
)

STORAGE = ResourceClass(
    name="storage",
    fields=storage.FIELDS,
    power_kw=storage.power_kw,
    unmanaged=storage.unmanaged,
    resumed=storage_resumed.resumed,
    terms_eur=storage.terms_eur,
    block=add_storage,
    mixing=Mixing(
        responder=StorageResponder.of,
        empty=storage.empty,
        sparse=storage.SPARSE,
        whole_answers=storage.whole_answers,
        repair=storage.repair,
    ),
    reserving=Reserving(
        reserve_kw=storage_reserve.reserve_kw,
        allocation=storage_reserve.allocation,
        precision=storage.precision,
        together=storage_together,
    ),
    kinds=storage.kinds,
    shares=storage.shares,
    width_kw=storage.width_kw,
    unpriced=("unmanaged_kw",),
)

SHIFTABLE = ResourceClass(
    name="shiftable",
    fields=("start",),
    power_kw=shiftable.power_kw,
    unmanaged=shiftable.unmanaged,
    resumed=shiftable_resumed.resumed,
    terms_eur=shiftable.terms_eur,
    block=add_shiftable,
    choosing=Choosing(responder=ShiftableResponder.of, empty=shiftable.empty, choose=shiftable.choose),
    width_kw=shiftable.width_kw,
)

SWITCHED = ResourceClass(
    name="switched",
    fields=("switched_on",),
    power_kw=switched.power_kw,
    unmanaged=switched.unmanaged,
    resumed=switched_resumed.resumed,
    terms_eur=switched.terms_eur,
    block=add_switched,
    choosing=Choosing(
        responder=SwitchedResponder.of, empty=switched.empty, choose=switched.choose, descent=SwitchedDescent.of
    ),
    width_kw=switched.width_kw,
)

RESOURCES: tuple[ResourceClass, ...] = (FIXED, CURTAILABLE, STORAGE, SHIFTABLE, SWITCHED)
"""Every class, in the order in which programs and money are added up, and blocks are stated in the reference."""

PRICED: tuple[ResourceClass, ...] = (STORAGE, CURTAILABLE, SHIFTABLE, SWITCHED)
"""The classes with a choice, in the order in which the decomposition asks them."""

BY_NAME: dict[str, ResourceClass] = {resource.name: resource for resource in RESOURCES}

if set(BY_NAME) != set(UNIT_CLASSES):
    raise TypeError(
        f"the classes of models.case and of the registry differ: {sorted(set(BY_NAME) ^ set(UNIT_CLASSES))}"
    )
