"""Shiftable runs as the registry knows them."""

from dataclasses import replace

from models.case import Case, Shiftable
from models.outcome import Fields
from models.resources.protocols import Choosing, ResourceClass
from models.resources.shiftable import example, programs, resumed
from models.resources.shiftable.block import add_shiftable
from models.resources.shiftable.response import ShiftableResponder


def mixes(case: Case, one: Fields, other: Fields) -> bool:
    """Return whether no run has a choice."""
    del one, other
    return not bool((case.shiftable.last_start > case.shiftable.first_start).any())


def as_it_stands(case: Case) -> Shiftable:
    """Return the runs, which start as early as they still may if nobody steers them."""
    return replace(case.shiftable, unmanaged_start=case.shiftable.first_start)


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
    mixes=mixes,
    as_it_stands=as_it_stands,
)
