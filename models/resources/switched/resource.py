"""Switched units as the registry knows them."""

from dataclasses import replace

import numpy as np

from models.case import Case, Switched
from models.resources.protocols import Choosing, ResourceClass
from models.resources.switched import example, programs, resumed
from models.resources.switched.block import add_switched
from models.resources.switched.descent import SwitchedDescent
from models.resources.switched.response import SwitchedResponder


def guarded(case: Case, eur_per_kwh: float) -> Switched:
    """Return the units with at least this price of an ISP in which they are off and should be on."""
    return replace(case.switched, shortfall_eur=np.maximum(case.switched.shortfall_eur, eur_per_kwh))


RESOURCE = ResourceClass(
    name="switched",
    example=example,
    fields=("switched_on",),
    power_kw=programs.power_kw,
    range_kw=programs.range_kw,
    unmanaged=programs.unmanaged,
    resumed=resumed.resumed,
    terms_eur=programs.terms_eur,
    unavoidable_eur=programs.unavoidable_eur,
    block=add_switched,
    choosing=Choosing(
        responder=SwitchedResponder.of, empty=programs.empty, choose=programs.choose, descent=SwitchedDescent.of
    ),
    width_kw=programs.width_kw,
    guarded=guarded,
)
