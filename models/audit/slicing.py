"""Slices a case and its outcome, so that units are audited a few at a time with little memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from models.arrays import of_rows
from models.audit.resources.registry import CLASSES
from models.case import UNIT_CLASSES, Case
from models.outcome import Headroom, Outcome, Programs

UNITS = 20_000
"""Most units of a class that are audited together."""
_FIELDS = tuple(name for of_class in CLASSES for name in of_class.fields)


@dataclass(frozen=True, kw_only=True, eq=False)
class Few:
    """A case and outcome with only some units of each class, but all other data."""

    case: Case
    outcome: Outcome
    first: Mapping[str, int]  # class → number of its first unit


def few_at_a_time(case: Case, outcome: Outcome, units: int = UNITS) -> Iterator[Few]:
    """Yield all units, at most `units` of each class at a time."""
    chosen = {of_class.name: case.units(of_class.name) for of_class in CLASSES if of_class.fields}
    most = max(len(arrays.point) for arrays in chosen.values())
    if most <= units:
        yield Few(case=case, outcome=outcome, first=dict.fromkeys(chosen, 0))
        return
    for begin in range(0, most, units):
        few = slice(begin, begin + units)
        part: dict[str, Any] = {name: of_rows(arrays, few) for name, arrays in chosen.items()}
        rows = tuple(few if name in chosen else slice(None) for name in UNIT_CLASSES)
        part["connection_limits"] = case.connection_limits.of_units(rows)
        part["connection_tariffs"] = case.connection_tariffs.only(rows)
        part["balancing_groups"] = case.balancing_groups.only(rows)
        yield Few(
            case=replace(case, **part),
            outcome=replace(
                outcome,
                programs=_programs(outcome.programs, few),
                called=None if outcome.called is None else _programs(outcome.called, few),
                headroom=_headroom(outcome.headroom, few),
                called_headroom=None if outcome.called_headroom is None else _headroom(outcome.called_headroom, few),
            ),
            first=dict.fromkeys(chosen, begin),
        )


def _programs(programs: Programs, few: slice) -> Programs:
    return Programs(**{name: getattr(programs, name)[few] for name in _FIELDS})


def _headroom(headroom: Headroom, few: slice) -> Headroom:
    return Headroom(**{item.name: getattr(headroom, item.name)[:, few] for item in fields(headroom)})
