"""Shiftable runs: a fixed profile with one free start. Source: docs/reference/formulation.md §2.4."""

from models.resources.shiftable.block import ShiftableBlock, add_shiftable, run_program_kw
from models.resources.shiftable.response import ShiftableAnswers, ShiftableResponder

__all__ = ["ShiftableAnswers", "ShiftableBlock", "ShiftableResponder", "add_shiftable", "run_program_kw"]
