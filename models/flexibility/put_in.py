"""Ordered programs in a whole portfolio under facts that have changed since they were priced. Nothing is searched.

Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.block import reserved_points
from models.case import Case, Floats, Headroom, Ints, Programs
from models.errors import CaseError
from models.evaluation import Earlier, keep
from models.flexibility.blending import blended
from models.flexibility.new_trades import MONEY_APART
from models.headroom import KW_PER_MW
from models.markets.imbalance.costs import unmeant_kw
from models.outcome import Outcome, Termination
from models.reserve_room import SIDES
from models.resources.registry import RESOURCES

_NOT_MISSED = frozenset({"prognosis change", "availability", "order shortfall"})
_MISSES = MONEY_APART - _NOT_MISSED
"""Terms of what is promised to anyone but the grid operator: they may not become worse."""
_EUR, _KW, _KWH = 0.01, 1e-3, 1e-3
"""How far rounding may move an amount of money, a power, and the energy of all rows together."""


def put_in(case: Case, kept: Outcome, stored: Outcome, rows: Mapping[str, Ints], factor: float) -> Outcome:
    """Return the outcome in which some units run (1 − factor)·kept + factor·stored, and all others what they run.

    `kept` is the program in force in `case`; rows: class → the units (n,) of the case whose programs `stored` has, in
    its order. Stores keep their power: their energy follows from what they hold now. There is no bound. Raises
    CaseError where a unit cannot run that, or the outcome is of other units or products.
    """
    reserved = bool(reserved_points(case).any())
    programs = _patched(case, kept.programs, stored.programs, rows, factor)
    called = None
    if reserved:
        called = _patched(case, kept.called or kept.programs, stored.called or stored.programs, rows, factor)
    headroom = _held(kept.headroom, stored.headroom, rows, factor)
    called_headroom = None
    if reserved:
        called_headroom = _held(
            kept.called_headroom or kept.headroom, stored.called_headroom or stored.headroom, rows, factor
        )
    mixed = replace(kept, programs=programs, called=called, headroom=headroom, called_headroom=called_headroom)
    everyone = {one.name: np.arange(one.count(case)) for one in RESOURCES}
    found = keep(case, Earlier(case=case, outcome=mixed, rows=everyone), mixed)
    if found.replaced:
        raise CaseError("units of the congestion point cannot run the program that the offer was priced with")
    return replace(found.outcome, solver="ordered offer", termination=Termination.GAP_OPEN)


def misses_more(case: Case, kept: Outcome, found: Outcome) -> str:
    """Return the name of a term of which an outcome misses more than the program in force; empty if there is none.

    Both are outcomes of `case`. Energy and power count row by row whatever their price, money wherever there is no
    other measure. Orders count too: no order may be missed by more for another one.
    """
    before = _missed_kw(case, kept)
    for name, after in _missed_kw(case, found).items():
        more_kwh = np.maximum(after.sum(axis=1) - before[name].sum(axis=1), 0.0).sum() * case.isp_hours
        more_kw = after.max(axis=1, initial=0.0) - before[name].max(axis=1, initial=0.0)
        if more_kwh > _KWH or more_kw.max(initial=0.0) > _KW:
            return name
    for name in sorted(_MISSES):
        if found.terms_eur.get(name, 0.0) < kept.terms_eur.get(name, 0.0) - _EUR:
            return name
    return ""


def _patched(case: Case, old: Programs, new: Programs, rows: Mapping[str, Ints], factor: float) -> Programs:
    """Return programs in which some units run the blend of theirs and the new ones."""
    mine: dict[str, Any] = {}
    for one in RESOURCES:
        units = rows.get(one.name, np.zeros(0, dtype=np.int64))
        if any(len(getattr(new, name)) != len(units) for name in one.fields):
            raise CaseError("the units of the congestion point are not those that the offer was priced with")
        mine |= old.of(one.fields, units) if one.fields else {}
    mixed = blended(Programs(**mine), new, factor)
    found: dict[str, Any] = {}
    for one in RESOURCES:
        blend = mixed.of(one.fields)
        follows = {} if one.follows is None else one.follows(case, rows[one.name], blend)
        for name in one.fields:
            found[name] = np.array(getattr(old, name))
            found[name][rows[one.name]] = follows.get(name, blend[name])
    return Programs(**found)


def _held(old: Headroom, new: Headroom, rows: Mapping[str, Ints], factor: float) -> Headroom:
    """Return the reserve that all units hold: for some, the blend of theirs and the new one."""
    found = {}
    for one in RESOURCES:
        if one.reserving is not None:
            for side in SIDES:
                before, after = old.of(one.name, side), new.of(one.name, side)
                if len(before) != len(after):
                    raise CaseError("other balancing products are sold than when the offer was priced")
                held = np.array(before)
                held[:, rows[one.name]] = (1 - factor) * before[:, rows[one.name]] + factor * after
                found[one.name, side] = held
    return Headroom.by_class(found)


def _missed_kw(case: Case, outcome: Outcome) -> dict[str, Floats]:
    """Return what is missed (rows, T) by the name of its term, kW >= 0; of stored energy the mean over the ISP."""
    missed = {
        "order shortfall": outcome.order_shortfall_kw,
        "imbalance": unmeant_kw(case, outcome),
        "reserve shortfall": KW_PER_MW * outcome.reserve_shortfall_mw,
        "reservation shortfall": outcome.reservation_shortfall_kw,
        "limit breach": outcome.breach_import_kw + outcome.breach_export_kw,
        "connection limit breach": outcome.connection_import_breach_kw + outcome.connection_export_breach_kw,
        "called connection limit breach": outcome.called_connection_import_breach_kw
        + outcome.called_connection_export_breach_kw,
        "comfort shortfall": _unserved_kw(case, outcome.programs),
    }
    if outcome.called is not None:
        missed["called comfort shortfall"] = _unserved_kw(case, outcome.called)
    return missed


def _unserved_kw(case: Case, programs: Programs) -> Floats:
    """Return what stores (U,T) lack and have too much, kW."""
    lacking: Floats = (programs.unmet_kwh + programs.excess_kwh) / case.isp_hours
    return lacking
