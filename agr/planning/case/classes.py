"""The classes of units, in the order in which tables of results list them: the one list of them in the service.

A new class is a module here with its CLASS, and a place in this list; a kind of resource that becomes a store, say, is
a module with a CONVERSION and a place in the class's conversions.
"""

from agr.planning.case import curtailable, fixed, shiftable, storage, switched
from agr.planning.case.unit_class import UnitClass

CLASSES: tuple[UnitClass, ...] = (fixed.CLASS, curtailable.CLASS, storage.CLASS, shiftable.CLASS, switched.CLASS)
