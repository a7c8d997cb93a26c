"""What operators do. Each action checks that it still fits, does it, and writes who, when and why in one transaction.

Raises InputError when the request is wrong, and ConflictError when the situation has changed.
"""

from collections.abc import Callable
from datetime import date, timedelta

from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.messaging.publish import OPEN, Publisher
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import LONGEST_WHY, ActionBase, Done, said_why
from agr.planning.basis import plan_before
from agr.planning.stored_plans import put_in_force
from agr.settings import Settings
from agr.store import day, outbox, outbox_rows, overrides, plans, portfolio
from agr.store.engine import Store, Tx
from agr.uftp.participants import Participants

_ALREADY = timedelta(hours=1)
"""Age given to a trigger so that it waits for no others."""


class Actions(ActionBase):
    """Plans, sending, messages, alarms, participants."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, publisher: Publisher, participants: Participants,
        *, closed_isps: Callable[[Period], int], nominate: Callable[[Period], int], wake: Callable[[], None],
    ) -> None:  # fmt: skip
        """`nominate`: queues the e-programs that differ, or were rejected, because an operator says so."""
        super().__init__(store, settings, clock, wake)
        self._publisher, self._participants, self._closed_isps = publisher, participants, closed_isps
        self._nominate = nominate

    # --- plans ------------------------------------------------------------------------------------------------------

    def replan(
        self, by: Principal, day_: date, why: str, *, points: tuple[str, ...] = (), preview: bool = True
    ) -> Done:
        """Optimise again now; a preview is only shown, until it is sent or discarded."""
        why, period, points = said_why(why), self._open_period(day_), tuple(dict.fromkeys(points))
        with self._store.transaction() as tx:
            heads = {address: dso for address, dso, _ in portfolio.heads(tx, day_)}
            known = heads.keys()
            answered = any(answer.state == "answered" for answer in portfolio.answers(tx, day_).values())
            if not known and not answered and self._settings.planning.stale_portfolio == "refuse":
                raise ConflictError(f"no CRO has told us the congestion points of {period} yet; see its timeline")
            strangers = sorted(set(points) - known)
            if strangers:
                raise InputError(f"not congestion points of {period}: {', '.join(strangers[:5])}")
            if not preview:
                brps = self._brps_at(tx, by, points)
                by.must_act_for({heads[point] for point in points}, "a plan that is sent", brps=brps)
            if points and plans.in_force(tx, day_) is None:
                raise ConflictError(f"there is no plan for {period} yet that the others could keep; plan them all")
            reason = Reason(kind=ReasonKind.OPERATOR, reference=by.label[:255], text=f"{by.name}: {why}")
            at = self._clock.now() - _ALREADY
            trigger = day.put_trigger(tx, day_, reason, at, preview=preview, points=points)
            what = number_of(len(points), "congestion point") if points else "whole portfolio"
            self._record(tx, by, "preview" if preview else "re-optimise", str(period), why, what)
        self._wake()
        return Done(text="a plan was asked for", trigger=trigger)

    def send(self, by: Principal, number: int, why: str) -> Done:
        """Put a preview into force and send what it changes. Refused when anything has changed since it was made."""
        why = said_why(why)
        with self._store.transaction() as tx:
            plan = self._preview(tx, number)
            by.must_act_for(_dsos_of(plan), f"plan {number}", brps=self._brps_at(tx, by, _points_of(plan)))
            self._open_period(plan.period.day)
            newest = plans.in_force(tx, plan.period.day)
            if (newest.id if newest else None) != plan.predecessor:
                raise ConflictError(f"plan {newest.id if newest else '–'} has come into force since; preview again")
            if any(t.period == plan.period.day and not t.preview for t in day.open_triggers(tx)):
                raise ConflictError(
                    "something has changed since this preview and a new plan is being made; wait for it"
                )
            day_before = plan.period.previous()
            if plan.basis and plan_before(plan.basis) != plans.newest_audited(tx, day_before.day):
                raise ConflictError(f"the plan of {day_before} has changed since this preview; preview again")
            put_in_force(tx, plan, self._clock.now())
            self._record(tx, by, "send", f"plan {number}", why, f"Period {plan.period}")
            opened = OPEN in day.done_moments(tx, plan.period.day)
        queued = self._queued(plan.period)
        self._wake()
        later = "" if opened else "; D-Prognoses leave once the day-ahead results are planned"
        return Done(
            text=f"plan {number} is in force, {queued}{later}",
            plan=number,
        )

    def discard(self, by: Principal, number: int, why: str) -> Done:
        """Discard a preview; the plan in force stays."""
        why = said_why(why)
        with self._store.transaction() as tx:
            plan = self._preview(tx, number)
            by.must_act_for(_dsos_of(plan), f"plan {number}", brps=self._brps_at(tx, by, _points_of(plan)))
            plans.decide(tx, number, PlanState.DISCARDED)
            self._record(tx, by, "discard", f"plan {number}", why)
        return Done(text=f"plan {number} is discarded", plan=number)

    @staticmethod
    def _preview(tx: Tx, number: int) -> Plan:
        plan = plans.get(tx, number)
        if plan is None:
            raise MissingError(f"there is no plan {number}")
        if plan.state is not PlanState.PREVIEW:
            raise ConflictError(f"plan {number} is {plan.state.value}, not a preview (any more)")
        return plan

    # --- sending ----------------------------------------------------------------------------------------------------

    def hold(self, by: Principal, why: str) -> Done:
        """Stop automatic sending of D-Prognoses and e-programs; plans are made, and messages answered, as before."""
        return self._turn_hold(by, why, on=True)

    def release(self, by: Principal, why: str) -> Done:
        """Resume automatic sending of D-Prognoses and e-programs, beginning with those that have waited."""
        done = self._turn_hold(by, why, on=False)
        for number in (0, 1):
            period = self.today() if number == 0 else self.today().next()
            self._publisher.publish(period, self._closed_isps(period))
        self._wake()
        return done

    def _turn_hold(self, by: Principal, why: str, *, on: bool) -> Done:
        why = said_why(why)
        by.must_act_for((), "automatic sending")
        with self._store.transaction() as tx:
            if (overrides.held(tx) is not None) == on:
                raise ConflictError("sending is on hold already" if on else "sending is not on hold")
            overrides.turn(tx, overrides.HOLD, on, self._clock.now(), by.label, why)
            self._record(tx, by, "hold" if on else "release", "automatic sending", why)
            if not on:
                day.recover(tx, "sending held", "D-Prognoses", self._clock.now())
        return Done(text="sending is on hold" if on else "sending is released")

    def send_waiting(self, by: Principal, day_: date, why: str) -> Done:
        """Send once what differs from what was sent or was rejected, although sending is on hold or needs approval."""
        why, period = said_why(why), self._open_period(day_)
        by.must_act_for((), "everything that waits")
        with self._store.transaction() as tx:
            if plans.in_force(tx, day_) is None:
                raise ConflictError(f"there is no plan in force for {period}")
            if OPEN not in day.done_moments(tx, day_):
                raise ConflictError(f"the day-ahead results of {period} are not planned yet: nothing may be sent")
            self._record(tx, by, "send waiting", str(period), why)
        queued = self._queued(period)
        self._wake()
        return Done(text=queued)

    def _queued(self, period: Period) -> str:
        """Queue what differs from what was sent or was rejected; return in words what that is."""
        count = self._publisher.publish(period, self._closed_isps(period), by_hand=True)
        nominated = self._nominate(period)
        more = f" and {number_of(nominated, 'e-program')}" if nominated else ""
        return f"{number_of(count, 'D-Prognosis', 'D-Prognoses')}{more} queued"

    def resend(self, by: Principal, message_id: str, why: str) -> Done:
        """Send a queued or failed message now; a rejected D-Prognosis as its next revision, with the plan in force."""
        why = said_why(why)
        with self._publisher.one_at_a_time, self._store.transaction() as tx:
            row = self._message(tx, by, message_id)
            rejected = self._rejected(tx, row)
            how = self._once_more(tx, row) if rejected is None else self._next_revision(tx, rejected, row.subject)
            self._record(tx, by, "resend", row.message_id, why, f"{row.type} to {row.recipient_domain}")
        self._wake()
        return Done(text=f"{row.type} to {row.recipient_domain} leaves {how}")

    def _rejected(self, tx: Tx, row: outbox_rows.OutboxRow) -> Period | None:
        """Return the Period of a D-Prognosis whose newest revision a DSO rejected; None for any other message."""
        if row.type != "D-Prognosis" or row.period is None:
            return None
        sent = plans.prognoses_of(tx, row.period, row.subject)
        if sent and sent[-1].message_id.lower() != row.message_id:
            raise ConflictError("a newer revision of this D-Prognosis exists; this one must not arrive after it")
        return self._open_period(row.period) if sent and sent[-1].state == "rejected" else None

    def _once_more(self, tx: Tx, row: outbox_rows.OutboxRow) -> str:
        """Send the same message again; return how it leaves."""
        now = self._clock.now()
        due = None if row.answer_due_at is None else now + timedelta(seconds=self._settings.delivery.answer_due_s)
        if not outbox.resend(tx, row.message_id, now, due):
            raise ConflictError(
                f"the message is {row.state}: only queued and failed ones, and rejected D-Prognoses, can be sent again"
            )
        plans.reopen(tx, row.message_id)
        return "now"

    def _next_revision(self, tx: Tx, period: Period, address: str) -> str:
        """Send what a DSO rejected as a new revision with a MessageID of its own, as the protocol asks for."""
        again = self._publisher.send_again(tx, period, address, self._closed_isps(period))
        if again is None:
            raise ConflictError(
                f"{address} has a program in force other than the rejected one, or none; see its page or plan"
            )
        return f"now, as revision {again.revision}"

    def cancel(self, by: Principal, message_id: str, why: str) -> Done:
        """Take a queued message back."""
        why = said_why(why)
        with self._store.transaction() as tx:
            row = self._message(tx, by, message_id)
            if not outbox.cancel(tx, message_id, f"cancelled by {by.name}: {why}"):
                raise ConflictError(f"the message is {row.state}: only queued ones can be cancelled")
            plans.answer_prognosis(tx, row.message_id, "cancelled", f"cancelled by {by.name}")
            self._record(tx, by, "cancel", row.message_id, why, f"{row.type} to {row.recipient_domain}")
        again = row.type == "D-Prognosis"
        hint = "; the program is sent anew in ten minutes unless sending is on hold or the plan changes"
        return Done(text=f"{row.type} to {row.recipient_domain} is cancelled{hint if again else ''}")

    @staticmethod
    def _message(tx: Tx, by: Principal, message_id: str) -> outbox_rows.OutboxRow:
        row = outbox_rows.row(tx, message_id)
        if row is None:
            raise MissingError(f"there is no message {message_id!r} in the outbox")
        concerned = [row.recipient_domain] if row.recipient_role == "DSO" else []
        by.must_act_for(concerned, f"this message to {row.recipient_domain}", brps=())
        return row

    # --- people and counterparties ----------------------------------------------------------------------------------

    def acknowledge(self, by: Principal, alarm: int, why: str = "") -> Done:
        """Acknowledge an alarm; it stays open until its cause is gone. Raises AccessError for another DSO's."""
        with self._store.transaction() as tx:
            found = day.acknowledge(tx, alarm, by.name, self._clock.now())
            if found is None:
                raise ConflictError(f"alarm {alarm} is not open, or somebody has acknowledged it already")
            concerned, brps = self._dsos_in(tx, found.subject), self._brps_in(tx, by, found.subject)
            if concerned or brps:
                mine = by.acting_for(by.dsos if concerned else frozenset(), by.brps if brps else frozenset())
                mine.must_act_for(concerned, f"alarm {alarm} about {found.subject}", brps=brps)
            self._record(tx, by, "acknowledge", f"alarm {alarm}", why[:LONGEST_WHY], f"{found.kind}: {found.subject}")
        return Done(text=f"alarm {alarm} is acknowledged")

    def _brps_in(self, tx: Tx, by: Principal, subject: str) -> set[str]:
        """Return the BRPs that an alarm's subject names, or those of connections at congestion points that it names."""
        words = subject.split()
        return {brp.name for brp in self._settings.brps if brp.name in words} | self._brps_at(tx, by, words)

    def _dsos_in(self, tx: Tx, subject: str) -> set[str]:
        """Return the DSOs that an alarm's subject names, or whose congestion points it names."""
        days, found = (self.today().day, self.today().next().day), set[str]()
        for word in subject.split():
            if self._participants.find(word, "DSO") is not None:
                found.add(word)
            found |= {dso for day_ in days if (dso := portfolio.dso_of_point(tx, day_, word))}
        return found

    def bar(self, by: Principal, domain: str, role: str, on: bool, why: str) -> Done:
        """Reject every message of a participant from now on and send it nothing new, or let it in again."""
        why = said_why(why)
        by.must_act_for([domain] if role == "DSO" else [], f"{domain} ({role})")
        known = self._participants.find(domain, role)
        if known is None:
            raise InputError(f"{domain} is not a participant in role {role}")
        if known.barred == on:
            raise ConflictError(f"{domain} ({role}) is {'barred already' if on else 'not barred'}")
        with self._store.transaction() as tx:
            overrides.bar(tx, domain, role, on, self._clock.now(), by.label, why)
            self._record(tx, by, "bar" if on else "unbar", f"{domain} {role}", why)
        self._participants.set_barred(domain, role, on)
        return Done(text=f"{domain} ({role}) is {'barred' if on else 'admitted again'}")


def _points_of(plan: Plan) -> set[str]:
    """Return the congestion points at which a plan changes anything; of a first plan, all."""
    return {point.address for point in (plan.points if plan.change is None else plan.change.points)}


def _dsos_of(plan: Plan) -> set[str]:
    """Return the DSOs at whose congestion points a plan changes anything."""
    changed = _points_of(plan)
    return {point.dso for point in plan.points if point.address in changed}
