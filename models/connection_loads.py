"""What finished programs draw at connection limits, reserve held included, and the breaches that follow. Numpy only."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from models.block import called_units, slices
from models.case import NO_LIMIT, Bools, Case, Direction, Floats, Headroom, Ints, Programs
from models.headroom import takes
from models.markets.connection_limits.costs import breaches
from models.markets.connection_limits.trees import called_limits, limited_units, with_below
from models.outcome import Fields
from models.resources.registry import BY_NAME, FIXED, RESOURCES

HeldUnits: TypeAlias = Mapping[str, tuple[Ints, Floats, Floats]]
"""Class → some units (n,), and the reserve (n,T), kW, that they hold up and down."""
CalledPrograms: TypeAlias = Mapping[str, tuple[Ints, Fields]]
"""Class → units (n,) that have a called program, and its fields."""


def fixed_kw(case: Case) -> Floats:
    """Return the programs of fixed units at each limit alone (L,T), kW."""
    units = np.flatnonzero(case.leaf(FIXED.name) != NO_LIMIT)
    return _own(case, [(FIXED.name, units, FIXED.power_kw(case, units, {}))])


def breach_fields(
    case: Case, programs: Programs, held: HeldUnits, called: CalledPrograms | None, called_held: HeldUnits | None
) -> dict[str, Any]:
    """Return the fields of ProgramValues that say by how much limits are breached; none where there are no limits."""
    if not len(case.connection_limits.name):
        return {}
    power = with_below(case.connection_limits, _own(case, _powers(case, programs, {})))
    most, least = _with_reserve(case, power, held)
    found = dict(zip(_FIELDS[:2], breaches(case, most, least), strict=True))
    nothing = np.zeros_like(power)
    found |= dict.fromkeys(_FIELDS[2:], nothing)
    if called is not None:
        power = with_below(case.connection_limits, _own(case, _powers(case, programs, called)))
        elsewhere = {name: _elsewhere(case, name, *mine) for name, mine in held.items()}
        most, least = _with_reserve(case, power, elsewhere, called_held or {})
        concerned = called_limits(case)[:, None]
        both = (np.where(concerned, values, 0.0) for values in breaches(case, most, least))
        found |= dict(zip(_FIELDS[2:], both, strict=True))
    return found


def drawn_kw(case: Case, programs: Programs, called: CalledPrograms | None) -> tuple[Floats, ...]:
    """Return what is drawn at limits (L,T), kW, without reserve, as planned and as called; nothing without limits."""
    if not len(case.connection_limits.name):
        return ()
    scenarios = ({},) if called is None else ({}, called)
    return tuple(with_below(case.connection_limits, _own(case, _powers(case, programs, one))) for one in scenarios)


_FIELDS = (
    "connection_import_breach_kw", "connection_export_breach_kw", "called_connection_import_breach_kw",
    "called_connection_export_breach_kw",
)  # fmt: skip


def held_units(case: Case, headroom: Headroom, *, called: bool = False) -> HeldUnits:
    """Return the reserve of units behind limits; `called`: only of those that may have a called program."""
    found: dict[str, tuple[Ints, Floats, Floats]] = {}
    for name, units in limited_units(case):
        if BY_NAME[name].reserving is not None:
            mine = units[called_units(case, case.units(name).point[units])] if called else units
            up, down = (
                headroom.of(name, side)[:, mine].sum(axis=0, dtype=np.float64)
                for side in (Direction.UP, Direction.DOWN)
            )
            found[name] = mine, up, down
    return found


def sides_kw(case: Case, held_kw: Floats) -> tuple[Floats, Floats]:
    """Return what reserve (R,n,T) takes up and down (n,T), kW."""
    nothing = np.zeros(held_kw.shape[1:])
    up, down = (
        sum((held_kw[r].astype(np.float64) for r, reserve in enumerate(case.reserves) if takes(reserve, side)), nothing)
        for side in (Direction.UP, Direction.DOWN)
    )
    return up, down


def called_programs(case: Case, called: Programs) -> CalledPrograms:
    """Return the programs of the units that may have a called one of their own, given those of all units."""
    found = {}
    for resource in RESOURCES:
        units = np.flatnonzero(called_units(case, resource.arrays(case).point))
        found[resource.name] = units, called.of(resource.fields, units)
    return found


def _powers(case: Case, programs: Programs, called: CalledPrograms) -> Iterator[tuple[str, Ints, Floats]]:
    for name, units in limited_units(case):
        resource = BY_NAME[name]
        others, mine = units, units[:0]
        if name in called:
            theirs, fields = called[name]
            here = np.flatnonzero(case.leaf(name)[theirs] != NO_LIMIT)
            mine = theirs[here]
            others = units[~np.isin(units, mine)]
            some = {field: values[here] for field, values in fields.items()}
            yield name, mine, resource.power_kw(case, mine, some)
        for few in slices(len(others)):
            chosen = others[few]
            yield name, chosen, resource.power_kw(case, chosen, programs.of(resource.fields, chosen))


def _own(case: Case, parts: Iterable[tuple[str, Ints, Floats]]) -> Floats:
    """Return the sum (L,T) of values (n,T) of units at their innermost limits."""
    result = np.zeros((len(case.connection_limits.name), case.isps))
    for name, units, values in parts:
        leaf = case.leaf(name)[units]
        inside = leaf != NO_LIMIT
        np.add.at(result, leaf[inside], values[inside])
    return result


def _with_reserve(case: Case, power: Floats, *held: HeldUnits) -> tuple[Floats, Floats]:
    """Return the most and the least (L,T), kW, that is drawn, whatever reserve is called."""
    ups = ((name, units, up) for one in held for name, (units, up, _) in one.items())
    downs = ((name, units, down) for one in held for name, (units, _, down) in one.items())
    up, down = (with_below(case.connection_limits, _own(case, parts)) for parts in (ups, downs))
    return power + down, power - up


def _elsewhere(case: Case, name: str, units: Ints, up: Floats, down: Floats) -> tuple[Ints, Floats, Floats]:
    """Return those units that cannot have a called program."""
    rest = ~called_units(case, case.units(name).point[units])
    return units[rest], up[rest], down[rest]


@dataclass(frozen=True, kw_only=True, eq=False)
class Binding:
    """Where limits may bind, whatever the units do: (L,T) each."""

    imports: Bools
    exports: Bools


def may_bind(case: Case) -> Binding:
    """Return where the highest power of all units together exceeds an import limit, or the lowest an export limit.

    Reserve lies within the range of a unit's power. Elsewhere a limit costs nothing, whatever is planned.
    """
    limits = case.connection_limits
    if not len(limits.name):
        nowhere = np.zeros((0, case.isps), dtype=np.bool_)
        return Binding(imports=nowhere, exports=nowhere)
    low, high = (np.zeros((len(limits.name), case.isps)) for _ in range(2))
    then = case.when_called()
    for name, units in limited_units(case):
        leaf = case.leaf(name)
        for few in slices(len(units)):
            chosen = units[few]
            lowest, highest = BY_NAME[name].range_kw(case, chosen)
            if case.called_from.size:  # called programs heed fewer pins
                least, most = BY_NAME[name].range_kw(then, chosen)
                lowest, highest = np.minimum(lowest, least), np.maximum(highest, most)
            np.add.at(low, leaf[chosen], lowest)
            np.add.at(high, leaf[chosen], highest)
    return Binding(
        imports=np.isfinite(limits.import_kw) & (with_below(limits, high) > limits.import_kw),
        exports=np.isfinite(limits.export_kw) & (with_below(limits, low) < limits.export_kw),
    )
