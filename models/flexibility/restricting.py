"""What was proven of a plan holds further on where its case has only become narrower.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from models.case import Case, no_orders
from models.outcome import Outcome

_MOVED = "prognosis change"


def bound_with_orders(was: Case, planned: Outcome, case: Case, paid_eur: float) -> float:
    """Return a bound, EUR, on what a program with further orders, which pay `paid_eur`, is worth in a case.

    `planned` was made in the case `was`. Infinite where the cases differ by more than further orders and what is
    announced: what was bound to an offer, or its depth of the market, may be free by now.
    """
    if not only_orders_are_new(was, case):
        return np.inf
    return planned.bound_eur + paid_eur + _freed_eur(case, planned)


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


def _freed_eur(case: Case, planned: Outcome) -> float:
    """Return the most, EUR, that a program can gain because others are announced than when the plan was made.

    With what was announced then, A, and is now, B, any program P costs less by at most s·|P − A| − s·|P − B|, which
    is at most s·|A − B|, and that is at most s·|A − planned| + s·|planned − B|. The first is what the plan paid.
    """
    if _MOVED not in planned.terms_eur:
        return 0.0
    if case.anchor is None:
        return np.inf
    away_kw = np.abs(np.nan_to_num(planned.point_kw - case.anchor.point_kw)).sum()
    return float(case.anchor.eur_per_mwh * away_kw * case.isp_hours / 1000 - planned.terms_eur[_MOVED])
