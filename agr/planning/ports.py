"""What planning needs from outside: settings, a solver, and a store for inputs and plans.

The daemon's store is `StoredPlans` (SQL), a scenario's `MemoryPlans`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from agr.domain.award import Trade
from agr.domain.flexibility import BoundOffer, Obligation
from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.domain.register import Contract, Portfolio, Price, Register
from agr.domain.visit import Visit
from agr.forecasting.error_days import PastForecasts
from agr.planning.difference import Solved
from agr.planning.progress import RoundProgress
from agr.planning.solving import Solution
from agr.settings import Brp, Markets, Planning, Publication, Timetable, Trading
from agr.store.charge_sessions import ChargeSession
from agr.store.day import Trigger
from agr.store.forecast_runs import ForecastRun
from agr.store.overrides import Unavailable
from models.case import Case
from models.outcome import Outcome

if TYPE_CHECKING:
    from agr.planning.probability.promising import Promiser
    from models.evaluation import Earlier
    from models.flexibility.question import Answer, Question


class PlanningSettings(Protocol):
    """The settings of planning: the daemon's, or a scenario's description."""

    @property
    def time_zone(self) -> str:
        """The market's time zone."""

    @property
    def isp_minutes(self) -> int:
        """Length of an ISP."""

    @property
    def timetable(self) -> Timetable:
        """Moments of the market day."""

    @property
    def markets(self) -> Markets:
        """The markets we trade on."""

    @property
    def planning(self) -> Planning:
        """How plans are made."""

    @property
    def publication(self) -> Publication:
        """Which changes are sent."""

    @property
    def trading(self) -> Trading:
        """How flexibility is sold to DSOs."""

    @property
    def brps(self) -> tuple[Brp, ...]:
        """The balance responsible parties, and which of them is balanced by itself."""


class Solver(Protocol):
    """Solves and audits cases; raises PlanError when a solve fails."""

    def within(self, budget_s: float) -> "Promiser":
        """Return what solves, proposes and counts with this solver, all within one budget."""

    def solve(self, case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        """Return the audited outcome; `reached` is called after every round of the decomposition."""

    def go_on(self, earlier: "Earlier", case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        """Return the same, from the program in force where that is good enough."""

    def solve_part(self, before: Case, case: Case) -> Solution:
        """Return the audited outcome of a part of a portfolio; `before` is the part in force."""

    def call_again(self, case: Case, kept: Outcome, bids_mw: list[NDArray[np.float64]]) -> Outcome:
        """Return a kept program with the called programs and reserve that make it worth most."""

    def price(self, question: "Question") -> "Answer":
        """Return what an offer of flexibility costs."""


class PlanReader(Protocol):
    """One consistent view of what plans are made from."""

    def cro_states(self, day: date) -> Mapping[str, str]:
        """Return CRO → asked, answered or rejected."""

    def last_call_made(self, day: date) -> bool:
        """Say whether CROs that have not answered are waited for no longer."""

    def portfolio(self, period: Period) -> Portfolio:
        """Return the congestion points that the CROs sent, by address; empty when none has answered."""

    def register(self) -> Register:
        """Return the register; forecasts and prices in it are not used."""

    def contract(self, name: str) -> Contract | None:
        """Return one contract."""

    def forecasts(self, period: Period) -> Mapping[tuple[str, str], NDArray[np.float64]]:
        """Return (resource, quantity) → one value per ISP."""

    def newest_contents(
        self, resources: Collection[str], since: datetime, upto: datetime
    ) -> Mapping[str, tuple[datetime, float]]:
        """Return resource → (instant, kWh) of its newest state of charge that was reported, of some resources."""

    def registers(
        self, resources: Collection[str], first: datetime, last: datetime
    ) -> Mapping[tuple[str, str], Sequence[tuple[datetime, float]]]:
        """Return (resource, quantity) → (instant, kWh) of energy registers that were reported, by time."""

    def silent_limits(self, period: Period, now: datetime) -> Mapping[str, NDArray[np.float64]]:
        """Return session → most power (T,), kW, that its charge point gives, where its back-end does not answer."""

    def sessions(self, period: Period) -> Sequence[ChargeSession]:
        """Return the sessions that charge points have reported in a Period and the day before, by their beginning."""

    def ended_sessions(self, first: datetime, last: datetime) -> Sequence[ChargeSession]:
        """Return the sessions that charge points have reported and that ended in [first, last)."""

    def visits(self, period: Period, now: datetime) -> Sequence[Visit]:
        """Return the cars of a running Period that nobody planned and that do not say what they need."""

    def latest_forecast_day(self, before: date) -> date | None:
        """Return the latest Period before a day that has forecasts."""

    def prices(self, start: datetime, end: datetime) -> Sequence[Price]:
        """Return prices that start in [start, end)."""

    def forecast(self, series: str, period: Period, as_of: datetime) -> ForecastRun | None:
        """Return our own newest forecast of a Period that was made by then."""

    def power_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, ForecastRun]:
        """Return resource → our own newest forecast of its power that was made by then."""

    def heat_forecasts(self, period: Period, as_of: datetime) -> Mapping[tuple[str, str], ForecastRun]:
        """Return (resource, quantity) → our own newest forecast of its heat demand and its COP, likewise."""

    def session_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, ForecastRun]:
        """Return series of charging sessions → our own newest forecast of a Period that was made by then."""

    def past(self, series: Sequence[str], period: Period, now: datetime, days: int) -> PastForecasts:
        """Return, by series, what was forecast for the days before a Period, as early as now, and what happened."""

    def reserved_w(self, day: date) -> Mapping[str, tuple[int, ...]]:
        """Return contract → W per ISP of its newest FlexReservationUpdate."""

    def fixed_positions(self, day: date) -> Mapping[str, tuple[float, ...]]:
        """Return market → kW per ISP or MW per block, once its gate has closed."""

    def trades(self, day: date) -> Sequence[Trade]:
        """Return the intraday trades of a Period that are known."""

    def unavailable(self, day: date) -> Sequence[Unavailable]:
        """Return what operators have marked as unavailable."""

    def orders(self, period: Period) -> Sequence[Obligation]:
        """Return what orders of flexibility bind a Period's programs to, oldest first."""

    def offered(self, period: Period, held_since: datetime) -> Sequence[BoundOffer]:
        """Return the offers of flexibility that DSOs may order: open ones, and those that expired after an instant."""

    def offered_programs(self, offer: str) -> bytes:
        """Return the archive of the audited programs behind an offer; empty where it is kept no longer."""

    def announced(self, day: date) -> bool:
        """Say whether a D-Prognosis was sent."""

    def open_triggers(self) -> list[Trigger]:
        """Return triggers that no plan has answered, oldest first."""

    def plan(self, number: int) -> Plan | None:
        """Return one plan."""

    def number_in_force(self, day: date) -> int | None:
        """Return the number of the newest audited plan."""

    def archived(self, number: int) -> Callable[[], Solved]:
        """Read the whole portfolio's case and outcome of a plan; call the returned function to unpack them."""

    def input_version(self) -> int:
        """Return a number that grows whenever an input other than a reservation changes."""


class PlanStore(Protocol):
    """Where inputs are read from and plans are written to."""

    def reading(self) -> AbstractContextManager[PlanReader]:
        """Give one consistent view."""

    def put(self, plan: Plan, solved: Solved, triggers: list[int], leaves: str | None) -> Plan:
        """Store a plan, its alarms and the answers to its triggers, all or nothing; return it with its number.

        A plan that comes into force and leaves other states at midnight than the one before (`leaves` says which; None:
        not compared) asks for the next Period's plan where there is one, also in the same transaction.
        """
