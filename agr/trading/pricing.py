"""Prices FlexRequests against the plan in force, in a process of the solver pool.

Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from agr.domain.flexibility import FlexRequest, NoOffer, Quote
from agr.domain.isp import Clock, Period
from agr.domain.register import CongestionPoint, Contract
from agr.messaging.trade_facts import accepted_prognosis
from agr.planning.difference import Solved
from agr.planning.inputs import RunInputs, open_offers
from agr.planning.ledger import DepthTaken, depth_taken
from agr.planning.pool import SolverPool
from agr.planning.stored_plans import StoredInputs
from agr.settings import Settings
from agr.store import plans
from agr.store.engine import Store, Tx
from agr.trading.intraday import running, solved_now
from agr.trading.limiting import kept_anyway, limit_quote
from agr.trading.quoting import Baseline, question_of, quote_of, shares_of

if TYPE_CHECKING:  # the models take seconds to import
    from models.flexibility.question import Question

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Begun:
    """What pricing begins with, read in one consistent view."""

    plan: int
    unpack: Callable[[], Solved]
    baseline: Baseline
    point: CongestionPoint | None
    taken: DepthTaken
    contract: Contract | None
    rest: RunInputs | None  # what the rest of a running Period is planned from; None: it has not begun


class PlanPricer:
    """A Pricer that plans the congestion point again, alone; see agr.domain.flexibility."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, solver: SolverPool) -> None:
        self._store, self._settings, self._clock, self._solver = store, settings, clock, solver
        self._lock = Lock()
        self._number: int | None = None
        self._solved: Solved | None = None

    def price(self, request: FlexRequest) -> Quote | NoOffer:
        """Return the cost of what a request asks for, or why there is no offer. Raises PlanError, StoreError."""
        started = perf_counter()
        with self._store.reading() as tx:
            begun = self._begun(tx, request)
        if isinstance(begun, NoOffer):
            return begun
        point, settings = begun.point, self._settings
        if begun.rest is None:
            solved: Solved | NoOffer = self._kept(begun.plan, begun.unpack)
        else:
            solved = solved_now(begun.rest, request.congestion_point)
        if isinstance(solved, NoOffer):
            return solved
        question = question_of(
            solved, request, begun.baseline, begun.taken, trading=settings.trading, planning=settings.planning,
            shares=shares_of(point, settings.trading), traded_by_operator=_traded_by_operator(begun),
        )  # fmt: skip
        if request.limits:
            quote = self._limit_quote(request, begun, question)
        elif isinstance(question, NoOffer):
            return question
        else:
            answer = self._solver.price(question)
            quote = quote_of(answer, request, begun.baseline, begun.plan, settings.trading, begun.contract)
        log.info(
            "flex_request.priced", dso=request.dso, point=request.congestion_point,
            seconds=round(perf_counter() - started, 3),
            price=None if isinstance(quote, NoOffer) else str(quote.options[0].price),
        )  # fmt: skip
        return quote

    def _limit_quote(
        self, request: FlexRequest, begun: _Begun, question: "Question | NoOffer"
    ) -> Quote | NoOffer:  # fmt: skip
        """Return what keeping to limits costs. Who cannot price what a contract owes offers it all the same."""
        kept = kept_anyway(request, begun.baseline, begun.plan, begun.contract, question)
        if kept is not None:
            return kept
        if isinstance(question, NoOffer):
            return question
        answer = self._solver.price(question)
        return limit_quote(
            answer, question, request, begun.baseline, begun.plan, begun.contract, self._settings.trading
        )

    def _begun(self, tx: Tx, request: FlexRequest) -> _Begun | NoOffer:
        """Read everything that pricing needs in one consistent view; return why not where it cannot begin."""
        period, reader, now = request.period, StoredInputs(tx), self._clock.now()
        here = (one for one in reader.portfolio(period).points if one.address == request.congestion_point)
        point = next(here, None)
        rest: RunInputs | None = None
        if now >= period.start:
            if point is None or point.intraday_redispatch_by is None:
                return NoOffer(
                    reason="the day has begun, and nobody redispatches there during the day (IntradayRedispatchBy)"
                )
            begun = running(reader, self._settings, period, now)
            if isinstance(begun, NoOffer):
                return begun
            rest = begun
        number = reader.number_in_force(period.day)
        if number is None:
            return NoOffer(reason=f"there is no plan for {period}")
        if request.limits:  # nobody has a prognosis of ours: limits are compared with what is planned
            baseline = _planned(tx, number, request.congestion_point)
        else:
            baseline = _accepted(tx, period, request.congestion_point)
        if baseline is None and request.limits:
            return NoOffer(reason=f"the plan in force has no congestion point {request.congestion_point}")
        if baseline is None:
            return NoOffer(reason=f"no D-Prognosis of ours for {request.congestion_point} is accepted yet")
        offers = open_offers(reader, self._settings, period, now)
        if any(offer.congestion_point == request.congestion_point for offer in offers):
            return NoOffer(reason="an offer of this congestion point is open; revoke it first")
        return _Begun(
            plan=number, unpack=reader.archived(number), baseline=baseline, point=point, rest=rest,
            taken=depth_taken(offers, period),
            contract=None if request.contract_id is None else reader.contract(request.contract_id),
        )  # fmt: skip

    def _kept(self, number: int, unpack: Callable[[], Solved]) -> Solved:
        """Return the plan in force, read once: at 100,000 resources that takes seconds."""
        with self._lock:
            if self._number != number or self._solved is None:
                self._solved, self._number = unpack(), number
            return self._solved


def _traded_by_operator(begun: _Begun) -> bool:
    """Say whether the DSO itself trades the energy of what it orders."""
    point = begun.point
    if point is None:
        return False
    return (point.day_ahead_redispatch_by if begun.rest is None else point.intraday_redispatch_by) == "DSO"


def _planned(tx: Tx, number: int, address: str) -> Baseline | None:
    """Return the program of a congestion point in a plan."""
    plan = plans.get(tx, number)
    found = [] if plan is None else [point.power_w for point in plan.points if point.address == address]
    return Baseline(power_w=found[0], message_id=None) if found else None


def _accepted(tx: Tx, period: Period, address: str) -> Baseline | None:
    sent = accepted_prognosis(tx, period, address)
    return None if sent is None else Baseline(power_w=tuple(sent.power_w), message_id=sent.message_id)
