"""Solves a small case to its exact optimum, and fails on any finding of the audit."""

import numpy as np

from models.audit import audit
from models.outcome import Termination
from models.reference.problem import solve

ROUNDING_EUR = 1e-6


def solved(case):
    """Return the audited, proven optimum of a case."""
    outcome = solve(case, relative_gap=1e-8, time_limit_s=600.0, threads=1)
    assert audit(case, outcome) == ()
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.bound_eur >= outcome.objective_eur - ROUNDING_EUR
    assert outcome.gap_eur <= ROUNDING_EUR + 1e-8 * outcome.gross_cost_eur
    return outcome


def near(found, expected):
    """Say whether numbers agree to the solver's tolerance."""
    return np.allclose(found, expected, rtol=1e-6, atol=1e-5)
