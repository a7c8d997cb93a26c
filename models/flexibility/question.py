"""The question that an offer answers, and the answer: values only. Source: docs/explanation/flexibility-offers.md."""

from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats, check_shape, fault
from models.case import Case
from models.outcome import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """How far a grid operator lets a congestion point's program leave its baseline. kW, per ISP (T,)."""

    baseline_kw: Floats  # the announced program, whole W
    requested: Bools  # where a deviation is asked for; it has one direction in each ISP
    least_kw: Floats  # lowest deviation; 0 in ISPs that are not named, −inf where anything is allowed
    most_kw: Floats  # highest deviation; 0 in ISPs that are not named, +inf where anything is allowed
    elements: tuple[tuple[int, int], ...] = ()
    """(first ISP from 0, number of ISPs) of what is asked for in one piece. Some grid operators refuse an offer that
    has the same power throughout in none of them"""

    def __post_init__(self) -> None:
        isps = len(self.baseline_kw)
        for name in ("requested", "least_kw", "most_kw"):
            check_shape(f"room.{name}", getattr(self, name), (isps,), infinite=name != "requested")
        if bool((self.requested & ~(np.isfinite(self.least_kw) & np.isfinite(self.most_kw))).any()):
            raise fault("room.requested", "what is asked for needs bounds; only other ISPs may be free without end")
        if bool((self.least_kw > self.most_kw).any()):
            raise fault("room.least_kw", "lies above most_kw")
        if bool((self.requested & (self.least_kw < 0) & (self.most_kw > 0)).any()):
            raise fault("room.requested", "a requested ISP must have one direction: least_kw >= 0 or most_kw <= 0")

    @property
    def down(self) -> Bools:
        """Where less consumption is asked for (T,)."""
        return self.requested & (self.least_kw < 0)

    @property
    def up(self) -> Bools:
        """Where more consumption is asked for (T,)."""
        return self.requested & (self.most_kw > 0)

    @property
    def asked_kw(self) -> Floats:
        """All that is asked for, signed (T,)."""
        found: Floats = np.where(self.down, self.least_kw, np.where(self.up, self.most_kw, 0.0))
        return found

    @property
    def smallest_kw(self) -> Floats:
        """The smallest deviation other than 0 that is of use, not negative (T,)."""
        found: Floats = np.where(self.down, -self.most_kw, np.where(self.up, self.least_kw, 0.0))
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """A planned congestion point alone, and what is asked of it."""

    part: Case
    """The point as models.part.subproblem cuts it out of the plan in force"""
    planned: Outcome
    """Its outcome in the plan: programs, headroom and shortfalls of its own rows; positions of the whole portfolio"""
    room: Room
    buy_taken_kw: Floats
    """(T,) of the intraday depth that other offers may need for purchases"""
    sell_taken_kw: Floats
    """(T,) likewise for sales"""
    shares: tuple[float, ...] = (1.0,)
    """Volumes to be priced, as shares of what is sold; 1 is all of it"""
    sell_share: float = 1.0
    """Share of what can be delivered that is sold"""
    traded_by_operator: bool = False
    """Whether the grid operator trades what is asked for, so that its energy is sold to it"""
    reservation: str | None = None
    """The contract whose reservation the offer uses up"""
    giving_way: tuple[str, ...] = ()
    """Orders of the part that give way to an offer of the other direction, as far as it goes; limits never do"""
    least_kw: float = 0.01
    """A volume with less power than this in every ISP is of no use to anybody"""
    time_limit_s: float = 30.0
    threads: int = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Priced:
    """One volume, its cost, and the program that delivers it."""

    share: float
    volume_kw: Floats  # (T,) promised in requested ISPs, whole W; 0 elsewhere
    deviation_kw: Floats  # (T,) of the program from the baseline, in all ISPs
    cost_eur: float  # by how much the program earns less than the best one without the offer
    costs_eur: dict[str, float]  # the same by term; sums to cost_eur
    traded_kw: Floats  # (T,) new trades, bought positive
    outcome: Outcome  # of the point's case with new trades only
    case: Case


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What can be offered: nothing, with the reason, or volumes with their costs."""

    priced: tuple[Priced, ...]  # largest first
    deliverable_kw: Floats  # (T,) the part of the request that can be delivered
    binding: tuple[str, ...]  # what keeps it from being more
    convex: bool  # whether any part of a volume can be delivered for the same part of its price
    why_not: str = ""
    seconds: float = 0.0
