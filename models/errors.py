"""Errors of the mathematics: a case that contradicts itself, or a solver that failed."""


class ModelError(Exception):
    """Root of the tree."""


class CaseError(ModelError):
    """The case contradicts itself: says which field, its shape or value, and what was expected."""


class SolverError(ModelError):
    """The solver failed for a reason that is not infeasibility or a limit."""


class ProofError(SolverError):
    """A proven bound contradicts a program that was found: one of the two is wrong, so neither can be used."""


class ExecutorError(ModelError):
    """The workers that answer prices cannot be reached, do not fit or died: says which, and where to look."""
