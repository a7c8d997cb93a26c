"""What operators do. Each action checks that it still fits, does it, and writes who, when and why in one transaction.

Raises InputError when what was asked is wrong, ConflictError when the state of things has moved on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from agr.access.roles import Visitor
from agr.errors import ConflictError, InputError, MissingError
from agr.isp import Clock, Period, period_of
from agr.plan import Plan, PlanState, Reason, ReasonKind
from agr.portfolio import Contract
from agr.program import compress
from agr.publication import OPEN, Publisher
from agr.settings import Settings
from agr.store import day, doings, outbox, plans, portfolio, register, switches
from agr.store.engine import Store, Tx
from agr.uftp.participants import Participants

log = structlog.get_logger()

SHORTEST_WHY = 3
LONGEST_WHY = 1000
_ALREADY = timedelta(hours=1)
"""A trigger this old waits for no others."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of an action, in words, with what it made."""

    text: str
    trigger: int | None = None
    plan: int | None = None
    entry: int | None = None


def _why(text: str) -> str:
    text = " ".join(text.split())
    if not SHORTEST_WHY <= len(text) <= LONGEST_WHY:
        raise InputError(f"say why, in {SHORTEST_WHY} to {LONGEST_WHY} characters: it goes into the audit log")
    return text


class Actions:
    """The daemon's levers. Whether a visitor may pull them is decided before (see agr.access.roles)."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, publisher: Publisher, participants: Participants,
        *, closed_isps: Callable[[Period], int], wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._store, self._settings, self._clock = store, settings, clock
        self._publisher, self._participants = publisher, participants
        self._closed_isps, self._wake = closed_isps, wake

    def _record(self, tx: Tx, by: Visitor, action: str, subject: str, why: str, detail: str = "") -> int:
        log.info("action.done", action=action, subject=subject, who=by.label)
        return doings.record(
            tx, at=self._clock.now(), who=by.label, action=action, subject=subject, why=why, detail=detail
        )

    def period(self, day_: date) -> Period:
        """Return the Period of a local day."""
        return Period(day_, self._settings.time_zone, self._settings.isp_minutes)

    def _open_period(self, day_: date) -> Period:
        period = self.period(day_)
        if period.end <= self._clock.now():
            raise ConflictError(f"Period {period} is over; nothing about it can be changed")
        return period

    # --- plans ------------------------------------------------------------------------------------------------------

    def replan(self, by: Visitor, day_: date, why: str, *, points: tuple[str, ...] = (), preview: bool = True) -> Done:
        """Optimise again now; a preview is only shown, until it is sent or discarded."""
        why, period, points = _why(why), self._open_period(day_), tuple(dict.fromkeys(points))
        with self._store.transaction() as tx:
            known = {address for address, _, _ in portfolio.heads(tx, day_)}
            if not known and self._settings.planning.stale_portfolio == "refuse":
                raise ConflictError(f"no CRO has told us the congestion points of {period} yet; see its timeline")
            strangers = sorted(set(points) - known)
            if strangers:
                raise InputError(f"not congestion points of {period}: {', '.join(strangers[:5])}")
            if points and plans.in_force(tx, day_) is None:
                raise ConflictError(f"there is no plan for {period} yet that the others could keep; plan them all")
            reason = Reason(kind=ReasonKind.OPERATOR, reference=by.label[:255], text=f"{by.name}: {why}")
            at = self._clock.now() - _ALREADY
            trigger = day.put_trigger(tx, day_, reason, at, preview=preview, points=points)
            what = f"{len(points)} congestion points" if points else "whole portfolio"
            self._record(tx, by, "preview" if preview else "re-optimise", str(period), why, what)
        self._wake()
        return Done(text="a plan was asked for", trigger=trigger)

    def send(self, by: Visitor, number: int, why: str) -> Done:
        """Put a preview into force and send what it changes. Refused when anything has changed since it was made."""
        why = _why(why)
        with self._store.transaction() as tx:
            plan = self._preview(tx, number)
            self._open_period(plan.period.day)
            newest = plans.in_force(tx, plan.period.day)
            if (newest.id if newest else None) != plan.predecessor:
                raise ConflictError(f"plan {newest.id if newest else '–'} has come into force since; preview again")
            if any(t.period == plan.period.day and not t.preview for t in day.open_triggers(tx)):
                raise ConflictError(
                    "something has changed since this preview and a new plan is being made; wait for it"
                )
            plans.decide(tx, number, PlanState.AUDITED)
            self._record(tx, by, "send", f"plan {number}", why, f"Period {plan.period}")
            opened = OPEN in day.done_moments(tx, plan.period.day)
        count = self._publisher.publish(plan.period, self._closed_isps(plan.period), by_hand=True)
        self._wake()
        later = "" if opened else "; D-Prognoses leave once the day-ahead results are planned"
        return Done(text=f"plan {number} is in force, {count} D-Prognoses queued{later}", plan=number)

    def discard(self, by: Visitor, number: int, why: str) -> Done:
        """Put a preview away; the plan in force stays."""
        why = _why(why)
        with self._store.transaction() as tx:
            self._preview(tx, number)
            plans.decide(tx, number, PlanState.DISCARDED)
            self._record(tx, by, "discard", f"plan {number}", why)
        return Done(text=f"plan {number} is discarded", plan=number)

    @staticmethod
    def _preview(tx: Tx, number: int) -> Plan:
        plan = plans.get(tx, number)
        if plan is None:
            raise MissingError(f"there is no plan {number}")
        if plan.state is not PlanState.PREVIEW:
            raise ConflictError(f"plan {number} is {plan.state.value}, no preview (any more)")
        return plan

    # --- sending ----------------------------------------------------------------------------------------------------

    def hold(self, by: Visitor, why: str) -> Done:
        """Stop sending D-Prognoses by itself; plans are made as before, and answers are sent."""
        return self._turn_hold(by, why, on=True)

    def release(self, by: Visitor, why: str) -> Done:
        """Let D-Prognoses leave by themselves again, beginning with what has waited."""
        done = self._turn_hold(by, why, on=False)
        for number in (0, 1):
            period = self.today() if number == 0 else self.today().next()
            self._publisher.publish(period, self._closed_isps(period))
        self._wake()
        return done

    def today(self) -> Period:
        """Return the Period that runs now."""
        return period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)

    def _turn_hold(self, by: Visitor, why: str, *, on: bool) -> Done:
        why = _why(why)
        with self._store.transaction() as tx:
            if (switches.held(tx) is not None) == on:
                raise ConflictError("sending is on hold already" if on else "sending is not on hold")
            switches.turn(tx, switches.HOLD, on, self._clock.now(), by.label, why)
            self._record(tx, by, "hold" if on else "release", "automatic sending", why)
            if not on:
                day.recover(tx, "sending held", "D-Prognoses", self._clock.now())
        return Done(text="sending is on hold" if on else "sending is released")

    def send_waiting(self, by: Visitor, day_: date, why: str) -> Done:
        """Send what differs from the plan in force once, although sending is on hold or waits for approval."""
        why, period = _why(why), self._open_period(day_)
        with self._store.transaction() as tx:
            if plans.in_force(tx, day_) is None:
                raise ConflictError(f"there is no plan in force for {period}")
            if OPEN not in day.done_moments(tx, day_):
                raise ConflictError(f"the day-ahead results of {period} are not planned yet: nothing may be sent")
            self._record(tx, by, "send waiting", str(period), why)
        count = self._publisher.publish(period, self._closed_isps(period), by_hand=True)
        self._wake()
        return Done(text=f"{count} D-Prognoses queued")

    def resend(self, by: Visitor, message_id: str, why: str) -> Done:
        """Let a queued or failed message leave now."""
        why, now = _why(why), self._clock.now()
        with self._store.transaction() as tx:
            row = self._message(tx, message_id)
            if row.type == "D-Prognosis" and row.period is not None:
                sent = plans.prognoses_of(tx, row.period, row.subject)
                if sent and sent[-1].message_id.lower() != row.message_id:
                    raise ConflictError(
                        "a newer revision of this D-Prognosis exists; this one must not arrive after it"
                    )
            due = None if row.answer_due_at is None else now + timedelta(seconds=self._settings.delivery.answer_due_s)
            if not outbox.resend(tx, message_id, now, due):
                raise ConflictError(f"the message is {row.state}: only queued and failed ones can be sent again")
            plans.reopen(tx, row.message_id)
            self._record(tx, by, "resend", row.message_id, why, f"{row.type} to {row.recipient_domain}")
        self._wake()
        return Done(text=f"{row.type} to {row.recipient_domain} leaves now")

    def cancel(self, by: Visitor, message_id: str, why: str) -> Done:
        """Take a queued message back."""
        why = _why(why)
        with self._store.transaction() as tx:
            row = self._message(tx, message_id)
            if not outbox.cancel(tx, message_id, f"cancelled by {by.name}: {why}"):
                raise ConflictError(f"the message is {row.state}: only queued ones can be cancelled")
            plans.answer_prognosis(tx, row.message_id, "cancelled", f"cancelled by {by.name}")
            self._record(tx, by, "cancel", row.message_id, why, f"{row.type} to {row.recipient_domain}")
        again = row.type == "D-Prognosis"
        hint = "; the program is sent anew in ten minutes unless sending is on hold or the plan changes"
        return Done(text=f"{row.type} to {row.recipient_domain} is cancelled{hint if again else ''}")

    @staticmethod
    def _message(tx: Tx, message_id: str) -> outbox.Row:
        row = outbox.row(tx, message_id)
        if row is None:
            raise MissingError(f"there is no message {message_id!r} in the outbox")
        return row

    # --- what the plan rests on -------------------------------------------------------------------------------------

    def reserve(
        self, by: Visitor, contract_id: str, day_: date, power_w: tuple[int, ...], why: str, *, seen: str | None = None
    ) -> Done:
        """Enter what a DSO still reserves, W per ISP, as its FlexReservationUpdate would; plans again.

        `seen`: the word on it that whoever enters this had before them; a ConflictError if there is a newer one.
        """
        why, period, now = _why(why), self._open_period(day_), self._clock.now()
        with self._store.transaction() as tx:
            contract = register.contract(tx, contract_id)
            if contract is None:
                raise InputError(f"there is no contract {contract_id!r}; import it with `agr import`")
            if seen is not None and seen != newest_word(tx, contract_id, day_):
                raise ConflictError(f"there is a newer word on {contract_id} by now; look at it, then decide again")
            self.check_reservation(contract, period, power_w)
            entry = self._record(tx, by, "reserve", f"{contract_id} {period}", why, _runs(power_w))
            day.put_reservation(tx, contract_id, day_, power_w, f"by hand, log {entry}", now)
            largest = max((abs(p) for p in power_w), default=0)
            text = f"{by.name} entered {contract_id}: at most {largest / 1000:g} kW still reserved"
            self._ask(tx, period, f"{text} ({why})")
        self._wake()
        return Done(text=f"the reservation of {contract_id} is entered; a plan follows", entry=entry)

    @staticmethod
    def check_reservation(contract: Contract, period: Period, power_w: tuple[int, ...]) -> None:
        """Raise InputError unless every ISP has a value between 0 and what is contracted there."""
        contracted_w = contract.contracted_w(period)
        if len(power_w) != period.isp_count:
            raise InputError(f"{len(power_w)} values; {period} has {period.isp_count} ISPs")
        wrong = [
            isp for isp, (p, c) in enumerate(zip(power_w, contracted_w, strict=True), 1)
            if not min(0, c) <= p <= max(0, c)
        ]  # fmt: skip
        if wrong:
            isp, given, allowed = wrong[0], power_w[wrong[0] - 1], contracted_w[wrong[0] - 1]
            raise InputError(
                f"ISP {isp} ({period.label(isp)}){f' and {len(wrong) - 1} more' if len(wrong) > 1 else ''}: "
                f"{given} W does not lie between 0 and what {contract.contract} has contracted there, {allowed} W"
            )

    def keep_share(self, contract_id: str, day_: date, share: float) -> tuple[int, ...]:
        """Return a share of what is contracted, W per ISP. Raises InputError."""
        if not 0 <= share <= 1:
            raise InputError(f"the share kept is between 0 and 100 %, not {share:.0%}")
        with self._store.transaction() as tx:
            contract = register.contract(tx, contract_id)
        if contract is None:
            raise InputError(f"there is no contract {contract_id!r}; import it with `agr import`")
        return tuple(round(p * share) for p in contract.contracted_w(self.period(day_)))

    def make_unavailable(self, by: Visitor, name: str, first: date, last: date, why: str) -> Done:
        """Plan without a resource, or all that is behind a connection, on some days; today from now on."""
        why, name = _why(why), name.strip()
        self._open_period(last)
        if last < first:
            raise InputError(f"the last day ({last}) comes before the first ({first})")
        with self._store.transaction() as tx:
            known = register.load(tx).connection_of()
            if name not in known and name not in known.values():
                raise InputError(f"there is no resource or connection {name!r} in the register")
            entry = switches.mark_unavailable(tx, name, first, last, self._clock.now(), by.label, why)
            self._record(tx, by, "unavailable", name, why, f"{first} to {last}")
            self._plan_days(tx, first, last, f"{by.name}: {name} is unavailable ({why})")
        self._wake()
        return Done(
            text=f"{name} is unavailable from {first} to {last}; a plan follows where one was made", entry=entry
        )

    def make_available(self, by: Visitor, entry: int, why: str) -> Done:
        """End an entry of what is unavailable."""
        why = _why(why)
        with self._store.transaction() as tx:
            ended = switches.available_again(tx, entry, self._clock.now())
            if ended is None:
                raise ConflictError(f"entry {entry} does not exist or has ended already")
            self._record(tx, by, "available", ended.name, why)
            self._plan_days(tx, ended.first_day, ended.last_day, f"{by.name}: {ended.name} is available again")
        self._wake()
        return Done(text=f"{ended.name} is available again", entry=entry)

    def _plan_days(self, tx: Tx, first: date, last: date, text: str) -> None:
        for period in (self.today(), self.today().next()):
            if first <= period.day <= last:
                self._ask(tx, period, text)

    def _ask(self, tx: Tx, period: Period, text: str) -> None:
        """Ask for a plan where one was made or is being made."""
        if plans.in_force(tx, period.day) is not None or "first_plan" in day.done_moments(tx, period.day):
            reason = Reason(kind=ReasonKind.OPERATOR, text=text)
            day.put_trigger(tx, period.day, reason, self._clock.now())

    # --- people and counterparties ----------------------------------------------------------------------------------

    def acknowledge(self, by: Visitor, alarm: int, why: str = "") -> Done:
        """Say that somebody has taken an alarm on; it stays open until its cause is gone."""
        with self._store.transaction() as tx:
            found = day.acknowledge(tx, alarm, by.name, self._clock.now())
            if found is None:
                raise ConflictError(f"alarm {alarm} is not open, or somebody has acknowledged it already")
            self._record(tx, by, "acknowledge", f"alarm {alarm}", why[:LONGEST_WHY], f"{found.kind}: {found.subject}")
        return Done(text=f"alarm {alarm} is acknowledged")

    def bar(self, by: Visitor, domain: str, role: str, on: bool, why: str) -> Done:
        """Reject every message of a participant from now on and send it nothing new, or let it in again."""
        why = _why(why)
        known = self._participants.find(domain, role)
        if known is None:
            raise InputError(f"{domain} is not a participant in role {role}")
        if known.barred == on:
            raise ConflictError(f"{domain} ({role}) is {'barred already' if on else 'not barred'}")
        with self._store.transaction() as tx:
            switches.bar(tx, domain, role, on, self._clock.now(), by.label, why)
            self._record(tx, by, "bar" if on else "unbar", f"{domain} {role}", why)
        self._participants.set_barred(domain, role, on)
        return Done(text=f"{domain} ({role}) is {'barred' if on else 'let in again'}")


def newest_word(tx: Tx, contract_id: str, day_: date) -> str:
    """Return which message or entry counts for a contract in a Period; empty where it is reserved as contracted."""
    return next((h.message_id for h in day.reservation_history(tx, day_) if h.contract == contract_id), "")


def _runs(power_w: tuple[int, ...]) -> str:
    """Return a program in words, e.g. `73–80: -200000 W`."""
    return ", ".join(f"{r.start}–{r.stop - 1}: {r.power_w} W" for r in compress(power_w) if r.power_w) or "0 W"
