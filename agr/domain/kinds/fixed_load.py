"""Fixed loads: consumption or production that nobody steers."""

from dataclasses import dataclass

from agr.domain.kinds.kind import Kind, Look
from agr.domain.kinds.quantities import POWER


@dataclass(frozen=True, kw_only=True)
class FixedLoad:
    """Consumption (or production) that nobody steers; follows its forecast `power_kw`."""

    resource: str
    connection: str


KIND = Kind(
    row=FixedLoad,
    table="fixed_loads",
    name="fixed_load",
    look=Look(words="fixed loads", light="#8c96a3", dark="#8b95a1", layer=10),
    stream=0,
    follows=(POWER,),
)
