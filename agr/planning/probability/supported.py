"""Which congestion points' reservations can be planned by probability; the others are planned as they are forecast.

Scenarios know no rows that tie units of a congestion point to something else: connection limits, tariffs, orders. One
such point does not keep the others from being promised. Source: docs/explanation/promises.md §7.
"""

from collections.abc import Sequence
from dataclasses import replace

from agr.planning.contents import named_some
from agr.planning.probability.uncertain import Uncertain, only
from models.case import NO_LIMIT, NO_TARIFF, UNIT_CLASSES, Case


def refused(case: Case, points: Sequence[str]) -> dict[str, str]:
    """Return what ties units there, for each of some congestion points where something does."""
    ordered = set(case.orders.point.tolist())
    found: dict[str, str] = {}
    for address in points:
        point = case.points.index(address)
        here = {name: case.units(name).point == point for name in UNIT_CLASSES}
        limited = any(bool((case.leaf(name)[mine] != NO_LIMIT).any()) for name, mine in here.items())
        paying = any(bool((case.tariff(name)[mine] != NO_TARIFF).any()) for name, mine in here.items())
        held = ("connection limits", limited), ("connection tariffs", paying), ("orders", point in ordered)
        ties = [words for words, there in held if there]
        if ties:
            found[address] = " and ".join(ties)
    return found


def supported(known: Uncertain, case: Case) -> tuple[Uncertain | None, tuple[str, ...]]:
    """Return what is known at the points that can be planned so (None: there is none), and notes of the others."""
    away = refused(case, known.points)
    if not away:
        return known, ()
    notes = tuple(_words(what, [point for point in away if away[point] == what]) for what in sorted({*away.values()}))
    left = frozenset(known.points) - away.keys()
    return (replace(known, inputs=only(known.inputs, left)) if left else None), notes


def _words(what: str, points: Sequence[str]) -> str:
    return (
        f"reservations at {named_some(points)} are planned for the day as it is forecast: {what} there are not planned "
        "by probability"
    )
