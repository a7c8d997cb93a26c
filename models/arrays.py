"""Types of arrays, and the checks of shapes, numbers and signs that every part of a case runs on itself.

A part is a frozen dataclass of arrays, `models.resources.*.arrays` or `models.markets.*.arrays`. `models.case.Case`
calls its `check` once, which raises CaseError naming the field; from then on its arrays are trusted.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.errors import CaseError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Fields: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays of some units' programs by their field of `models.case.Programs`, one row per unit."""
Rows: TypeAlias = Ints | slice
"""Some units of a class: their positions, or a range of them."""

NO_POINT = -1
"""Congestion point index of a unit that is connected to none."""


ADDED = {"added": "after archives were written: where it says nothing, digests are what they were without it"}
"""Marks fields of cases and of their parts that are newer than the archives of tests/written_before."""


def added(like: str | float) -> dict[str, object]:
    """Return the mark for a field that adds nothing where it equals `like`: a number, or another field's values."""
    return {**ADDED, "like": like}


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The size of a case, which shapes are checked against."""

    isps: int
    points: int
    products: int  # of balancing capacity


@runtime_checkable
class CasePart(Protocol):
    """Arrays of a case that check themselves."""

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field of `where` that contradicts the extent or another field."""
        ...


class Width(Enum):
    """The length of the second axis of an array whose first axis is its rows."""

    ISPS = "T"
    ISPS_OR_ONE = "T*"  # one column stands for all ISPs
    ANY = "any"


Widths: TypeAlias = Mapping[str, Width]


class UnitArrays(CasePart, Protocol):
    """The arrays of a resource class, one row per unit."""

    @property
    def point(self) -> Ints:
        """Index into Case.points or NO_POINT (U,)."""
        ...

    @property
    def widths(self) -> Widths:
        """The second axis of the fields that have one."""
        ...


@runtime_checkable
class PinnableArrays(UnitArrays, Protocol):
    """The arrays of a resource class whose units can be kept at any program."""

    @property
    def pinned_kw(self) -> Floats:
        """The program, kW, where it is fixed, and NaN where it is free (U,T) or (U,1)."""
        ...


def fault(where: str, what: str) -> CaseError:
    """Return a CaseError that names the field and what is wrong."""
    return CaseError(f"{where}: {what}")


def check_values(where: str, values: NDArray[Any], *, nan: bool = False, infinite: bool = False) -> None:
    """Raise CaseError where values of any shape are NaN or infinite, unless that is allowed."""
    if not np.issubdtype(values.dtype, np.floating):
        return
    if not nan and bool(np.isnan(values).any()):
        raise fault(where, f"has NaN at index {np.argwhere(np.isnan(values))[0].tolist()}")
    if not infinite and bool(np.isinf(values).any()):
        raise fault(where, f"has an infinite value at index {np.argwhere(np.isinf(values))[0].tolist()}")


def check_rows(
    where: str, table: Any, extent: Extent, widths: Widths, *, nan: Collection[str] = (), infinite: Collection[str] = ()
) -> None:
    """Raise CaseError unless every field has one entry or row per entry of `point`, each row of the field's width.

    Fields without a width are (U,). `nan` and `infinite` name the fields in which such values are allowed.
    """
    rows = len(table.point)
    if rows and not (table.point.min() >= NO_POINT and table.point.max() < extent.points):
        raise fault(f"{where}.point", f"must be {NO_POINT}..{extent.points - 1}")
    allowed = {Width.ISPS: {extent.isps}, Width.ISPS_OR_ONE: {1, extent.isps}}
    for item in fields(table):
        values, width, place = getattr(table, item.name), widths.get(item.name), f"{where}.{item.name}"
        if isinstance(values, tuple):
            if len(values) != rows:
                raise fault(place, f"has {len(values)} entries, expected {rows}")
            continue
        if values.ndim != (1 if width is None else 2) or len(values) != rows:
            raise fault(place, f"has shape {values.shape}, expected {rows} rows")
        if width in allowed and values.shape[1] not in allowed[width]:
            raise fault(place, f"has {values.shape[1]} ISPs, expected {extent.isps}")
        check_values(place, values, nan=item.name in nan, infinite=item.name in infinite)


def check_shape(
    where: str, values: NDArray[Any], shape: tuple[int, ...], *, nan: bool = False, infinite: bool = False
) -> None:
    """Raise CaseError unless the array has this shape and holds finite numbers, or others that are allowed."""
    if values.shape != shape:
        raise fault(where, f"has shape {values.shape}, expected {shape}")
    check_values(where, values, nan=nan, infinite=infinite)


def check_not_negative(where: str, table: Any, *names: str) -> None:
    """Raise CaseError where one of these fields is negative."""
    for name in names:
        if bool((getattr(table, name) < 0).any()):
            raise fault(f"{where}.{name}", "must not be negative")


def check_units(where: str, of_units: Sequence[Ints], counts: Iterable[tuple[str, int]]) -> None:
    """Raise CaseError unless there is an entry for each unit of each class, in order; the last classes may be missing.

    of_units: (U,) per class. counts: (class, number of its units).
    """
    counts = tuple(counts)
    if not 0 < len(of_units) <= len(counts):
        raise fault(where, f"has {len(of_units)} classes, expected {len(counts)}")
    for units, (name, count) in zip(of_units, counts, strict=False):
        if len(units) != count:
            raise fault(where, f"has {len(units)} units of {name}, expected {count}")


def check_numbers(where: str, of_units: Sequence[Ints], least: int, end: int) -> None:
    """Raise CaseError unless every unit of every class (U,) has a number from `least` to `end` − 1."""
    for units in of_units:
        if units.ndim != 1 or (len(units) and not (units.min() >= least and units.max() < end)):
            raise fault(where, f"must be {least}..{end - 1} for each unit")


def check_at_points(where: str, table: Any) -> None:
    """Raise CaseError where a row belongs to no congestion point."""
    if bool((table.point == NO_POINT).any()):
        raise fault(f"{where}.point", "must name a congestion point")


class TakenRows(Mapping[str, NDArray[Any]]):
    """Rows of some fields of a table, copied when they are read."""

    def __init__(self, table: Any, names: tuple[str, ...], rows: Rows) -> None:
        self._table, self._names, self._rows = table, names, rows

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        values: NDArray[Any] = getattr(self._table, name)[self._rows]
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def chosen_rows(rows: Ints, count: int) -> Rows:
    """Return rows (n,) of a table of `count`; as a slice where they are all of them in order, which copies nothing."""
    return slice(None) if len(rows) == count and bool((rows == np.arange(count)).all()) else rows


def of_rows(table: Any, rows: Rows) -> Any:
    """Return some rows of every array, and of tuples of names."""
    return type(table)(**{item.name: _taken(getattr(table, item.name), rows) for item in fields(table)})


def _taken(values: Any, rows: Rows) -> Any:
    if not isinstance(values, tuple):
        return values[rows]
    return values[rows] if isinstance(rows, slice) else tuple(values[row] for row in rows.tolist())


def constant_columns(values: NDArray[Any]) -> NDArray[Any]:
    """Return one column (U,1) of values (U,T) where all columns are the same memory read again; else the values."""
    return values[:, :1] if values.ndim == 2 and values.shape[1] > 1 and values.strides[1] == 0 else values


def unpinned(units: PinnableArrays, free: Ints, isps: int) -> Any:
    """Return units without their pins from ISP free[point] on; free (C+1,), the last entry for units in no point."""
    since = free[units.point]
    if not len(since) or int(since.min()) >= isps:
        return units
    pinned = np.where(np.arange(isps) >= since[:, None], np.nan, units.pinned_kw)
    return replace(units, pinned_kw=pinned)  # type: ignore[type-var]  # all parts of a case are dataclasses
