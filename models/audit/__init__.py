"""Checks a plan against its case without any solver: feasibility, balance and every euro, from the two alone.

Written from docs/reference/formulation.md, not from the model that makes plans, with which it shares no code: a mistake
in one of the two shows here. Tolerances: 1e-4 kW or kWh + 1e-6 of the magnitude compared; for money 1e-4 EUR
+ 1e-7 of gross cost. The rules, by module:

shapes     every part present, every array of its shape, finite; terms are numbers; how the search ended fits its bound.
units      every program, planned and called (all reservations called at once), is one its unit can run: the rules of
           each class are in models.audit.resources; a pin beats all bounds. Units at congestion points without a
           reservation keep their plan when others are called.
trade      point_kw and total_kw are the sums of their units, those of every class included; total_kw is what all
           markets and imbalance deliver. The rules of each market and obligation are in models.audit.markets.
headroom   per unit and side, all products together: 0 <= headroom <= room in power and <= reserve_kw, on the sides the
           product takes and no other, with an energy margin where its class needs one. Again when called, with called
           programs; units elsewhere hold then what they hold as planned.
money      every term, per congestion point where it arises at one; objective, gross cost, bound >= objective, gap;
           shadow prices have their sign.
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
    """Return what is wrong with the outcome, in words with place, amount and unit; nothing if it may be used.

    Units are numbered as in the case, from 0; ISPs from 1. Never raises: what has the wrong shape, or is not a number,
    is a finding, and then the only ones, since nothing can be reckoned from it.
    """
    malformed = tuple(check_shapes(case, outcome))
    if malformed:
        return malformed
    with np.errstate(all="ignore"):  # absurd values overflow; the comparison that follows finds them
        return tuple(finding for rule in _RULES for finding in rule(case, outcome))
