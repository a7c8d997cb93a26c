"""What can be forecast of a resource. A kind that needs another quantity may define it beside its row."""

from agr.domain.bounds import NOT_NEGATIVE, POSITIVE
from agr.domain.kinds.kind import Quantity

POWER = Quantity(name="power_kw")  # electric, consumption positive
HEAT = Quantity(name="heat_kw", bound=NOT_NEGATIVE)  # demand, thermal
STORED = Quantity(name="stored_kwh", bound=NOT_NEGATIVE)  # energy held when a Period begins, as measured
COP = Quantity(name="cop", bound=POSITIVE)  # heat per electric energy
