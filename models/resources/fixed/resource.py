"""Fixed units as the registry knows them."""

from models.resources.fixed import example, programs
from models.resources.protocols import ResourceClass

RESOURCE = ResourceClass(
    name="fixed",
    example=example,
    fields=(),
    power_kw=programs.power_kw,
    range_kw=programs.range_kw,
    unmanaged=programs.unmanaged,
)
