"""Audits the outcome's form: every part present, every array of its shape and finite, texts and numbers where due."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields

import numpy as np

from models.case import Case
from models.outcome import Headroom, Outcome, Programs, Shadow, Termination


def check_shapes(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield what is missing, misshapen or not a number; nothing else can be checked before this is in order."""
    yield from _programs(case, "programs", outcome.programs)
    yield from _headroom(case, "headroom", outcome.headroom)
    yield from _called(case, outcome)
    yield from _arrays(case, outcome)
    yield from _shadow(case, outcome.shadow)
    yield from _bids(case, outcome.bids_mw)
    yield from _terms(case, outcome)
    yield from _record(outcome)


_KINDS = {"fi": "numbers", "i": "integers", "b": "states, true or false"}


def _array(where: str, values: object, shape: tuple[int, ...], kinds: str = "fi") -> Iterator[str]:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in kinds:
        yield f"{where}: is not an array of {_KINDS[kinds]}"
    elif values.shape != shape:
        yield f"{where}: has shape {values.shape}, expected {shape}"
    elif not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0].tolist()
        yield f"{where}: is not a finite number at index {place}"


def _number(where: str, value: object, *, infinite: bool = False) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, float | int | np.floating) or math.isnan(value):
        yield f"{where}: is not a number"
    elif math.isinf(value) and not infinite:
        yield f"{where}: is infinite"


def _programs(case: Case, where: str, programs: object) -> Iterator[str]:
    if not isinstance(programs, Programs):
        yield f"{where}: is missing"
        return
    stored = (len(case.storage.point), case.isps)
    yield from _array(f"{where}.curtailable_kw", programs.curtailable_kw, (len(case.curtailable.point), case.isps))
    for name in ("charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh"):
        yield from _array(f"{where}.{name}", getattr(programs, name), stored)
    yield from _array(f"{where}.start", programs.start, (len(case.shiftable.point),), "i")
    yield from _array(f"{where}.switched_on", programs.switched_on, (len(case.switched.point), case.isps), "b")


def _headroom(case: Case, where: str, headroom: object) -> Iterator[str]:
    if not isinstance(headroom, Headroom):
        yield f"{where}: is missing"
        return
    for item in fields(headroom):
        units = len((case.storage if item.name.startswith("storage") else case.curtailable).point)
        yield from _array(f"{where}.{item.name}", getattr(headroom, item.name), (len(case.reserves), units, case.isps))


def _called(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.called is not None:
        yield from _programs(case, "called", outcome.called)
        yield from _headroom(case, "called_headroom", outcome.called_headroom)
    elif outcome.called_headroom is not None:
        yield "called_headroom: is given without called programs"


def _arrays(case: Case, outcome: Outcome) -> Iterator[str]:
    isps, limits = case.isps, (len(case.limits.point), case.isps)
    shapes: dict[str, tuple[int, ...]] = {
        "point_kw": (len(case.points), isps),
        "reserve_shortfall_mw": (len(case.reserves), isps),
        "breach_import_kw": limits,
        "breach_export_kw": limits,
        "reservation_shortfall_kw": (len(case.reservations.point), isps),
    }
    for name in ("total_kw", "day_ahead_kw", "intraday_buy_kw", "intraday_sell_kw", "short_kw", "long_kw"):
        shapes[name] = (isps,)
    for name, shape in shapes.items():
        yield from _array(name, getattr(outcome, name), shape)


def _shadow(case: Case, shadow: object) -> Iterator[str]:
    if not isinstance(shadow, Shadow):
        yield "shadow: is missing"
        return
    rows = {
        "limit_import_eur_per_mwh": len(case.limits.point),
        "limit_export_eur_per_mwh": len(case.limits.point),
        "reservation_eur_per_mwh": len(case.reservations.point),
        "reserve_eur_per_mw": len(case.reserves),
    }
    yield from _array("shadow.balance_eur_per_mwh", shadow.balance_eur_per_mwh, (case.isps,))
    for name, count in rows.items():
        yield from _array(f"shadow.{name}", getattr(shadow, name), (count, case.isps))


def _bids(case: Case, bids: object) -> Iterator[str]:
    if not isinstance(bids, tuple) or len(bids) != len(case.reserves):
        yield f"bids_mw: is not a tuple of {len(case.reserves)} products"
        return
    for reserve, values in zip(case.reserves, bids, strict=True):
        yield from _array(f"bids_mw of {reserve.name}", values, reserve.price_eur_per_mw.shape)


def _terms(case: Case, outcome: Outcome) -> Iterator[str]:
    if not isinstance(outcome.terms_eur, Mapping) or not isinstance(outcome.point_terms_eur, Mapping):
        yield "terms_eur, point_terms_eur: are not both tables of terms"
        return
    for name, amount in outcome.terms_eur.items():
        yield from _number(f"terms_eur {name!r}", amount)
    for name, amounts in outcome.point_terms_eur.items():
        yield from _array(f"point_terms_eur {name!r}", amounts, (len(case.points) + 1,))


def _record(outcome: Outcome) -> Iterator[str]:
    for name in ("objective_eur", "gross_cost_eur"):
        yield from _number(name, getattr(outcome, name))
    for name in ("bound_eur", "gap_eur"):
        yield from _number(name, getattr(outcome, name), infinite=True)
    if not isinstance(outcome.termination, Termination):
        yield "termination: is not one"
    if not isinstance(outcome.solver, str) or not outcome.solver:
        yield "solver: is not named"
    if not isinstance(outcome.seconds, Mapping):
        yield "seconds: is not a table of durations"
        return
    for name, value in outcome.seconds.items():
        faults = tuple(_number(f"seconds {name!r}", value))
        yield from faults
        if not faults and value < 0:
            yield f"seconds {name!r}: is negative, {value} s"
