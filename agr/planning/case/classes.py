"""The service's unit classes, found by the names of the classes in `models`, in their order: that of result tables.

A new class is a module here that is named after it and defines CLASS. A new kind of resource within a class, such as
another store, is a module that defines CONVERSION, and an entry in the conversions of its class.
"""

from agr.planning.case.unit_class import UnitClass
from models.case import UNIT_CLASSES
from models.registered import registered

CLASSES: tuple[UnitClass, ...] = registered(UNIT_CLASSES, "agr.planning.case.{name}", "CLASS", UnitClass)
