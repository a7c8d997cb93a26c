"""Storage as the registry knows it."""

from models.resources.protocols import Mixing, Reserving, ResourceClass
from models.resources.storage import example, mended, programs, reserve, resumed
from models.resources.storage.block import add_storage
from models.resources.storage.response import pricing_responder
from models.resources.storage.together import misses, together

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
    unpriced=("unmanaged_kw",),
)
