"""Curtailable generation as the registry knows it."""

import numpy as np

from models.case import Case
from models.outcome import Fields
from models.resources.curtailable import example, programs, resumed
from models.resources.curtailable.block import add_curtailable
from models.resources.curtailable.response import CurtailableResponder
from models.resources.curtailable.together import together
from models.resources.protocols import Mixing, Reserving, ResourceClass


def moved_kw(case: Case, fields: Fields) -> float:
    """Return Σ (p − g)."""
    return float(np.sum(fields["curtailable_kw"] - case.curtailable.forecast_kw))


RESOURCE = ResourceClass(
    name="curtailable",
    example=example,
    fields=("curtailable_kw",),
    power_kw=programs.power_kw,
    range_kw=programs.range_kw,
    unmanaged=programs.unmanaged,
    resumed=resumed.resumed,
    terms_eur=programs.terms_eur,
    block=add_curtailable,
    mixing=Mixing(responder=CurtailableResponder.of, empty=programs.empty),
    reserving=Reserving(
        reserve_kw=programs.reserve_kw, allocation=programs.allocation, precision=programs.precision, together=together
    ),
    width_kw=programs.width_kw,
    moved_kw=moved_kw,
)
