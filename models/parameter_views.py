"""Views of units' parameters for compiled code, in single or double precision; nothing is copied."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.case import Floats
from models.compiled import compiled, inlined

Tables: TypeAlias = tuple[Floats, ...]
"""One (U,T) or (U,1) array per parameter, empty where the parameter is held in the other precision."""


def parameter_views(*parameters: NDArray[Any]) -> tuple[Tables, Tables]:
    """Return the parameters (U,T) or (U,1) as (double, single): read-only views, copied only if not contiguous."""
    views = [_view(values) for values in parameters]
    double, single = (_view(np.zeros((0, 0), dtype=dtype)) for dtype in (np.float64, np.float32))
    return (
        tuple(view if view.dtype == np.float64 else double for view in views),
        tuple(view if view.dtype == np.float32 else single for view in views),
    )


def _view(values: NDArray[Any]) -> NDArray[Any]:
    if values.shape[1] > 1 and values.strides[1] == 0:
        values = values[:, :1]
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    view = np.ascontiguousarray(values, dtype=dtype).view()
    view.setflags(write=False)
    return view


@inlined
def _copy(values: Floats, unit: int, row: Floats) -> None:
    if values.shape[1] == 1:
        row[:] = values[unit, 0]
    else:
        for t in range(row.shape[0]):
            row[t] = values[unit, t]


@compiled
def load(double: Tables, single: Tables, unit: int, table: Floats) -> None:
    """Copy a unit's K parameters, from arrays (U,T) or (U,1), into table (K,T), whatever their width and precision."""
    for k in range(table.shape[0]):
        if double[k].shape[0] > 0:
            _copy(double[k], unit, table[k])
        else:
            _copy(single[k], unit, table[k])
