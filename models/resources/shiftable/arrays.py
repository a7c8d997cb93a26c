"""Parameters of shiftable runs. Source: docs/reference/formulation.md §2.4."""

from dataclasses import dataclass

from models.arrays import Extent, Floats, Ints, Width, Widths, check_rows, fault

WIDTHS = {"profile_kw": Width.ANY}


@dataclass(frozen=True, kw_only=True, eq=False)
class Shiftable:
    """Runs with one free start: p[t] = profile[t − s], s in first_start..last_start (ISPs from 0)."""

    point: Ints  # (U,)
    profile_kw: Floats  # (U,D) padded with 0 after each run
    length: Ints  # (U,) ISPs of the profile
    first_start: Ints  # (U,)
    last_start: Ints  # (U,) >= first_start, last_start + length <= T

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
        if bool((self.last_start < self.first_start).any() or (self.last_start + self.length > extent.isps).any()):
            raise fault(f"{where}.last_start", "before first_start, or the run would end after the last ISP")
