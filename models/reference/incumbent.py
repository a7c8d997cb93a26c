"""Reads the whole numbers of a program that was made elsewhere, so that the search can begin from it. Numpy only."""

import numpy as np

from models.block import Discrete
from models.case import Case, Floats
from models.matrix import Matrix
from models.outcome import Outcome


def incumbent_values(case: Case, matrix: Matrix, discrete: Discrete, outcome: Outcome) -> Floats:
    """Return x (V,), in the units of the columns, with the variables from which whole numbers follow as in the outcome.

    All others are zero.
    """
    x = np.zeros(len(matrix.cost))
    for some in discrete.known:
        programs = outcome.programs if outcome.called is None or not some.called else outcome.called
        values = getattr(programs, some.field)[some.index]
        x[matrix.columns(some.variables)] = values if some.equals is None else values == some.equals
    for whole in discrete.wholes:
        step_mw = case.reserves[whole.product].step_mw
        x[matrix.columns([whole.variable])] = np.round(outcome.bids_mw[whole.product][whole.block] / step_mw)
    return x
