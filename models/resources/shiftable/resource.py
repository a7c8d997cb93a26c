"""Shiftable runs as the registry knows them."""

from models.resources.protocols import Choosing, ResourceClass
from models.resources.shiftable import example, programs, resumed
from models.resources.shiftable.block import add_shiftable
from models.resources.shiftable.response import ShiftableResponder

RESOURCE = ResourceClass(
    name="shiftable",
    example=example,
    fields=("start",),
    power_kw=programs.power_kw,
    range_kw=programs.range_kw,
    unmanaged=programs.unmanaged,
    resumed=resumed.resumed,
    terms_eur=programs.terms_eur,
    block=add_shiftable,
    choosing=Choosing(responder=ShiftableResponder.of, empty=programs.empty, choose=programs.choose),
    width_kw=programs.width_kw,
)
