"""Checks a plan against its case without any solver: feasibility, balance and every euro, from the two alone.

It is written from docs/reference/formulation.md and shares no code with the model that makes plans, so that a mistake
in one of the two shows here. Tolerances: 1e-4 kW or kWh + 1e-6 of the magnitude compared; for money 1e-4 EUR
+ 1e-7 of gross cost. The rules, by module:

shapes     every part is present, every array has its shape and is finite; terms are numbers; termination fits bound.
units      every program, planned and called (all reservations called at once), is one that its unit can run: the rules
           of each class are in models.audit.resources; a pin overrides all bounds. Units at congestion points without
           a reservation keep their plan when others are called.
trade      point_kw and total_kw are the sums of their units, those of every class included; total_kw is what all
           markets and imbalance deliver, and so is the program of each balancing group. The rules of each market and
           obligation are in models.audit.markets.
headroom   per unit and side, all products together: 0 <= headroom <= room in power and <= reserve_kw, on the sides the
           product takes and no other; a store meets its needs even after a full activation. The same holds for called
           programs; units at points without a reservation then hold their planned reserve.
money      every term is right, per congestion point where it arises at one; so are objective, gross cost and gap;
           bound >= objective; shadow prices have the right sign. Every term is somebody's money, or a planning price
           (models.audit.payers).
"""

from collections.abc import Callable, Iterator

import numpy as np

from models.audit.headroom import check_headroom
from models.audit.money import check_money
from models.audit.shapes import check_shapes
from models.audit.trade import check_trade
from models.audit.units import check_units
from models.case import Case
from models.outcome import Outcome

_RULES: tuple[Callable[[Case, Outcome], Iterator[str]], ...] = (
    check_units,
    check_trade,
    check_headroom,
    check_money,
)


def audit(case: Case, outcome: Outcome) -> tuple[str, ...]:
    """Return findings about the outcome, each with place, amount and unit; none if the outcome may be used.

    Units are numbered as in the case, from 0; ISPs from 1. Never raises: wrong shapes and values that are no numbers
    are findings, and then the only ones, since nothing can be computed from them.
    """
    malformed = tuple(check_shapes(case, outcome))
    if malformed:
        return malformed
    with np.errstate(all="ignore"):  # absurd values overflow; the comparisons find them
        return tuple(finding for rule in _RULES for finding in rule(case, outcome))
