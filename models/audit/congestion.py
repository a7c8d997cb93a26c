"""Audits congestion points: agreed limits with their breaches, and reservations with the programs that deliver them."""

from collections.abc import Iterator

import numpy as np

from models.audit.findings import above, at_points, isp, named, slack
from models.audit.scenario import points_kw
from models.case import Case
from models.outcome import Outcome


def check_congestion(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield breaches not stated as they are and reservations not delivered; see the rules in models.audit."""
    yield from _limits(case, outcome)
    yield from _shortfalls(case, outcome)
    if outcome.called is not None:
        yield from _delivery(case, outcome)


def _limits(case: Case, outcome: Outcome) -> Iterator[str]:
    limits = case.limits
    power = points_kw(case, outcome.programs)[limits.point]
    names = [f"{i} at {case.points[point]}" for i, point in enumerate(limits.point.tolist())]
    axes = (named("limit", names), isp)
    for side, overshoot, breach in (
        ("import", power - limits.import_kw, outcome.breach_import_kw),
        ("export", limits.export_kw - power, outcome.breach_export_kw),
    ):
        allowed = slack(power, breach)
        over = np.maximum(overshoot, 0.0)
        yield from above(axes, f"breach_{side}_kw is negative", -breach, allowed)
        yield from above(axes, f"beyond its {side} limit and breach_{side}_kw", overshoot - breach, allowed)
        yield from above(axes, f"breach_{side}_kw is more than the overshoot", breach - over, allowed)


def _shortfalls(case: Case, outcome: Outcome) -> Iterator[str]:
    data, shortfall = case.reservations, outcome.reservation_shortfall_kw
    axes, reserved = (named("reservation", data.name), isp), np.abs(data.reserved_kw)
    allowed = slack(reserved)
    yield from above(axes, "reservation_shortfall_kw is negative", -shortfall, allowed)
    yield from above(axes, "reservation_shortfall_kw is more than is reserved", shortfall - reserved, allowed)
    if outcome.called is None:
        what = "reserved without called programs and not stated as shortfall"
        yield from above(axes, what, reserved - shortfall, allowed)


def _delivery(case: Case, outcome: Outcome) -> Iterator[str]:
    """Compare q with P + ΣR ± Σs, at all places at once for each sign."""
    if outcome.called is None:
        return
    data = case.reservations
    planned, called = points_kw(case, outcome.programs), points_kw(case, outcome.called)
    axes, allowed = (at_points(case), isp), slack(planned, called)
    for sign, what in ((-1.0, "called program is not low enough for what is reserved"),
                       (1.0, "called program is not high enough for what is reserved")):  # fmt: skip
        owed = np.zeros_like(planned)
        for k, point in enumerate(data.point.tolist()):
            reserved_kw = data.reserved_kw[k]
            due = np.abs(reserved_kw) - outcome.reservation_shortfall_kw[k]
            owed[point] += np.where(np.sign(reserved_kw) == sign, due, 0.0)
        asked = np.zeros(planned.shape, dtype=np.bool_)
        for k, point in enumerate(data.point.tolist()):
            asked[point] |= np.sign(data.reserved_kw[k]) == sign
        missing = owed - sign * (called - planned)
        yield from above(axes, what, np.where(asked, missing, 0.0), allowed)
