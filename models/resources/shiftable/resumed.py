"""Starts of runs that are kept under new facts."""

import numpy as np

from models.case import Bools, Case, Ints
from models.outcome import Fields


def resumed(case: Case, units: Ints, before: Case, rows: Ints, fields: Fields) -> tuple[Fields, Bools]:
    """Return the starts of runs (n,), which had `fields` at rows (n,) of the case before, and whether each may (n,)."""
    del before, rows
    data, start = case.shiftable, np.array(fields["start"])
    fits = (data.first_start[units] <= start) & (start <= data.last_start[units])
    return {"start": start}, fits
