"""Checks a plan against its case without any solver: feasibility, balance and every euro, from the two alone.

Written from docs/reference/formulation.md, not from the model that makes plans, with which it shares no code: a mistake
in one of the two shows here. Tolerances: 1e-4 kW or kWh + 1e-6 of the magnitude compared; for money 1e-4 EUR
+ 1e-7 of gross cost. The rules, by module:

shapes     every part present, every array of its shape, finite; terms are numbers; how the search ended fits its bound.
units      curtailable: forecast <= p <= 0, p = pinned where pinned (a pin beats the bounds, here and for storage);
           storage: 0 <= pc, pd within limits, pc 0 or at least its minimum (or its limit, if lower) where free, not
           both at once, pc − pd = pinned where pinned,
           e[t] = a·e[t−1] + Δ·ηc·pc − Δ·pd/ηd − d + unmet − excess from the start energy, e within its band,
           unmet, excess >= 0; shiftable: first_start <= start <= last_start. Called programs (all reservations called
           at once) obey the same; units at congestion points without a reservation keep their plan in them.
switched   as pinned where pinned; otherwise a state lasts its least time, also one that began before the Period, and no
           unit is on outside its windows but for a least time that began before it could choose. Called: the same.
trade      point_kw and total_kw are the sums of their units, those of every class included; total_kw =
           day-ahead + intraday bought − sold + short − long; positions as committed, or within their limits and equal
           within a day-ahead product; nothing negative.
congestion export − breach <= P <= import + breach and no breach beyond the overshoot; per point, ISP and sign the
           contracts add up: Σq <= P + Σ(R + s) where R < 0, Σq >= P + Σ(R − s) where R > 0, 0 <= s <= |R|;
           without called programs all of R is shortfall.
headroom   per unit and side, all products together: 0 <= headroom <= room in power and <= reserve_kw, on the sides the
           product takes and no other. Room of a storage unit: pc − pd + discharge limit up, charge limit − (pc − pd)
           down; of generation: p − forecast up, −p down. Energy margin: Σ sustain_h·up/ηd <= e − e_min and
           Σ sustain_h·down·ηc <= e_max − e at the end of the ISP (e[t], band of t) and at its start (e[t−1], band
           of t−1; before the first ISP the start energy in the band of the first), ηc of the ISP itself.
           Again when called, with called programs; units elsewhere hold then what they hold as planned.
reserves   bids whole steps, zero or at least the minimum, within depth; as committed where committed; in every ISP of
           a block Σ headroom >= bid − shortfall on every side taken, as planned and when called; shortfall only of
           what is committed.
money      every term, per congestion point where it arises at one; objective, gross cost, bound >= objective, gap;
           shadow prices have their sign.
"""

from collections.abc import Callable, Iterator

import numpy as np

from models.audit.congestion import check_congestion
from models.audit.headroom import check_headroom
from models.audit.money import check_money
from models.audit.reserves import check_reserves
from models.audit.shapes import check_shapes
from models.audit.switched import check_switched
from models.audit.trade import check_trade
from models.audit.units import check_units
from models.case import Case
from models.outcome import Outcome

_RULES: tuple[Callable[[Case, Outcome], Iterator[str]], ...] = (
    check_units,
    check_switched,
    check_trade,
    check_congestion,
    check_headroom,
    check_reserves,
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
