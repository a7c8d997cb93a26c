"""Programs of fixed units, which have only one each."""

from models.case import Case, Floats, Ints
from models.outcome import Fields, Rows


def power_kw(case: Case, units: Rows, fields: Fields) -> Floats:
    """Return the programs (n,T)."""
    del fields
    return case.fixed.program_kw[units]


def range_kw(case: Case, units: Ints) -> tuple[Floats, Floats]:
    """Return the programs (n,T), kW, of units (n,), twice: nothing else is possible."""
    program = case.fixed.program_kw[units]
    return program, program


def unmanaged(case: Case) -> Fields:
    """Return no fields, since nothing is chosen."""
    del case
    return {}
