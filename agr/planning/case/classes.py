"""The service's only list of unit classes, in the order of result tables.

A new class is a module here that defines CLASS, and an entry in this list. A new kind of resource within a class, such
as another store, is a module that defines CONVERSION, and an entry in the conversions of its class.
"""

from agr.planning.case import curtailable, fixed, shiftable, storage, switched
from agr.planning.case.unit_class import UnitClass

CLASSES: tuple[UnitClass, ...] = (fixed.CLASS, curtailable.CLASS, storage.CLASS, shiftable.CLASS, switched.CLASS)
