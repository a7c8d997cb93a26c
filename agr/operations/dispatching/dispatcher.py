"""Carries plans out by one road: decides, audits, commits, sends, and verifies what was never answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from agr.connectors.ports import Road
from agr.dispatch.clocks import off_of
from agr.dispatch.leaving import clearing, is_of, left_behind, where
from agr.dispatch.orders import PLAN_SLOTS, Order, PointCommands, is_late, next_order
from agr.dispatch.profiles import maximum_profile, wanted_profile
from agr.domain.charge_point import TX, ChargePoint
from agr.domain.dispatch import Action, Command, Dispatch, DispatchState, Profile, Purpose, Receipt, StationFact
from agr.domain.isp import Clock
from agr.operations.dispatching import wishes
from agr.operations.dispatching.auditing import Auditor, tell
from agr.operations.dispatching.facts import DispatchFacts, FactSource
from agr.operations.dispatching.memory import Memory
from agr.operations.dispatching.settling import settle
from agr.settings import DispatchSettings
from agr.store import charge_sessions, day, dispatch_facts, dispatches
from agr.store.engine import Store, Tx

log = structlog.get_logger()

NOT_TAKEN = "limit not taken"
UNHEARD = "station silent"
_MOST = 50  # commands in one go
_LOOK_S = 5.0
"""Seconds after which orders are looked for even if nothing is known to have changed."""


class Dispatcher:
    """One road's charge points. `look` is called by one loop; answers come in by `agr.operations.dispatching.roads`."""

    def __init__(
        self, name: str, road: Road, store: Store, settings: DispatchSettings, clock: Clock, facts: FactSource
    ) -> None:  # fmt: skip
        self.name, self.road, self.memory = name, road, Memory(road=name, retry_s=settings.retry_s)
        self._store, self._settings, self._clock, self._facts = store, settings, clock, facts
        self._key: object = None
        self._wanted: dict[tuple[object, ...], Profile | None] = {}  # while the facts stay as they are
        self._auditor = Auditor(self.memory, settings)
        self._looked: datetime | None = None
        self._dirty = True

    def wake(self) -> None:
        """Look for orders the next time, though no plan has changed."""
        self._dirty = True

    def resume(self) -> None:
        """Take up after a start or take-over: what was on its way is unknown, so points are asked first."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            with self.memory.lock:
                silent = self.name in dispatch_facts.silent(tx)
                self.memory.restore(dispatch_facts.of_road(tx, self.name), silent=silent)
            for name, rows in dispatches.firm(tx, self.name).items():
                for row in rows:
                    if row.state is DispatchState.SENT:
                        words = "the daemon ended before the answer came"
                        dispatches.answered(tx, row.id, DispatchState.UNKNOWN, words, now)
                    elif row.state is DispatchState.QUEUED:
                        dispatches.supersede(tx, [row.id], "the daemon ended before it was sent")
                with self.memory.lock:
                    self.memory.to_verify.add(name)
        self.wake()

    def look(self) -> bool:
        """Send what is due; return whether anything was sent."""
        now = self._clock.now()
        self._expire(now)
        facts = self._facts.of(now)
        due = self._looked is None or (now - self._looked).total_seconds() >= _LOOK_S
        if not (self._dirty or due or facts.key != self._key):
            return False
        if facts.key != self._key:
            self._wanted.clear()
            self._auditor.forget()
        self._dirty, self._key, self._looked = False, facts.key, now
        self._take_wishes(facts, now)
        sent = self._send(facts, now)
        return sent > 0

    def _take_wishes(self, facts: DispatchFacts, now: datetime) -> None:
        with self._store.transaction() as tx:
            for wish, name in wishes.open_wishes(tx):
                point = facts.points.get(name)
                if point is None or point.road != self.name:
                    continue
                with self.memory.lock:
                    self.memory.to_verify.add(name)
                    self.memory.worked(name)
                    self.memory.disputes.pop(name, None)
                    self.memory.unlearn(
                        tx, point, *(StationFact if wish == wishes.RESEND else (StationFact.COMPOSITE,))
                    )
                if wish == wishes.RESEND:
                    rows = dispatches.of_point(tx, name)
                    gone = [row.id for row in rows if row.state in (DispatchState.ACCEPTED, DispatchState.UNKNOWN)]
                    dispatches.supersede(tx, gone, "an operator wants it to be sent again")
                    with self.memory.lock:
                        self.memory.to_verify.discard(name)
                wishes.done(tx, wish, name, now)

    def _expire(self, now: datetime) -> None:
        """Make what was never answered unknown."""
        latest = now - timedelta(seconds=self._settings.answer_s)
        with self._store.transaction() as tx:
            for row in dispatches.unanswered(tx, self.name, latest):
                words = f"no answer within {self._settings.answer_s:g} s"
                dispatches.answered(tx, row.id, DispatchState.UNKNOWN, words, now)
                log.warning("dispatch.unknown", charge_point=row.charge_point, dispatch=row.id, why=words)
                self.wake()

    def _send(self, facts: DispatchFacts, now: datetime) -> int:
        with self._store.transaction() as tx:
            rows = dispatches.firm(tx)
            stops = wishes.stops(tx)
            running = charge_sessions.running(tx)
            transactions = {name: session.transaction for name, session in running.items()}
            orders = self._orders(facts, rows, stops, transactions, now)
            chosen, verdict = self._auditor.audited(facts, rows, orders, now)
            spread_out = [name for name in verdict.refused if name in orders]
            if spread_out:  # the mean of an ISP may hold where what is left of it does not
                flat = self._orders(facts, rows, stops, transactions, now, flat=spread_out)
                chosen, verdict = self._auditor.audited(facts, rows, flat, now)
            back = orders.keys() - chosen.keys()
            if back:  # what is held back at one EVSE does not keep the others of its station waiting
                beside = self._orders(facts, rows, stops, transactions, now, without=back)
                more = {name: order for name, order in beside.items() if name not in orders}
                allowed, _ = self._auditor.audited(facts, rows, chosen | more, now)
                chosen |= {name: order for name, order in more.items() if name in allowed}
            tell(tx, facts, verdict, now)
            due = self._leaving(rows, facts, now) + [(facts.points[name], order) for name, order in chosen.items()]
            commands = [self._queued(tx, facts, point, order, now) for point, order in due[:_MOST]]
        if commands:
            self.take(self.road.send(commands))
        return len(commands)

    def _orders(
        self, facts: DispatchFacts, rows: Mapping[str, tuple[Dispatch, ...]], stops: frozenset[str],
        transactions: Mapping[str, str], now: datetime, flat: Collection[str] = (), without: Collection[str] = (),
    ) -> dict[str, Order]:  # fmt: skip
        """Return charge point → what to send next, at most one per station."""
        memory = self.memory
        with memory.lock:
            busy = self._busy(facts, rows)
            busy |= {row.station for row in left_behind(rows, facts.points, self.name)}
            found: dict[str, Order] = {}
            for name, point in facts.points.items():
                if point.road != self.name or point.station in busy:
                    continue
                if name in without or name in memory.to_verify or not memory.may(name, now):
                    continue
                mine = tuple(row for row in rows.get(name, ()) if is_of(row, point))
                order = self._order(facts, point, mine, stops, transactions, now, spread=name not in flat)
                if order is not None and (not memory.silent or order.purpose is Purpose.STOP):
                    found[name] = order
                    busy.add(point.station)
        return found

    def _busy(self, facts: DispatchFacts, rows: Mapping[str, tuple[Dispatch, ...]]) -> set[str]:
        """Return the stations that have not answered what they were asked or told."""
        asked = [facts.points.get(one.charge_point) for one in self.memory.asked.values()]
        sent = [row for mine in rows.values() for row in mine if row.state is DispatchState.SENT]
        return {one.station for one in asked if one} | {row.station for row in sent if row.road == self.name}

    def _leaving(
        self, rows: Mapping[str, tuple[Dispatch, ...]], facts: DispatchFacts, now: datetime
    ) -> list[tuple[ChargePoint, Order]]:  # fmt: skip
        """Return where to clear what is in force at points that have left, at most one order per station."""
        with self.memory.lock:
            if self.memory.silent:
                return []
            busy, found = self._busy(facts, rows), []
            for row in left_behind(rows, facts.points, self.name):
                if row.station not in busy and self.memory.may(row.charge_point, now):
                    busy.add(row.station)
                    found.append((where(row), clearing(row)))
        return found

    def _order(
        self, facts: DispatchFacts, point: ChargePoint, rows: tuple[Dispatch, ...], stops: frozenset[str],
        transactions: Mapping[str, str], now: datetime, *, spread: bool,
    ) -> Order | None:  # fmt: skip
        name, memory = point.charge_point, self.memory
        if name in memory.foreign:
            words = "profiles of others hold it above its limit"
            return Order(action=Action.CLEAR, purpose=Purpose.FOREIGN, slot=PLAN_SLOTS[0], profile=None, reason=words)
        if name in memory.to_clear:
            words = "its place is taken by a profile that is not known here"
            slot = memory.to_clear[name]
            return Order(action=Action.CLEAR, purpose=Purpose.PLAN, slot=slot, profile=None, reason=words)
        unit = memory.known(point, StationFact.UNIT) or point.limit_unit
        periods = int(memory.known(point, StationFact.PERIODS) or point.max_periods)
        carrier = memory.known(point, StationFact.CARRIER) or point.carrier
        known = replace(point, max_periods=min(point.max_periods, periods), carrier=carrier)
        most = facts.maxima.get(name) if memory.known(point, StationFact.MAXIMUM) is None else None
        key = (name, unit, known.max_periods, spread)
        if key not in self._wanted:
            self._wanted[key] = wanted_profile(facts.plans[name], known, unit, now, spread=spread)
        clock = memory.known(point, StationFact.CLOCK)
        off = None if clock is None else off_of(clock)
        view = PointCommands(
            point=known, rows=rows, wanted=self._wanted[key] if off is None else None, unit=unit, stopped=name in stops,
            transaction=transactions.get(name) if known.carrier == TX else None,
            verifiable=not memory.speechless(point),
            maximum=None if most is None else maximum_profile(most, point, unit, now), clock_off=off,
        )  # fmt: skip
        return next_order(view, now)

    def _queued(self, tx: Tx, facts: DispatchFacts, point: ChargePoint, order: Order, now: datetime) -> Command:
        """Store a command as sent; it is sent when the transaction is committed."""
        name = point.charge_point
        point = replace(point, carrier=self.memory.known(point, StationFact.CARRIER) or point.carrier)
        late = "late: " if order.purpose is Purpose.PLAN and is_late(order, now) and order.action is Action.SET else ""
        number = dispatches.queue(
            tx, charge_point=name, road=self.name, station=point.station, action=order.action, purpose=order.purpose,
            slot=order.slot, at=now, profile=order.profile, transaction=order.transaction, plan=_plan_at(facts, order),
            reason=late + order.reason, evse=point.evse, protocol=point.protocol,
        )  # fmt: skip
        dispatches.sending(tx, number, now)
        log.info("dispatch.sent", charge_point=name, dispatch=number, what=order.action, why=late + order.reason)
        return Command(
            id=number, point=point, action=order.action, purpose=order.purpose, slot=order.slot,
            profile=order.profile, transaction=order.transaction,
        )  # fmt: skip

    def take(self, receipts: Sequence[Receipt]) -> None:
        """Record what is known of commands; an answer that comes again changes nothing."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            for receipt in receipts:
                row = dispatches.get(tx, receipt.command)
                if row is not None and settle(tx, row, receipt, now):
                    self._learn(tx, row, receipt, now)
        self.wake()

    def _learn(self, tx: Tx, row: Dispatch, receipt: Receipt, now: datetime) -> None:
        name, memory = row.charge_point, self.memory
        log.info("dispatch.answered", charge_point=name, dispatch=row.id, state=receipt.state, why=receipt.words)
        with memory.lock:
            if receipt.by_station or receipt.state is DispatchState.ACCEPTED:
                memory.heard_at = now  # not where the back-end could not be reached
            if receipt.state is DispatchState.ACCEPTED:
                if row.action is Action.CLEAR:
                    memory.to_clear.pop(name, None)
                else:
                    memory.worked(name)
                if row.purpose is Purpose.FOREIGN:
                    memory.foreign.discard(name)
                    memory.to_verify.add(name)
                day.recover(tx, NOT_TAKEN, name, now)
                day.recover(tx, UNHEARD, name, now)
                return
            if receipt.state is DispatchState.REJECTED:
                if memory.learned(tx, row.station, name, row.slot, receipt, now):
                    return
                if row.purpose is Purpose.MAXIMUM and receipt.by_station and row.action is Action.SET:
                    memory.learn(tx, row.station, name, StationFact.MAXIMUM, receipt.words, now)
                    return
            if row.purpose is Purpose.FOREIGN:
                memory.foreign.discard(name)
            failed = memory.failed(name, now)
        if receipt.state is DispatchState.REJECTED or failed > 1:
            words = receipt.words or "no answer"
            text = f"{name} ({row.station}) has not taken {row.purpose}: {words}; it is tried again"
            day.raise_alarm(tx, NOT_TAKEN, name, text, now)


def _plan_at(facts: DispatchFacts, order: Order) -> int | None:
    """Return the plan that an order carries out: that of the first ISP from the change on for which there is one."""
    if order.purpose is not Purpose.PLAN or order.profile is None:
        return None
    since = order.since or facts.grid.starts[0]
    later = [
        plan
        for start, plan in zip(facts.grid.starts, facts.plan_of, strict=True)
        if plan is not None and start + facts.grid.isp > since
    ]
    return later[0] if later else None
