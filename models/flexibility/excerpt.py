"""What a plan of the whole portfolio says about some congestion points.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from models.block import reserved_points
from models.case import Case, Headroom, Ints, Programs
from models.decomposition.reoptimise.subproblem import limits_at, members, tariffs_at
from models.outcome import Outcome
from models.reserve_room import SIDES
from models.resources.registry import RESOURCES

_AT_CONNECTIONS = (
    "connection_import_breach_kw", "connection_export_breach_kw", "called_connection_import_breach_kw",
    "called_connection_export_breach_kw",
)  # fmt: skip
_PRICES_AT_CONNECTIONS = ("connection_import_eur_per_mwh", "connection_export_eur_per_mwh")


def excerpt(case: Case, outcome: Outcome, points: Ints, *, tariffs: bool = False) -> Outcome:
    """Return the outcome with the units and rows of congestion points (n,) only.

    Their order is that of models.part.subproblem, with the same `tariffs`. Positions, bids and money stay those of the
    whole portfolio.
    """
    units = members(case, points)
    limits, behind = np.flatnonzero(np.isin(case.limits.point, points)), limits_at(case, points)
    reservations = np.isin(case.reservations.point, points)
    orders = np.isin(case.orders.point, points)
    paying, peaks = tariffs_at(case, points) if tariffs else (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    called = outcome.called if reserved_points(case)[points].any() else None

    def programs(of: Programs) -> Programs:
        return Programs(**{name: of.of([name], units[one.name])[name] for one in RESOURCES for name in one.fields})

    def headroom(of: Headroom) -> Headroom:
        return Headroom.by_class(
            {(one.name, side): of.of(one.name, side)[:, units[one.name]]
             for one in RESOURCES if one.reserving is not None for side in SIDES}
        )  # fmt: skip

    here: dict[str, Any] = {name: getattr(outcome, name)[behind] for name in _AT_CONNECTIONS if len(behind)}
    return replace(
        outcome,
        programs=programs(outcome.programs),
        called=None if called is None else programs(called),
        headroom=headroom(outcome.headroom),
        called_headroom=None
        if called is None or outcome.called_headroom is None
        else headroom(outcome.called_headroom),
        point_kw=outcome.point_kw[points],
        breach_import_kw=outcome.breach_import_kw[limits],
        breach_export_kw=outcome.breach_export_kw[limits],
        reservation_shortfall_kw=outcome.reservation_shortfall_kw[reservations],
        tariff_eur=outcome.tariff_eur[paying],
        peak_kw=outcome.peak_kw[peaks],
        order_shortfall_kw=outcome.order_shortfall_kw[orders] if orders.any() else np.zeros((0, 0)),
        shadow=replace(
            outcome.shadow,
            limit_import_eur_per_mwh=outcome.shadow.limit_import_eur_per_mwh[limits],
            limit_export_eur_per_mwh=outcome.shadow.limit_export_eur_per_mwh[limits],
            reservation_eur_per_mwh=outcome.shadow.reservation_eur_per_mwh[reservations],
            **{name: getattr(outcome.shadow, name)[behind] for name in _PRICES_AT_CONNECTIONS if len(behind)},
        ),
        **here,
    )
