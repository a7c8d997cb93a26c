"""A DSO of the demo buys flexibility: it requests, orders what it is offered, and settles the day after."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from pydantic import JsonValue

from agr.demo.world import DemoWorld
from agr.domain.errors import AgrError, DeliveryError
from agr.domain.flexibility import kwh_of
from agr.domain.flexibility_states import OrderState
from agr.domain.isp import JumpingClock, Period
from agr.domain.program import compress
from agr.domain.xml_document import parse_xml
from agr.operations.flex_offers import TradingDay, trading_day
from agr.scenario.description import DsoRequest
from agr.scenario.selling import request_of
from agr.service import Service
from agr.store import portfolio

_STANDS = timedelta(hours=1)
"""How long a FlexRequest can be answered."""
_SETTLED_AFTER = timedelta(hours=6)
"""How long after the end of the Period the DSO settles."""
_PATIENCE_S = 120.0
_LOOK_S = 0.03


@dataclass(frozen=True, kw_only=True)
class TradeFigures:
    """The day's trade with DSOs in figures; EUR, earned positive."""

    requests: int
    offers: int
    orders: int
    offered_eur: float
    split_eur: dict[str, float] = field(default_factory=dict)  # of the first offer; adds up to its price
    ordered_eur: float = 0.0
    ordered_mwh: float = 0.0  # in the requested ISPs
    settled_eur: float | None = None  # None: not settled
    state: str = ""  # of the newest order
    answer: str = ""  # what we told the DSO about its settlement

    def words(self) -> str:
        """Return the trade in one line."""
        if not self.offers:
            return f"{self.requests} requested, nothing offered" if self.requests else "nothing requested"
        split = ", ".join(f"{name} {eur:+z,.2f}" for name, eur in self.split_eur.items() if abs(eur) >= 0.005)
        settled = (
            "settled on the day after"
            if self.settled_eur is None
            else f"{self.settled_eur:z,.2f} EUR settled, {self.answer}"
        )
        return (
            f"{self.offered_eur:z,.2f} EUR offered ({split}); {self.ordered_mwh:.3f} MWh for {self.ordered_eur:z,.2f} "
            f"ordered; {settled}"
        )


class FlexTrade:
    """Plays the DSO of the scenario's requests."""

    def __init__(
        self, world: DemoWorld, daemon: Service, clock: JumpingClock, say: Callable[[str], None],
        hurry: Callable[[], None],
    ) -> None:  # fmt: skip
        """`hurry`: is called again and again while a plan is waited for."""
        self._hurry = hurry
        self._world, self._daemon, self._clock, self._say = world, daemon, clock, say
        self._period = world.scenario.of
        self._asked: list[DsoRequest] = []

    def request(self, event: DsoRequest, plans_made: Callable[[], int]) -> None:
        """Let the DSO request and, by the event's rule, order; wait until both are answered, and planned."""
        with self._daemon.store.transaction() as tx:
            points = {point.address: point for point in portfolio.load(tx, self._period).points}
        point = points.get(event.congestion_point)
        if point is None:
            raise AgrError(f"scenario.yaml requests flexibility at {event.congestion_point}, which no CRO lists")
        self._asked.append(event)
        dso, now = self._world.dsos[point.dso], self._clock.now()
        asked = request_of(event, point, self._period, now, "request")
        isps: list[JsonValue] = [
            {"start": run.start, "duration": run.duration, "min": low, "max": high, "available": not requested}
            for requested in (True, False)
            for low, high in {(i.min_w, i.max_w) for i in asked.isps if (i in asked.requested) is requested}
            for run in compress([int((i.min_w, i.max_w) == (low, high) and (i in asked.requested) is requested)
                                 for i in asked.isps])
            if run.power_w
        ]  # fmt: skip
        self._say(
            f"{point.dso} requests {event.power_mw * 1000:+g} kW at {point.address}, "
            f"{event.window_start:%H:%M} to {event.window_end:%H:%M}"
        )
        seen, made = len(dso.events), plans_made()
        place: dict[str, JsonValue] = {
            "domain": self._world.settings.domain, "period": str(self._period), "congestion_point": point.address,
            "time_zone": self._period.zone_name, "isp_duration": f"PT{self._period.isp_minutes}M",
        }  # fmt: skip
        place |= {
            "isps": isps, "expires": (now + _STANDS).isoformat(), "contract": event.contract,
            "revision": len(self._asked),
        }  # fmt: skip
        dso.send("request", **place)  # type: ignore[arg-type]
        try:
            dso.wait_for(lambda e: e.kind == "received" and e.type == "FlexOffer", _PATIENCE_S, after=seen)
        except DeliveryError as error:
            notes = "; ".join(one.note for one in self._day().requests if one.note)
            raise AgrError(f"{point.dso} got no offer for its request: {notes or error}") from error
        self._wait(lambda: self._daemon.idle(), "the DSO's answer to the offer")
        if not self._orders(event):
            return
        dso.send("order", domain=self._world.settings.domain, factor=f"{event.order_share:.2f}")
        self._wait(lambda: plans_made() > made, "the plan that keeps the order")

    def _orders(self, event: DsoRequest) -> bool:
        offer = self._day().offers[0].offer.options[0]
        mwh = sum(abs(power or 0) for power in offer.power_w) * self._period.isp_hours / 1e6
        return event.order_share > 0 and (
            event.pays_eur_per_mwh is None or float(offer.price) <= event.pays_eur_per_mwh * mwh
        )

    def settle(self) -> None:
        """Let every DSO that has ordered settle the Period, early on the day after."""
        buyers = dict.fromkeys(stored.order.dso for stored in self._day().orders)
        if not buyers:
            return
        self._daemon.scheduler.pause()  # the tables hold no other days
        self._clock.jump_to(self._period.end + _SETTLED_AFTER)
        for buyer in buyers:
            dso, seen = self._world.dsos[buyer], len(self._world.dsos[buyer].events)
            dso.send("clock", now=self._clock.now().isoformat())
            dso.send("settle", domain=self._world.settings.domain, period=str(self._period))
            dso.wait_for(
                lambda e: e.kind == "received" and e.type == "FlexSettlementResponse", _PATIENCE_S, after=seen
            )  # fmt: skip
        self._wait(lambda: all(one.state in _OVER for one in self._day().orders), "the settlement")

    def _day(self) -> TradingDay:
        with self._daemon.store.transaction() as tx:
            return trading_day(tx, self._period)

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        patience_s = _PATIENCE_S + self._world.settings.planning.budget_s
        until = time.monotonic() + patience_s
        while self._daemon.planner.busy or not done():  # looked at only when no plan keeps the machine busy
            if time.monotonic() > until:
                raise AgrError(f"the demo waited {patience_s:g} s for {what}")
            self._hurry()
            time.sleep(_LOOK_S)

    def told(self) -> TradeFigures:
        """Return the trade so far."""
        return traded(self._day(), self._period, self._answer())

    def _answer(self) -> str:
        """Return what our newest response says of a settled order, read without our own codec."""
        said = [event for dso in self._world.dsos.values() for event in dso.received("FlexSettlementResponse")]
        if not said:
            return ""
        statuses = list(parse_xml(said[-1].xml.encode()).iter("FlexOrderSettlementStatus"))
        return ", ".join(sorted({str(status.get("Disposition")).lower() for status in statuses}))


_OVER = (OrderState.SETTLED, OrderState.DISPUTED)


def traded(day: TradingDay, period: Period, answer: str) -> TradeFigures:
    """Return a day's trade in figures."""
    orders = [stored.order for stored in day.orders]
    nets = [stored.settled.net for stored in day.orders if stored.settled is not None]
    asked = {isp.isp for stored in day.requests for isp in stored.request.requested}
    ordered = [[order.power_w[isp - 1] for isp in sorted(asked)] for order in orders]
    return TradeFigures(
        requests=len(day.requests), offers=len(day.offers), orders=len(orders),
        offered_eur=float(sum((stored.offer.options[0].price for stored in day.offers), Decimal(0))),
        split_eur=dict(day.offers[-1].costs) if day.offers else {},
        ordered_eur=float(sum((order.price for order in orders), Decimal(0))),
        ordered_mwh=sum(kwh_of(power_w, period) for power_w in ordered) / 1000,
        settled_eur=float(sum(nets, Decimal(0))) if nets else None,
        state=day.orders[0].state.value if day.orders else "", answer=answer,
    )  # fmt: skip


def trade_faults(trade: TradeFigures) -> list[str]:
    """Return the promises about orders that were not kept, once everything is settled."""
    if trade.orders and trade.state != OrderState.SETTLED.value:
        return [f"the order is {trade.state}, not settled"]
    if trade.settled_eur is not None and abs(trade.settled_eur - trade.ordered_eur) > _CENT:
        return [f"{trade.ordered_eur:z,.2f} EUR are ordered and {trade.settled_eur:z,.2f} EUR settled"]
    return []


_CENT = 0.01
