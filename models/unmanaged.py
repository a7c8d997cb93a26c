"""Programs of stores and runs, and what they leave, for callers that cannot wait for Pyomo; see models.baseline."""

from models.resources.shiftable.power import isps_to_come, left_eur, power_kw
from models.resources.storage.content import end_kwh, held_kwh
from models.resources.storage.unmanaged import unmanaged_end_kwh, unmanaged_programs

__all__ = ["end_kwh", "held_kwh", "isps_to_come", "left_eur", "power_kw", "unmanaged_end_kwh", "unmanaged_programs"]
