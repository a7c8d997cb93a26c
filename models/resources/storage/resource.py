"""Storage as the registry knows it."""

from dataclasses import replace

import numpy as np

from models.case import Case, Ints, Storage
from models.outcome import Fields
from models.resources.protocols import Mixing, Reserving, ResourceClass
from models.resources.storage import example, mended, programs, reserve, resumed
from models.resources.storage.block import add_storage
from models.resources.storage.response import pricing_responder
from models.resources.storage.together import misses, together

_KW = 1e-6
"""Power that rounding may leave in a direction, kW."""


def mixes(case: Case, one: Fields, other: Fields) -> bool:
    """Return whether no unit has a minimum power, and none charges in one program while it discharges in the other."""
    if bool(programs.whole(case).any()):
        return False
    both = ((one["charge_kw"] > _KW) & (other["discharge_kw"] > _KW)) | (
        (one["discharge_kw"] > _KW) & (other["charge_kw"] > _KW)
    )
    return not bool(both.any())


def guarded(case: Case, eur_per_kwh: float) -> Storage:
    """Return the units with this price of shortfall at least."""
    return replace(case.storage, shortfall_eur_per_kwh=np.maximum(case.storage.shortfall_eur_per_kwh, eur_per_kwh))


def as_it_stands(case: Case) -> Storage:
    """Return the units, whose unmanaged program begins with the energy that they hold."""
    return replace(case.storage, unmanaged_start_kwh=case.storage.energy_start_kwh)


def from_before(case: Case) -> Storage:
    """Return the units, which hold what the unmanaged program of the Period before leaves."""
    return replace(case.storage, energy_start_kwh=case.storage.unmanaged_start_kwh)


def moved_kw(case: Case, fields: Fields) -> float:
    """Return Σ (pc + pd)."""
    del case
    return float(np.sum(fields["charge_kw"]) + np.sum(fields["discharge_kw"]))


def heating(case: Case) -> Ints:
    """Return the units (n,) from which something is drawn."""
    return np.flatnonzero((case.storage.demand_kwh > 0).any(axis=1))


RESOURCE = ResourceClass(
    name="storage",
    example=example,
    fields=programs.FIELDS,
    power_kw=programs.power_kw,
    range_kw=programs.range_kw,
    unmanaged=programs.unmanaged,
    resumed=resumed.resumed,
    follows=resumed.followed,
    mended=mended.mended,
    terms_eur=programs.terms_eur,
    unavoidable_eur=programs.unavoidable_eur,
    block=add_storage,
    mixing=Mixing(
        responder=pricing_responder,
        empty=programs.empty,
        sparse=programs.SPARSE,
        whole=programs.whole,
        whole_answers=programs.whole_answers,
        repair=programs.repair,
    ),
    reserving=Reserving(
        reserve_kw=reserve.reserve_kw,
        allocation=reserve.allocation,
        precision=programs.precision,
        together=together,
        apart=misses,
    ),
    kinds=programs.kinds,
    shares=programs.shares,
    width_kw=programs.width_kw,
    mixes=mixes,
    guarded=guarded,
    as_it_stands=as_it_stands,
    from_before=from_before,
    moved_kw=moved_kw,
    steadied=heating,
    unpriced=("unmanaged_kw",),
)
