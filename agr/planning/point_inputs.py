"""The inputs of one congestion point alone, read without the rest of the portfolio, which keeps the plan in force.

All that others do is one fixed load in no congestion point: what they together do in that plan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from agr.domain.flexibility import BoundOffer
from agr.domain.isp import Period
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.quantities import POWER
from agr.domain.plan import Plan
from agr.domain.register import CongestionPoint, Connection, Portfolio, Register
from agr.planning.case import Inputs
from agr.planning.difference import Solved
from agr.planning.plan_loader import named_like, places
from agr.planning.stored_plans import StoredInputs
from agr.store import register
from agr.store.engine import Tx

ELSEWHERE = "everything at other congestion points"


class PointInputs(StoredInputs):
    """The inputs of a congestion point's plan; see `PlanReader`. Its plans are parts of whole ones, see `part_of`."""

    def __init__(self, tx: Tx, point: CongestionPoint, known: Register, parts: Mapping[int, Solved]) -> None:
        """Begin with what the register has about the point (`known`), and with its part of each plan that is read."""
        super().__init__(tx)
        self._point, self._known, self._parts = point, known, parts
        self._resources = frozenset(row.resource for row in known.resources)

    def portfolio(self, period: Period) -> Portfolio:
        """Return the congestion point alone."""
        return Portfolio(period=period, points=(self._point,))

    def register(self) -> Register:
        """Return what the register has about it."""
        return self._known

    def charging(self) -> Register:
        """Return the same: it has all that there is about its charge points."""
        return self._known

    def forecasts(self, period: Period) -> Mapping[tuple[str, str], NDArray[np.float64]]:
        """Return the forecasts of its resources."""
        return register.forecasts_on(self._tx, period, self._resources)

    def offered(self, period: Period, held_since: datetime) -> Sequence[BoundOffer]:
        """Return no offer: whoever asks has made sure that there is none here, and knows what others draw."""
        del period, held_since
        return ()

    def plan(self, number: int) -> Plan | None:
        """Return no summary: that of a large portfolio is long, and nothing in it is about one point."""
        del number
        return None

    def archived(self, number: int) -> Callable[[], Solved]:
        """Return the point's part of a plan."""
        return lambda: self._parts[number]


def part_of(whole: Solved, address: str) -> Solved:
    """Return a congestion point's part of a plan, with its own outcome. Raises CaseError where it is not divisible."""
    from models.flexibility.excerpt import excerpt
    from models.part import subproblem

    at = places(whole.named, (address,))
    case = subproblem(whole.named.case, whole.outcome, at, tariffs=True)
    outcome = excerpt(whole.named.case, whole.outcome, at)
    return Solved(named=named_like(whole.named, at, case), outcome=outcome)


def with_others(inputs: Inputs, others_kw: NDArray[np.float64]) -> Inputs:
    """Return a point's inputs with what all others do (T,), kW, as one fixed load."""
    known, portfolio = inputs.register, inputs.portfolio
    return replace(
        inputs,
        portfolio=replace(portfolio, free_connections=(*portfolio.free_connections, ELSEWHERE)),
        register=replace(
            known, connections=(*known.connections, Connection(address=ELSEWHERE, first_day=date.min)),
            resources=(*known.resources, FixedLoad(resource=ELSEWHERE, connection=ELSEWHERE)),
        ),
        forecasts={**inputs.forecasts, (ELSEWHERE, POWER.name): others_kw},
    )  # fmt: skip
