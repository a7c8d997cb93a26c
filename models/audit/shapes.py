"""Audits the form of an outcome: parts are present, arrays finite and of their shape, values of their type."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from models.audit import balancing_groups
from models.audit.markets.registry import MARKETS
from models.audit.resources.registry import CLASSES
from models.audit.scenario import held_kw
from models.case import Case
from models.outcome import Headroom, Outcome, Programs, Shadow, Termination


def check_shapes(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield missing parts, wrong shapes and values that are no numbers; other checks need an outcome without these."""
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
    for of_class in CLASSES:
        units = len(case.units(of_class.name).point)
        for name, kind in of_class.fields.items():
            shape = (units, case.isps) if kind.wide else (units,)
            yield from _array(f"{where}.{name}", getattr(programs, name), shape, kind.kinds)


def _headroom(case: Case, where: str, headroom: object) -> Iterator[str]:
    if not isinstance(headroom, Headroom):
        yield f"{where}: is missing"
        return
    for of_class in CLASSES:
        if of_class.reserve_kw is not None:
            shape = (len(case.reserves), len(case.units(of_class.name).point), case.isps)
            for side in ("up", "down"):
                yield from _array(f"{where}.{of_class.name}_{side}_kw", held_kw(headroom, of_class.name, side), shape)


def _called(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.called is not None:
        yield from _programs(case, "called", outcome.called)
        yield from _headroom(case, "called_headroom", outcome.called_headroom)
    elif outcome.called_headroom is not None:
        yield "called_headroom: is given without called programs"


def _arrays(case: Case, outcome: Outcome) -> Iterator[str]:
    shapes: dict[str, tuple[int, ...]] = {"point_kw": (len(case.points), case.isps), "total_kw": (case.isps,)}
    shapes |= balancing_groups.shapes(case)
    for market in MARKETS:
        shapes |= {} if market.shapes is None else market.shapes(case)
    for name, shape in shapes.items():
        yield from _array(name, getattr(outcome, name), shape)


def _shadow(case: Case, shadow: object) -> Iterator[str]:
    if not isinstance(shadow, Shadow):
        yield "shadow: is missing"
        return
    yield from _array("shadow.balance_eur_per_mwh", shadow.balance_eur_per_mwh, (case.isps,))
    of_groups = shadow.group_balance_eur_per_mwh
    yield from _array("shadow.group_balance_eur_per_mwh", of_groups, balancing_groups.shadow_shape(case))
    for market in MARKETS:
        for name, rows in ({} if market.shadows is None else market.shadows(case)).items():
            yield from _array(f"shadow.{name}", getattr(shadow, name), (len(rows), case.isps))


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
