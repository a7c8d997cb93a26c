"""What was proven of a plan holds further on where its case has only become narrower.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from models.case import Case, no_orders


def raised_eur(was: Case, case: Case, paid_eur: float) -> float:
    """Return by how much, EUR, what bounds a plan must be raised to bound programs with further orders in a case.

    The plan was made in the case `was`; the orders pay `paid_eur`. Infinite where the cases differ by more than further
    orders and what is announced: what was bound to an offer, or its depth of the market, may be free by now.
    """
    return paid_eur + _freed_eur(was, case) if only_orders_are_new(was, case) else np.inf


def only_orders_are_new(was: Case, case: Case) -> bool:
    """Say whether a case differs from an earlier one by nothing but further orders and what is announced."""
    old, new = was.orders, case.orders
    known = len(old.name)
    for item in fields(old):
        if known and not _alike(getattr(old, item.name), getattr(new, item.name)[:known]):
            return False  # an order of the other direction has taken something back
    bare = (replace(one, orders=no_orders(), anchor=None, start=None) for one in (was, case))
    return _alike(*bare)


def _alike(one: Any, other: Any) -> bool:
    if is_dataclass(one) and type(one) is type(other):
        return all(_alike(getattr(one, item.name), getattr(other, item.name)) for item in fields(one))
    if isinstance(one, np.ndarray):
        numbers = one.dtype.kind == "f"
        return isinstance(other, np.ndarray) and np.array_equal(one, other, equal_nan=numbers)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(_alike(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other or (one != one and other != other))


def _freed_eur(was: Case, case: Case) -> float:
    """Return the most, EUR, that a program can gain because other programs are announced than in an earlier case.

    With A announced then, and B now, any program P costs less by at most s·|P − A| − s·|P − B|, which is at most
    s·|A − B|. There is no such bound where leaving it costs less now, or a point is announced no more.
    """
    before, now = was.anchor, case.anchor
    if before is None:
        return 0.0
    if now is None or now.eur_per_mwh < before.eur_per_mwh:
        return np.inf
    if (np.isnan(now.point_kw) & ~np.isnan(before.point_kw)).any():
        return np.inf
    apart_kw = np.abs(np.nan_to_num(before.point_kw - now.point_kw)).sum()
    return float(before.eur_per_mwh * apart_kw * case.isp_hours / 1000)
