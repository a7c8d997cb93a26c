"""Generators: sun and wind."""

from collections.abc import Iterator
from dataclasses import dataclass

from agr.domain.bounds import NotNegative
from agr.domain.kinds.kind import Kind, Look, Remark
from agr.domain.kinds.mistaken_units import per_kwh
from agr.domain.kinds.quantities import POWER


@dataclass(frozen=True, kw_only=True)
class Generator:
    """PV or wind; follows forecast `power_kw` (negative) and may be curtailed at a cost."""

    resource: str
    connection: str
    curtailment_eur_per_mwh: NotNegative = 0.0
    reserve_kw: NotNegative = 0.0


def _mistaken(row: Generator) -> Iterator[Remark]:
    yield from per_kwh(row, "curtailment_eur_per_mwh")


KIND = Kind(
    row=Generator,
    table="generators",
    name="generator",
    look=Look(words="generation", light="#e0a100", dark="#f2c14e", layer=80),
    stream=1,
    follows=(POWER,),
    produces=True,
    swing_kw=lambda _row: None,
    mistaken=_mistaken,
)
