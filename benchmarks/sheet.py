"""A linear program that grows piece by piece, as arrays."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.case import Bools, Floats, Ints

Where: TypeAlias = tuple[Ints, Ints]


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """min cost·x + offset, row_lower <= A·x <= row_upper, lower <= x <= upper."""

    cost: Floats
    offset: float
    lower: Floats
    upper: Floats
    rows: Any  # scipy csc_array
    row_lower: Floats
    row_upper: Floats
    columns: dict[str, tuple[int, Ints, Ints]]  # name → first column, and the (unit, ISP) of its cells


@dataclass
class Sheet:
    """Columns and rows under construction."""

    columns: int = 0
    rows: int = 0
    cost: list[Floats] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    row_lower: list[Floats] = field(default_factory=list)
    row_upper: list[Floats] = field(default_factory=list)
    entries: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    named: dict[str, tuple[int, Ints, Ints]] = field(default_factory=dict)
    offset: float = 0.0

    def cells(self, name: str, where: Where, lower: Any, upper: Any, cost: Any = 0.0) -> Ints:
        """Add one column per listed (unit, ISP) and return their numbers."""
        count = len(where[0])
        for bounds, value in ((self.lower, lower), (self.upper, upper), (self.cost, cost)):
            bounds.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        first = self.columns
        self.columns += count
        self.named[name] = (first, *where)
        return np.arange(first, self.columns)

    def add(self, lower: Any, upper: Any, count: int) -> Ints:
        """Add rows and return their numbers."""
        for bounds, value in ((self.row_lower, lower), (self.row_upper, upper)):
            bounds.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        first = self.rows
        self.rows += count
        return np.arange(first, self.rows)

    def put(self, rows: Ints, columns: Ints, values: Any) -> None:
        """Add entries."""
        spread = np.broadcast_to(np.asarray(values, dtype=np.float64), rows.shape)
        self.entries.append((rows.astype(np.int32), columns.astype(np.int32), spread))

    def arrays(self) -> Arrays:
        """Return the finished arrays."""
        rows, columns, values = (np.concatenate([part[i] for part in self.entries]) for i in range(3))
        self.entries.clear()
        matrix = sparse.coo_array((values, (rows, columns)), shape=(self.rows, self.columns)).tocsc()
        return Arrays(
            cost=np.concatenate(self.cost),
            offset=self.offset,
            lower=np.concatenate(self.lower),
            upper=np.concatenate(self.upper),
            rows=matrix,
            row_lower=np.concatenate(self.row_lower),
            row_upper=np.concatenate(self.row_upper),
            columns=self.named,
        )


def cells_where(table: Bools) -> Where:
    """Return the (row, ISP) of all that is true of a table."""
    rows, isps = np.nonzero(table)
    return rows.astype(np.int64), isps.astype(np.int64)


def spread(arrays: Arrays, x: NDArray[np.float64], name: str, units: int, isps: int) -> Floats:
    """Return the values of a named variable as (U,T), zero where it does not exist."""
    first, unit, isp = arrays.columns[name]
    table = np.zeros((units, isps))
    table[unit, isp] = x[first : first + len(unit)]
    return table
