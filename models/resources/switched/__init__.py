"""Switched units, off or on for a least time: their parameters. Source: docs/reference/formulation.md §2.5."""

from dataclasses import dataclass, field

import numpy as np

from models.arrays import Extent, Floats, Ints, Width, Widths, added, check_not_negative, check_rows, fault

_ANY = np.iinfo(np.int32).max
WIDTHS = {
    "on_kw": Width.ISPS_OR_ONE,
    "window_first": Width.ANY,
    "window_end": Width.ANY,
    "least_on": Width.ANY,
    "most_on": Width.ANY,
    "pinned_on": Width.ISPS_OR_ONE,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Switched:
    """Boilers, pumps, compressors: off, or on at a given power, for a while once started and off for a while after.

    Windows (W per unit; one with end <= first is empty) say when it may be on, and for how long:
    least_on <= ISPs on in the window + unmet − excess <= most_on. Pins override all other rules.
    """

    point: Ints  # (U,)
    on_kw: Floats  # (U,T)* power while on
    min_run: Ints  # (U,) >= 1, ISPs on once started
    min_rest: Ints  # (U,) >= 1, ISPs off once stopped
    start_eur: Floats  # (U,) of every start
    before: Ints  # (U,) ISPs for which it has been on (+) or off (−) when the Period begins; not 0
    window_first: Ints  # (U,W) first ISP of each window, no two of a unit overlap
    window_end: Ints  # (U,W) the ISP after it
    least_on: Ints  # (U,W) ISPs it must be on in the window
    most_on: Ints  # (U,W) ISPs it may be on in the window
    shortfall_eur: Floats  # (U,) price of every ISP too few or too many: comfort before any market
    pinned_on: Floats  # (U,T)* 1 on, 0 off, NaN free; on only before the first free ISP
    latest_start: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64), metadata=added(_ANY))
    """(U,) the last ISP in which it may start, so that its least run ends within a window also after the Period; any,
    the default"""

    def __post_init__(self) -> None:
        if not len(self.latest_start):  # cases of versions that did not have the field
            object.__setattr__(self, "latest_start", np.full(len(self.point), _ANY))

    @property
    def widths(self) -> Widths:
        """The second axis of the fields that have one."""
        return WIDTHS

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        check_rows(where, self, extent, WIDTHS, nan=("pinned_on",))
        check_not_negative(where, self, "start_eur", "shortfall_eur", "least_on")
        for name in ("min_run", "min_rest"):
            if bool((getattr(self, name) < 1).any()):
                raise fault(f"{where}.{name}", "must be at least one ISP")
        if bool((self.before == 0).any()):
            raise fault(f"{where}.before", "must not be 0: a unit has been on (+) or off (−) for at least one ISP")
        self._check_windows(where, extent.isps)
        pinned = self.pinned_on
        if not bool((np.isnan(pinned) | (pinned == 0) | (pinned == 1)).all()):
            raise fault(f"{where}.pinned_on", "must be 1 (on), 0 (off) or NaN (free)")
        if bool(((pinned == 1) & (np.cumsum(np.isnan(pinned), axis=1) > 0)).any()):
            raise fault(f"{where}.pinned_on", "is on behind a free ISP; only what has begun can be pinned on")

    def _check_windows(self, where: str, isps: int) -> None:
        shapes = {getattr(self, name).shape for name in ("window_first", "window_end", "least_on", "most_on")}
        if len(shapes) > 1:
            raise fault(f"{where}.window_first", f"windows and their bounds have different shapes: {sorted(shapes)}")
        first, end = self.window_first, self.window_end
        there = end > first
        if bool((there & ((first < 0) | (end > isps))).any()):
            raise fault(f"{where}.window_first", f"windows must lie within the Period's {isps} ISPs")
        for one in range(first.shape[1]):
            for other in range(one):
                both = there[:, one] & there[:, other]
                if bool((both & (first[:, one] < end[:, other]) & (first[:, other] < end[:, one])).any()):
                    raise fault(f"{where}.window_first", "windows of a unit overlap; join them")
        if bool((self.least_on > self.most_on).any()):
            raise fault(f"{where}.least_on", "above most_on")


def nothing_switched() -> Switched:
    """Return no units of the class, the default for cases of versions that did not have it."""
    none, nobody = np.zeros(0), np.zeros(0, dtype=np.int64)
    window = np.zeros((0, 0), dtype=np.int64)
    return Switched(
        point=nobody, on_kw=np.zeros((0, 1)), min_run=nobody, min_rest=nobody, start_eur=none, before=nobody,
        window_first=window, window_end=window, least_on=window, most_on=window, shortfall_eur=none,
        pinned_on=np.zeros((0, 1)),
    )  # fmt: skip


def example(isps: int) -> Switched:
    """Return a boiler at the first congestion point."""
    return Switched(
        point=np.array([0]),
        on_kw=np.full((1, isps), 1.5),
        min_run=np.array([2]),
        min_rest=np.array([1]),
        start_eur=np.array([0.01]),
        before=np.array([-3]),
        window_first=np.array([[0]]),
        window_end=np.array([[isps]]),
        least_on=np.array([[2]]),
        most_on=np.array([[3]]),
        shortfall_eur=np.array([1.0]),
        pinned_on=np.full((1, isps), np.nan),
    )
