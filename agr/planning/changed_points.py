"""Which congestion points have other reservations or orders than in the plan in force, and what is reserved. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agr.domain.flexibility import Obligation
from agr.domain.isp import Period
from agr.domain.register import Contract
from agr.domain.reserved import Reserved
from agr.planning.case import NamedCase
from agr.planning.ports import PlanReader
from models.case import Reservations


def newly_ordered(named: NamedCase, obligations: Sequence[Obligation]) -> list[Obligation]:
    """Return the orders at congestion points of the case that it does not have yet."""
    known, points = set(named.case.orders.name), set(named.case.points)
    return [
        one for one in obligations
        if one.order.name not in known and one.order.congestion_point in points
    ]  # fmt: skip


Row = tuple[str, str, NDArray[np.float64], NDArray[np.float64], float, float]
"""(contract, congestion point, kW per ISP, the part of them that only earns the fee, penalty in EUR/MWh, fee in
EUR/MW/h)."""


def changed_points(
    reader: PlanReader, named: NamedCase, reserved: Mapping[str, Reserved], ordered: Sequence[Obligation]
) -> dict[str, list[Row]]:
    """Return the congestion points with a changed reservation or a new order, each with all its reservations."""
    case = named.case
    held = case.reservations
    rows: dict[str, Row] = {
        name: (
            name, case.points[held.point[k]], held.reserved_kw[k], held.fee_only_kw[k],
            float(held.penalty_eur_per_mwh[k]), float(held.availability_eur_per_mw_h[k]),
        )
        for k, name in enumerate(held.name)
    }  # fmt: skip
    known, concerned = set(case.points), {one.order.congestion_point for one in ordered}
    for name, now in reserved.items():
        kw, paid = np.array(now.callable_w, dtype=np.float64) / 1000, np.array(now.ordered_w, dtype=np.float64) / 1000
        old = rows.get(name)
        if old is None:
            new = _contracted(reader.contract(name), kw, paid, known) if kw.any() or paid.any() else None
        else:
            new = (*old[:2], kw, paid, *old[4:])
        if new is not None and (old is None or not (np.array_equal(old[2], kw) and np.array_equal(old[3], paid))):
            rows[name] = new
            concerned.add(new[1])
    return {
        address: [row for row in rows.values() if row[1] == address and (row[2].any() or row[3].any())]
        for address in sorted(concerned)
    }


def _contracted(
    contract: Contract | None, kw: NDArray[np.float64], paid: NDArray[np.float64], known: set[str]
) -> Row | None:
    """Return the row of a contract that reserved nothing before."""
    if contract is None or contract.congestion_point not in known:
        return None
    return (
        contract.contract, contract.congestion_point, kw, paid, contract.penalty_eur_per_mwh,
        contract.availability_eur_per_mw_h,
    )  # fmt: skip


def reservations_of(changed: Mapping[str, list[Row]], period: Period) -> Reservations:
    """Return the reservations of a part whose congestion points are the keys, in that order."""
    rows = [(i, row) for i, mine in enumerate(changed.values()) for row in mine]
    return Reservations(
        name=tuple(row[0] for _, row in rows),
        point=np.array([i for i, _ in rows], dtype=np.int64),
        reserved_kw=np.array([row[2] for _, row in rows]).reshape(len(rows), period.isp_count),
        fee_only_kw=np.array([row[3] for _, row in rows]).reshape(len(rows), period.isp_count),
        penalty_eur_per_mwh=np.array([row[4] for _, row in rows]),
        availability_eur_per_mw_h=np.array([row[5] for _, row in rows]),
    )
