"""Programs of units that nobody steers, for callers that cannot wait for Pyomo; see models.baseline for all of it."""

from models.resources.storage.unmanaged import unmanaged_programs

__all__ = ["unmanaged_programs"]
