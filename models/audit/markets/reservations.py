"""Audits reservations: shortfalls within what is reserved, and called programs that deliver the rest.

Per congestion point, ISP and sign the contracts add up: Σq <= P + Σ(R + s) where R < 0, Σq >= P + Σ(R − s) where R > 0,
0 <= s <= |R|; without called programs all of R is shortfall.
"""

import numpy as np

from models.audit.findings import above, at_points, isp, named, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.scenario import by_point, mwh
from models.audit.totals import points_kw
from models.case import Case, Floats
from models.outcome import Outcome


def _check(case: Case, outcome: Outcome) -> Findings:
    yield from _shortfalls(case, outcome)
    if outcome.called is not None:
        yield from _delivery(case, outcome)


def _shortfalls(case: Case, outcome: Outcome) -> Findings:
    data, shortfall = case.reservations, outcome.reservation_shortfall_kw
    axes, reserved = (named("reservation", data.name), isp), np.abs(data.reserved_kw)
    allowed = slack(reserved)
    yield from above(axes, "reservation_shortfall_kw is negative", -shortfall, allowed)
    yield from above(axes, "reservation_shortfall_kw is more than is reserved", shortfall - reserved, allowed)
    if outcome.called is None:
        what = "reserved without called programs and not stated as shortfall"
        yield from above(axes, what, reserved - shortfall, allowed)


def _delivery(case: Case, outcome: Outcome) -> Findings:
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


def _eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    contracts = case.reservations
    # Availability is paid per MW and hour: numerically, per MWh.
    reserved = mwh(case, np.abs(contracts.reserved_kw) + np.abs(contracts.fee_only_kw)).sum(axis=1)
    undelivered = mwh(case, outcome.reservation_shortfall_kw).sum(axis=1)
    return {
        "availability": by_point(case, contracts.point, contracts.availability_eur_per_mw_h * reserved),
        "reservation shortfall": by_point(case, contracts.point, -contracts.penalty_eur_per_mwh * undelivered),
    }


AUDIT = MarketAudit(
    name="reservations",
    check=_check,
    shapes=lambda case: {"reservation_shortfall_kw": (len(case.reservations.point), case.isps)},
    shadows=lambda case: {"reservation_eur_per_mwh": tuple(f"reservation {n}" for n in case.reservations.name)},
    placed_eur=_eur,
    payers=lambda _case: dict.fromkeys(("availability", "reservation shortfall"), Payer.COUNTERPARTY),
)
