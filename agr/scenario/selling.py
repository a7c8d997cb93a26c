"""Plays the DSO that requests flexibility in a scenario: it gets the offer a daemon would make, and may order it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from agr.domain.errors import AgrError
from agr.domain.flexibility import (
    Disposition,
    FlexOrder,
    FlexRequest,
    NoOffer,
    Obligation,
    OfferOption,
    Quote,
    RequestedIsp,
)
from agr.domain.isp import Period
from agr.domain.obligations import may_be_taken_back
from agr.domain.plan import Reason, ReasonKind
from agr.domain.register import CongestionPoint, in_window
from agr.planning.ledger import depth_taken
from agr.planning.memory_plans import MemoryPlans
from agr.planning.offered import behind_offers
from agr.planning.ports import Solver
from agr.scenario.description import DsoRequest
from agr.scenario.scenario import Scenario
from agr.trading.offer_message import option_of
from agr.trading.quoting import Baseline, question_of, quote_of, shares_of

_CENT = Decimal("0.01")
_W_PER_MW = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Sold:
    """What came of one request; energy in MWh and not negative, money in EUR, earned positive."""

    period: str
    at: str
    congestion_point: str
    dso: str
    contract: str | None
    asked_mwh: float
    offered_mwh: float = 0.0  # of the option that would be ordered, else of the largest one
    offered_eur: float | None = None  # None: no offer
    costs_eur: dict[str, float] = field(default_factory=dict)  # of the largest option; they add up to its price
    limits: tuple[str, ...] = ()  # what keeps the largest option from being larger
    ordered_mwh: float = 0.0
    ordered_eur: float = 0.0
    note: str = ""  # why nothing is offered or ordered; empty: it is


class RequestAnswering:
    """Answers a scenario's requests, one after the other."""

    def __init__(self, scenario: Scenario, plans: MemoryPlans, solver: Solver) -> None:
        self._scenario, self._plans, self._solver = scenario, plans, solver
        self.sold: list[Sold] = []

    def answer(self, event: DsoRequest, period: Period, at: datetime) -> None:
        """Price a request against the plan in force; where the DSO orders, bind the plans from now on."""
        point = self._point(event.congestion_point)
        if point is None:
            return  # its connections were removed with --without
        request = request_of(event, point, period, at, f"request-{len(self.sold) + 1}")
        quote = self._quoted(request, point, period)
        asked = sum(abs(isp.min_w + isp.max_w) for isp in request.requested) * period.isp_hours / _W_PER_MW
        told = Sold(
            period=str(period), at=at.astimezone(period.tz).isoformat(), congestion_point=point.address, dso=point.dso,
            contract=event.contract, asked_mwh=asked,
        )  # fmt: skip
        if isinstance(quote, NoOffer):
            self.sold.append(replace(told, note=f"no offer: {quote.reason}"))
            return
        options = tuple(option_of(option, request) for option in quote.options)
        option, why = chosen(options, event, request)
        order = None if option is None else self._ordered(option, request, quote, event, at)
        shown = option or options[0]
        share = float(order.activation_factor) if order else 0.0
        self.sold.append(
            replace(
                told, offered_mwh=sold_mwh(shown, request), offered_eur=float(shown.price), costs_eur=dict(quote.costs),
                limits=quote.limits, ordered_mwh=share * sold_mwh(shown, request),
                ordered_eur=float(order.price) if order else 0.0, note=why,
            )
        )  # fmt: skip

    def _point(self, address: str) -> CongestionPoint | None:
        return next((point for point in self._scenario.points if point.address == address), None)

    def _quoted(self, request: FlexRequest, point: CongestionPoint, period: Period) -> Quote | NoOffer:
        """Return the quote of a daemon in the same place, or the reason it would give."""
        described = self._scenario.description
        number = self._plans.number_in_force(period.day)
        if request.received_at >= period.start:
            return NoOffer(reason="the day has begun: scenarios price requests of the day before")
        if number is None:
            return NoOffer(reason=f"there is no plan for {period}")
        plan = self._plans.plan(number)
        program = next((p for p in plan.points if p.address == point.address), None) if plan is not None else None
        if program is None or not self._plans.announced(period.day):
            return NoOffer(reason=f"no D-Prognosis of ours for {point.address} is accepted yet")
        baseline = Baseline(power_w=program.power_w, message_id=None)
        question = question_of(
            self._plans.solved(number), request, baseline, depth_taken((), period), trading=described.trading,
            planning=described.planning, shares=shares_of(point, described.trading),
            traded_by_operator=point.day_ahead_redispatch_by == "DSO",
            giving_way=may_be_taken_back(request, self._plans.orders(period)),
        )  # fmt: skip
        if isinstance(question, NoOffer):
            return question
        try:
            answer = self._solver.price(question)
        except AgrError as error:
            return NoOffer(reason=str(error))
        contract = None if request.contract_id is None else self._plans.contract(request.contract_id)
        behind = behind_offers(self._plans.solved(number).named, point.address)
        return quote_of(answer, request, baseline, number, described.trading, contract, behind)

    def _ordered(
        self, option: OfferOption, request: FlexRequest, quote: Quote, event: DsoRequest, at: datetime
    ) -> FlexOrder:
        factor, reference = Decimal(str(event.order_share)), f"order {len(self.sold) + 1}"
        order = FlexOrder(
            message_id=f"{request.message_id}-order", conversation_id=request.conversation_id, dso=request.dso,
            congestion_point=request.congestion_point, period=request.period,
            offer_message_id=f"{request.message_id}-offer", order_reference=reference,
            option_reference=option.reference, activation_factor=factor,
            power_w=tuple(_scaled(power, factor) for power in option.power_w),
            price=(option.price * factor).quantize(_CENT, rounding=ROUND_HALF_UP),
            currency="EUR", stamped_at=at, received_at=at, contract_id=request.contract_id,
        )  # fmt: skip
        self._plans.order(Obligation(order=order, baseline_w=quote.baseline_w), quote.outcome)
        text = f"{order.dso} orders flexibility at {order.congestion_point} for {order.price:.2f} {order.currency}"
        self._plans.ask(request.period, Reason(kind=ReasonKind.ORDER, reference=reference, text=text), at)
        return order


def _scaled(power_w: int | None, factor: Decimal) -> int:
    return int((Decimal(power_w or 0) * factor).to_integral_value(rounding=ROUND_HALF_UP))


def request_of(event: DsoRequest, point: CongestionPoint, period: Period, at: datetime, name: str) -> FlexRequest:
    """Return the FlexRequest of an event: its window is requested, and all other ISPs leave room for rebound."""
    power_w, room_w = round(event.power_mw * _W_PER_MW), round(event.rebound_mw * _W_PER_MW)
    bounds = {"min_w": min(power_w, 0), "max_w": max(power_w, 0)}
    inside = in_window(period, event.window_start, event.window_end)
    isps = tuple(
        RequestedIsp(isp=isp, disposition=Disposition.REQUESTED, **bounds)
        if asked
        else RequestedIsp(isp=isp, disposition=Disposition.AVAILABLE, min_w=-room_w, max_w=room_w)
        for isp, asked in enumerate(inside, start=1)
    )
    return FlexRequest(
        message_id=name, conversation_id=name, dso=point.dso, congestion_point=point.address, period=period,
        revision=1, expires_at=period.start, received_at=at, contract_id=event.contract, isps=isps,
    )  # fmt: skip


def sold_mwh(option: OfferOption, request: FlexRequest) -> float:
    """Return the energy of an option in the requested ISPs, not negative."""
    watts = sum(abs(option.power_w[isp.isp - 1] or 0) for isp in request.requested)
    return watts * request.period.isp_hours / _W_PER_MW


def chosen(
    options: tuple[OfferOption, ...], event: DsoRequest, request: FlexRequest
) -> tuple[OfferOption | None, str]:  # fmt: skip
    """Return the largest option that the DSO orders by the event's rule, and else why it orders none."""
    if event.order_share == 0:
        return None, "not ordered: the DSO orders nothing"
    limit = event.pays_eur_per_mwh
    cheap = [o for o in options if limit is None or float(o.price) <= limit * sold_mwh(o, request) + 1e-9]
    if not cheap:
        return None, f"not ordered: dearer than {limit:g} EUR/MWh"
    divisible = [option for option in cheap if Decimal(str(event.order_share)) >= option.min_activation_factor]
    if not divisible:
        return None, f"not ordered: {event.order_share:g} of it cannot be activated"
    return divisible[0], ""
