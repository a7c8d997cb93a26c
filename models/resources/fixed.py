"""Fixed units: one possible program, so only their sum per congestion point enters the problem."""

from models.block import per_point
from models.case import Case, Floats


def fixed_program_kw(case: Case) -> Floats:
    """Return Σ program_kw per congestion point: (C+1,T), the last row for units in none."""
    return per_point(case, case.fixed.point, case.fixed.program_kw)
