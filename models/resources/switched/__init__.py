"""Switched units: off, or on at a given power, with least times of both. Source: docs/reference/formulation.md §2.5."""

from models.resources.switched.block import SwitchedBlock, add_switched
from models.resources.switched.response import SwitchedAnswers, SwitchedResponder
from models.resources.switched.states import (
    Parameters,
    missed_isps,
    of_units,
    own_cost_eur,
    priced,
    starts,
    switched_program_kw,
    unmanaged_on,
    unmet_and_excess,
)

__all__ = [
    "Parameters",
    "SwitchedAnswers",
    "SwitchedBlock",
    "SwitchedResponder",
    "add_switched",
    "missed_isps",
    "of_units",
    "own_cost_eur",
    "priced",
    "starts",
    "switched_program_kw",
    "unmanaged_on",
    "unmet_and_excess",
]
