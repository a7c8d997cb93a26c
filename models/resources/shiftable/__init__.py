"""Shiftable runs, whose start is free: their parameters. Source: docs/reference/formulation.md §2.4."""

from dataclasses import dataclass, field

import numpy as np

from models.arrays import Extent, Floats, Ints, Width, Widths, added, check_rows, fault

WIDTHS = {"profile_kw": Width.ANY, "later_eur": Width.ANY}


@dataclass(frozen=True, kw_only=True, eq=False)
class Shiftable:
    """Runs with one free start: p[t] = profile[t − s], s in first_start..last_start (ISPs from 0).

    A run may go on after the Period; one that starts in ISP T is left for a later one. Either costs what its energy is
    expected to cost then, so that a bound set by the customer never moves to the Period's border.
    """

    point: Ints  # (U,)
    profile_kw: Floats  # (U,D) padded with 0 after each run
    length: Ints  # (U,) ISPs of the profile
    first_start: Ints  # (U,)
    last_start: Ints  # (U,) first_start..T; T: not in this Period
    later_eur: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=added(0.0))
    """(U,D) expected cost of what lies after the Period: column k where k + 1 ISPs of the run do; 0, the default"""
    unmanaged_start: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64), metadata=added("first_start"))
    """(U,) start if nobody steers the run, before 0 where it began before the Period; first_start, the default"""

    def __post_init__(self) -> None:
        if not len(self.later_eur):  # cases of versions that did not have the fields
            object.__setattr__(self, "later_eur", np.zeros(self.profile_kw.shape))
        if not len(self.unmanaged_start):
            object.__setattr__(self, "unmanaged_start", self.first_start)

    @property
    def widths(self) -> Widths:
        """The second axis of the fields that have one."""
        return WIDTHS

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        check_rows(where, self, extent, WIDTHS)
        if bool((self.length > self.profile_kw.shape[1]).any() or (self.length < 1).any()):
            raise fault(f"{where}.length", f"must be 1..{self.profile_kw.shape[1]}, the width of profile_kw")
        if bool((self.first_start < 0).any()):
            raise fault(f"{where}.first_start", "before the first ISP")
        if bool((self.last_start < self.first_start).any() or (self.last_start > extent.isps).any()):
            raise fault(f"{where}.last_start", f"before first_start, or after the Period's {extent.isps} ISPs")
        if self.later_eur.shape != self.profile_kw.shape:
            raise fault(f"{where}.later_eur", f"has shape {self.later_eur.shape}, expected {self.profile_kw.shape}")


def example(isps: int) -> Shiftable:
    """Return a run of two ISPs at the first congestion point."""
    return Shiftable(
        point=np.array([0]),
        profile_kw=np.ones((1, 2)),
        length=np.array([2]),
        first_start=np.array([0]),
        last_start=np.array([isps - 2]),
    )
