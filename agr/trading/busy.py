"""Says that FlexRequests came faster than they can be priced."""

from collections.abc import Iterable
from datetime import datetime

from agr.domain.faults import number_of
from agr.store import day
from agr.store.engine import Tx

BUSY = "flex request not priced in time"
"""Kind of alarm; its subject is the DSO."""


def say_busy(tx: Tx, unpriced: Iterable[tuple[str, str]], at: datetime) -> None:
    """Raise an alarm for each DSO of (DSO, congestion point) whose requests have expired before they were priced."""
    found: dict[str, list[str]] = {}
    for dso, point in unpriced:
        found.setdefault(dso, []).append(point)
    for dso, points in found.items():
        where = points[0] if len(points) == 1 else f"{points[0]} and {number_of(len(points) - 1, 'other')}"
        text = (
            f"{number_of(len(points), 'FlexRequest')} of {dso} got no offer, for {where}: expired before their turn to "
            "be priced came; more planning.workers price more at once"
        )
        day.raise_alarm(tx, BUSY, dso, text, at)
