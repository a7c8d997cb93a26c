"""Awards of capacity auctions that are entered by hand."""

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.domain.isp import Period, SystemClock
from agr.domain.plan import Reason, ReasonKind
from agr.settings import Settings
from agr.store import day, plans
from agr.store.engine import Store


def award(settings: Settings, store: Store, period: Period, product: str, awarded_mw: tuple[float, ...]) -> None:
    """Fix what an auction awarded, in MW per block, and ask for a new plan."""
    known = {p.name: 24 // p.block_hours for p in settings.markets.capacity}
    if product not in known:
        raise InputError(f"{product!r} is not a capacity product; {meant(product, list(known))}")
    if len(awarded_mw) != known[product] or min(awarded_mw) < 0:
        raise InputError(f"{product} has {known[product]} blocks a day; give as many values in MW, none negative")
    now = SystemClock().now()
    with store.transaction() as tx:
        day.fix_position(tx, period.day, product, awarded_mw, now, "award entered by hand")
        if plans.in_force(tx, period.day) is not None:
            reason = Reason(kind=ReasonKind.OPERATOR, reference=product, text=f"award of {product} entered")
            day.put_trigger(tx, period.day, reason, now)
