"""A plan: the audited answer for one Period, why it exists and what it changed. Frozen values.

Programs towards the grid are in whole W, money in the market's currency, earned positive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from math import comb, isfinite

from agr.domain.isp import Period

NO_PLAN = "no plan before the gate"
"""Origin of a position that is zero because there was no plan at the gate."""


class ReasonKind(Enum):
    """Why a plan was made."""

    FIRST_PLAN = "first plan"
    RESULTS = "market results"
    AWARD = "award"  # a market reported what it awarded, and it is not what was bid
    TRADE = "intraday trade"
    RESERVATION = "reservation update"
    ORDER = "flex order"  # a DSO orders flexibility that we offered
    PORTFOLIO = "portfolio changed"
    FORECAST = "new forecast"
    OPERATOR = "operator"
    ROLLING = "rolling"  # the rest of the running Period is planned again, which happens regularly
    DEVIATION = "deviation"  # stores were measured too far from the plan in force
    BACK_END = "back-end"  # a back-end of charge points has stopped answering, or answers again
    PRICE = "new price"  # an intraday price has moved since the plan in force
    IMBALANCE = "imbalance price"  # a newer one is known, to which resources may react
    SESSION = "charging session"  # a car came unplanned, left early or needs another amount
    DAY_BEFORE = "day before changed"  # the plan of the day before leaves other states at midnight


ROLLED = (ReasonKind.ROLLING, ReasonKind.DEVIATION, ReasonKind.PRICE, ReasonKind.IMBALANCE, ReasonKind.SESSION)
"""Reasons for planning again that arise while a day is running."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason for a plan; several within a few seconds are answered by one plan."""

    kind: ReasonKind
    reference: str = ""  # message id, file, name of the operator
    text: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}" + (f": {self.text}" if self.text else "")


class PlanState(Enum):
    """What may be done with a plan."""

    AUDITED = "audited"  # may be sent
    FAILED = "failed"  # the audit had findings; never sent
    HELD_BACK = "held back"  # gains too little to be worth new prognoses
    PREVIEW = "preview"  # only shown until an operator sends or discards it
    DISCARDED = "discarded"  # an operator decided not to send it


@dataclass(frozen=True, kw_only=True)
class PointProgram:
    """The program of one congestion point, which becomes its D-Prognosis; W per ISP."""

    address: str
    dso: str
    power_w: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What held or moved a program: a limit, a reservation, a price, or a fact that changed."""

    what: str
    eur_per_mwh: float | None = None  # what it is worth; None: it has no price
    before_eur_per_mwh: float | None = None  # the same in the predecessor, of what had a price then

    def __str__(self) -> str:
        if self.eur_per_mwh is None:
            return self.what
        before = "" if self.before_eur_per_mwh is None else f", before {self.before_eur_per_mwh:z,.2f}"
        return f"{self.what} ({self.eur_per_mwh:z,.2f}{before} per MWh)"


@dataclass(frozen=True, kw_only=True)
class IspChange:
    """One ISP of one congestion point that differs from the predecessor."""

    isp: int
    before_w: int
    after_w: int
    earned_eur: float  # energy moved, at the portfolio's shadow price of this plan
    causes: tuple[Cause, ...]


@dataclass(frozen=True, kw_only=True)
class PointChange:
    """All changed ISPs of one congestion point, what changed there, and what the change earned there."""

    address: str
    isps: tuple[IspChange, ...]
    terms_eur: Mapping[str, float] = field(default_factory=dict)  # its own terms, and the energy moved as ENERGY
    causes: tuple[Cause, ...] = ()  # facts of its resources that changed, whatever the ISP


ENERGY = "energy moved"
"""Name of the term: what a congestion point earned by moving energy, at the portfolio's shadow price. The markets pay
it."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a plan changed against its predecessor.

    `terms_eur` is what new facts changed in the worth of the predecessor's program (`facts_eur`), and what was earned
    by changing the program under the same facts (`earned_eur`): at congestion points, and elsewhere (`rest_eur`).
    """

    predecessor: int
    terms_eur: dict[str, float]  # after − before, by term
    points: tuple[PointChange, ...]
    facts_eur: Mapping[str, float] = field(default_factory=dict)  # by term; none where it was not evaluated
    rest_eur: Mapping[str, float] = field(default_factory=dict)  # by term: positions, reserve, resources in no point
    causes: tuple[Cause, ...] = ()  # facts of the whole portfolio that changed

    @property
    def earned_eur(self) -> dict[str, float]:
        """What changing the program earned under the same facts, by term."""
        return {term: eur - self.facts_eur.get(term, 0.0) for term, eur in self.terms_eur.items()}


OLD_PLANNING_TERMS = ("comfort shortfall", "called comfort shortfall", "prognosis change")
"""Terms that are planning prices in plans stored before plans listed theirs."""


@dataclass(frozen=True, kw_only=True)
class PromisedPoint:
    """How well reservations at a congestion point hold on days that may come, with the program that is announced."""

    address: str
    probability: float  # asked for
    scenarios: int  # days that were planned for
    days: int  # other days on which it was counted
    answered: int  # of these, those on which a call would be answered
    recounted: int = 0  # of the days, those that were counted a second time, by the reference formulation
    margin_kw: float | None = None  # added for days beyond the scenarios; None: what was announced before stays
    hedge_eur: float | None = None  # what keeping the promise costs; None: likewise
    scenario: int | None = None  # from 1, in which the promise binds
    isp: int | None = None  # from 1
    why: str = ""  # what is special about that scenario
    within_kw: float | None = None  # on the share of days asked for, kept to within this in ISPs that may be called

    @property
    def met(self) -> bool:
        """Whether so many answered days are no less than chance explains: one such count in twenty may be lower."""
        p, n = self.probability, self.days
        as_few = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(self.answered + 1))
        return as_few >= 0.05


@dataclass(frozen=True, kw_only=True)
class PlanFigures:
    """The figures of a plan that operators and reports read."""

    terms_eur: dict[str, float]
    objective_eur: float
    bound_eur: float
    gap_eur: float
    gross_cost_eur: float
    no_flexibility_eur: float
    imbalance_mwh: float
    reservation_shortfall_kwh: float
    comfort_shortfall_kwh: float
    limit_breach_kwh: float
    reserve_shortfall_mwh: float
    termination: str
    solver: str
    seconds: dict[str, float]
    audit: tuple[str, ...]
    notes: tuple[str, ...]  # fall-backs used: missing forecasts, unknown connections, …
    worst: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind of promise at risk → the worst places
    order_shortfall_kwh: float = 0.0  # ordered flexibility that the plan does not deliver
    planning: tuple[str, ...] = OLD_PLANNING_TERMS  # terms that are planning prices, which nobody pays
    reacting_mwh: float = 0.0  # the part of `imbalance_mwh` that is intended: it reacts to imbalance prices
    customers: tuple[str, ...] = ()  # terms that customers pay at their connections: tariffs and peak charges
    promised: tuple[PromisedPoint, ...] = ()  # reservations that are planned by probability

    @property
    def flexibility_eur(self) -> float:
        """Value of flexibility: the objective minus that of the unmanaged program."""
        return self.objective_eur - self.no_flexibility_eur

    @property
    def money_eur(self) -> float:
        """What the plan earns in money: the objective without planning prices."""
        return self.objective_eur - self.planning_eur

    @property
    def planning_eur(self) -> float:
        """Planning prices in the objective, which nobody pays."""
        return sum(self.terms_eur.get(term, 0.0) for term in self.planning)

    @property
    def customers_eur(self) -> float:
        """What customers pay at their connections (negative), which is part of the money but none of ours."""
        return sum(self.terms_eur.get(term, 0.0) for term in self.customers)

    @property
    def proven_gap_eur(self) -> float | None:
        """The gap; None where the search ran out of time before it proved any bound."""
        return self.gap_eur if isfinite(self.gap_eur) else None


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Market positions per ISP in kW and reserve bids per block in MW."""

    day_ahead_kw: tuple[float, ...]
    intraday_kw: tuple[float, ...]  # net bought: what was traded, and what is still to be traded
    bids_mw: dict[str, tuple[float, ...]]
    balance_eur_per_mwh: tuple[float, ...]  # shadow price of energy
    bid_costs_eur_per_mw: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Product → per block, the price in EUR/MW at which offering one MW more or less makes no difference"""
    bid_prices_eur_per_mw: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Product → per block, the price in EUR/MW that the plan expects"""


def rounding_eur(amount: float) -> float:
    """Return the difference of worth, EUR, that is numerical noise beside an amount such as gross cost."""
    return 1e-6 + 1e-9 * abs(amount)


@dataclass(frozen=True, kw_only=True)
class AgainstInForce:
    """A new plan compared with the program in force, which was evaluated again under the facts of the new plan."""

    plan: int  # whose program was in force
    was_eur: float  # worth when it was planned
    worth_eur: float | None  # worth under the new facts; None: it cannot be run any more
    found_eur: float  # worth of the new plan that was found
    kept: bool  # the plan holds the program in force, not the one that was found
    proven: bool  # the search for the new plan ended with a gap within the tolerance, and no program contradicts it
    termination: str  # how that search ended
    fit: bool = True  # whether the new plan passes its audit; a last resort may not
    left: tuple[str, ...] = ()  # resources that cannot run their program any more: they follow the new plan
    why: tuple[str, ...] = ()  # why the program in force cannot be run at all
    missed_kwh: float = 0.0  # by how much more a plan from an unfinished search would miss promises than that program

    @property
    def loss_eur(self) -> float:
        """By how much the plan that was found is worth less than the program kept, or than the one given up."""
        return (self.worth_eur if self.kept and self.worth_eur is not None else self.was_eur) - self.found_eur

    @property
    def given_up(self) -> bool:
        """Whether resources cannot run the program that was in force any more, and the new plan is worth less."""
        impossible = not self.kept and bool(self.why or self.left)
        return impossible and self.loss_eur > rounding_eur(self.was_eur)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The answer for one Period."""

    id: int
    period: Period
    created_at: datetime
    reasons: tuple[Reason, ...]
    state: PlanState
    points: tuple[PointProgram, ...]
    positions: Positions
    result: PlanFigures
    change: Change | None = None
    predecessor: int | None = None
    case_digest: str = ""
    part: bool = False  # only some congestion points were re-optimised; all others are as in the predecessor
    basis: str = ""  # what it was made from, except reservations; an equal text means that nothing else has changed
    against: AgainstInForce | None = None  # how it compares with the program that was in force
    unavailable: Mapping[str, int] = field(default_factory=dict)  # resource → ISP (from 0) from which it is
