"""Prices FlexRequests against the plan in force, in a process of the solver pool.

Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import structlog

from agr.domain.flexibility import FlexRequest, NoOffer, Quote
from agr.domain.isp import Clock, Period
from agr.domain.obligations import may_be_taken_back, not_shown
from agr.domain.register import CongestionPoint, Contract
from agr.messaging.trade_facts import accepted_prognosis
from agr.planning.bound_flexibility import open_offers
from agr.planning.difference import Solved
from agr.planning.ledger import DepthTaken, depth_taken, draws_of, nothing_taken
from agr.planning.pool import SolverPool
from agr.planning.stored_plans import StoredInputs
from agr.settings import Settings
from agr.store import plans, portfolio
from agr.store.engine import Store, Tx
from agr.trading.intraday import RunningDay
from agr.trading.kept_plans import KeptPlans
from agr.trading.limiting import kept_anyway, limit_quote
from agr.trading.point_today import point_today
from agr.trading.quoting import Baseline, question_of, quote_of, shares_of

if TYPE_CHECKING:  # the models take seconds to import
    from agr.planning.offered import Behind
    from models.flexibility.question import Answer, Question
    from models.part import HeldByAll

log = structlog.get_logger()
_T = TypeVar("_T")
_KW = 1e-3

_AHEAD = 2
"""Requests in work for each planning process: one is prepared while another is priced."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Today:
    """The program in force under the facts of a running Period."""

    solved: Solved
    held: "HeldByAll | None" = None  # by all its units, where that has been looked at already


@dataclass(frozen=True, kw_only=True, eq=False)
class _Begun:
    """What pricing begins with, read in one consistent view."""

    plan: int
    baseline: Baseline
    point: CongestionPoint | None
    taken: DepthTaken
    contract: Contract | None
    giving_way: tuple[str, ...]  # orders of the congestion point that one of the other direction may take back
    today: _Today | None  # None: the Period has not begun


@dataclass(frozen=True, kw_only=True, eq=False)
class _Prepared:
    """A request with the question that the optimiser is asked, or why it is asked nothing."""

    request: FlexRequest
    begun: _Begun
    question: "Question | NoOffer"
    behind: "Behind | None"  # what its programs will belong to; None where nothing is asked


class PlanPricer:
    """A Pricer that plans the congestion point again, alone; see agr.domain.flexibility."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, solver: SolverPool) -> None:
        self._store, self._settings, self._clock, self._solver = store, settings, clock, solver
        self._lock = Lock()
        self._kept = KeptPlans()
        self.running_day = RunningDay(settings, clock)
        self.at_once = _AHEAD * settings.planning.workers

    def price(self, request: FlexRequest) -> Quote | NoOffer:
        """Return the cost of what a request asks for, or why there is no offer. Raises PlanError, StoreError."""
        return self._priced(request, None)

    def price_together(self, requests: Sequence[FlexRequest]) -> list[Quote | NoOffer | Exception]:
        """Return what `price` returns or raises for requests of different congestion points, side by side.

        Each is priced as if there were no other. Where two of them together would draw more intraday depth than there
        is, the later one is priced again after the first.
        """
        if len(requests) == 1:
            return [_tried(self._priced, requests[0], None)]
        drawn: dict[Period, DepthTaken] = {}
        asked = [_tried(self._asked, request, None) for request in requests]
        with ThreadPoolExecutor(max_workers=self.at_once) as threads:  # each waits for a process of the pool
            answers = list(threads.map(lambda one: _tried(self._quoted, one), asked))
        found: list[Quote | NoOffer | Exception] = []
        for request, one, quote in zip(requests, asked, answers, strict=True):
            period, now = request.period, quote
            taken = drawn.setdefault(period, nothing_taken(period))
            if isinstance(one, _Prepared) and isinstance(quote, Quote) and not _fits(one, quote, taken):
                now = _tried(self._priced, request, taken)
            if isinstance(now, Quote):
                drawn[period] = taken.plus(draws_of(now.draws_kwh, period))
            found.append(now)
        return found

    def _priced(self, request: FlexRequest, drawn: DepthTaken | None) -> Quote | NoOffer:
        return self._quoted(self._asked(request, drawn))

    def _asked(self, request: FlexRequest, drawn: DepthTaken | None) -> _Prepared | NoOffer:
        """Return what the optimiser is asked; `drawn`: depth for other quotes, whose offers are not stored yet."""
        with self._store.reading() as tx:
            begun = self._begun(tx, request)
        if isinstance(begun, NoOffer):
            return begun
        settings = self._settings
        if begun.today is not None:
            solved, held = begun.today.solved, begun.today.held
        else:
            solved, held = self._in_force(request.period, begun.plan)
        taken = begun.taken if drawn is None else begun.taken.plus(drawn)
        question = question_of(
            solved, request, begun.baseline, taken, trading=settings.trading, planning=settings.planning,
            shares=shares_of(begun.point, settings.trading), traded_by_operator=_traded_by_operator(begun), held=held,
            giving_way=begun.giving_way,
        )  # fmt: skip
        from agr.planning.offered import behind_offers  # it imports the models, which take seconds

        behind = None if isinstance(question, NoOffer) else behind_offers(solved.named, request.congestion_point)
        return _Prepared(request=request, begun=begun, question=question, behind=behind)

    def _quoted(self, asked: _Prepared | NoOffer | Exception) -> Quote | NoOffer:
        """Ask the optimiser, and return its answer as a quote."""
        if isinstance(asked, Exception):
            raise asked
        if isinstance(asked, NoOffer):
            return asked
        started, request, begun, question = perf_counter(), asked.request, asked.begun, asked.question
        if request.limits:
            quote = self._limit_quote(request, begun, question, asked.behind)
        elif isinstance(question, NoOffer):
            return question
        else:
            answer = self._solver.price(question)
            quote = quote_of(
                answer, request, begun.baseline, begun.plan, self._settings.trading, begun.contract, asked.behind
            )
        log.info(
            "flex_request.priced", dso=request.dso, point=request.congestion_point,
            seconds=round(perf_counter() - started, 3),
            price=None if isinstance(quote, NoOffer) else str(quote.options[0].price),
        )  # fmt: skip
        return quote

    def _limit_quote(
        self, request: FlexRequest, begun: _Begun, question: "Question | NoOffer", behind: "Behind | None"
    ) -> Quote | NoOffer:  # fmt: skip
        """Return what keeping to limits costs. What a contract owes is offered even where it cannot be priced."""
        kept = kept_anyway(request, begun.baseline, begun.plan, begun.contract, question)
        if kept is not None:
            return kept
        if isinstance(question, NoOffer):
            return question
        answer: Answer = self._solver.price(question)
        return limit_quote(
            answer, question, request, begun.baseline, begun.plan, begun.contract, self._settings.trading, behind
        )

    def _begun(self, tx: Tx, request: FlexRequest) -> _Begun | NoOffer:
        """Read everything that pricing needs in one consistent view; return why not where it cannot begin."""
        period, reader, now = request.period, StoredInputs(tx), self._clock.now()
        listed = portfolio.head_of(tx, period.day, request.congestion_point)
        point, runs = None if listed is None else listed[1], now >= period.start
        if runs and (point is None or point.intraday_redispatch_by is None):
            return NoOffer(
                reason="the day has begun, and nobody redispatches there during the day (IntradayRedispatchBy)"
            )
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
        orders = reader.orders(period)
        hidden = None if request.limits else not_shown(request, baseline.power_w, orders)
        if hidden is not None:
            return NoOffer(reason=f"the accepted D-Prognosis does not show order {hidden} yet")
        offers = open_offers(reader, self._settings, period, now)
        if any(offer.congestion_point == request.congestion_point for offer in offers):
            return NoOffer(reason="an offer of this congestion point is open; revoke it first")
        today = self._today(tx, period, point, number) if runs and point is not None else None
        if isinstance(today, NoOffer):
            return today
        return _Begun(
            plan=number, baseline=baseline, point=point, today=today, giving_way=may_be_taken_back(request, orders),
            taken=depth_taken(offers, period),
            contract=None if request.contract_id is None else reader.contract(request.contract_id),
        )  # fmt: skip

    def _today(self, tx: Tx, period: Period, point: CongestionPoint, number: int) -> _Today | NoOffer:
        """Return the program in force under today's facts: of the congestion point, or of all where that is needed."""
        with self._lock:
            found = point_today(tx, self._settings, period, self._clock.now(), point, number, self._kept)
            if found is not None:
                return found if isinstance(found, NoOffer) else _Today(solved=found)
            whole = self.running_day.compared(_WithPlan(tx, period, self._kept), period)
        if isinstance(whole, NoOffer):
            return whole
        solved = whole.at(portfolio.connections_at(tx, period.day, (point.address,)))
        return solved if isinstance(solved, NoOffer) else _Today(solved=solved, held=whole.held)

    def _in_force(self, period: Period, number: int) -> "tuple[Solved, HeldByAll]":
        """Return the plan in force, and the reserve that all units hold in it."""
        with self._lock:
            with self._store.reading() as tx:
                unpack = self._kept.read(tx, period.day, number)
            kept = unpack()
            return kept.solved, kept.held


class _WithPlan(StoredInputs):
    """Inputs of a running Period whose plan in force may be in memory already."""

    def __init__(self, tx: Tx, period: Period, kept: KeptPlans) -> None:
        super().__init__(tx)
        self._day, self._in_force, self._kept = period.day, plans.newest_audited(tx, period.day), kept

    def archived(self, number: int) -> Callable[[], Solved]:
        if number != self._in_force:
            return super().archived(number)
        unpack = self._kept.read(self._tx, self._day, number)
        return lambda: unpack().solved


def _tried(work: Callable[..., _T], *given: object) -> _T | Exception:
    """Return what work returns or raises, so that one request that breaks does not keep others from being priced."""
    try:
        return work(*given)
    except Exception as error:  # noqa: BLE001 - it is returned, and raised by who asked
        return error


def _fits(asked: _Prepared, quote: Quote, drawn: DepthTaken) -> bool:
    """Say whether a quote's trades fit into the intraday depth beside what other quotes draw."""
    question, period = asked.question, asked.request.period
    if isinstance(question, NoOffer) or not quote.draws_kwh:
        return True
    market, planned, own = question.part.intraday, question.planned, draws_of(quote.draws_kwh, period)
    net = planned.intraday_buy_kw - planned.intraday_sell_kw
    buy = np.maximum(net, 0.0) + question.buy_taken_kw + drawn.buy_kw + own.buy_kw
    sell = np.maximum(-net, 0.0) + question.sell_taken_kw + drawn.sell_kw + own.sell_kw
    full = ((own.buy_kw > _KW) & (buy > market.buy_depth_kw + _KW)) | (
        (own.sell_kw > _KW) & (sell > market.sell_depth_kw + _KW)
    )
    return not bool(full.any())


def _traded_by_operator(begun: _Begun) -> bool:
    """Say whether the DSO itself trades the energy of what it orders."""
    point = begun.point
    if point is None:
        return False
    return (point.day_ahead_redispatch_by if begun.today is None else point.intraday_redispatch_by) == "DSO"


def _planned(tx: Tx, number: int, address: str) -> Baseline | None:
    """Return the program of a congestion point in a plan."""
    plan = plans.get(tx, number)
    found = [] if plan is None else [point.power_w for point in plan.points if point.address == address]
    return Baseline(power_w=found[0], message_id=None) if found else None


def _accepted(tx: Tx, period: Period, address: str) -> Baseline | None:
    sent = accepted_prognosis(tx, period, address)
    return None if sent is None else Baseline(power_w=tuple(sent.power_w), message_id=sent.message_id)
