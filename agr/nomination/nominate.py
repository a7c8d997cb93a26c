"""Nominates: the plan in force → an e-program per balance responsible party (BRP), as a revision where it differs."""

import uuid
from datetime import date, datetime, timedelta
from threading import Lock

import numpy as np
import structlog

from agr.dispatch import unplanned
from agr.domain.bid import DAY_AHEAD
from agr.domain.e_program import EProgram
from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period
from agr.domain.moments import Handled, MomentState
from agr.nomination.split import W_PER_KW, BrpSplit, Floats, power_of, split
from agr.planning import plan_loader
from agr.settings import Brp, Settings
from agr.store import day, input_version, nominations, overrides, plans, positions, register
from agr.store.engine import Store, Tx
from agr.store.nominations import Nomination

log = structlog.get_logger()

_KINDS = ("nomination rejected", "nomination not accepted", "nomination not delivered", "brp unknown")
"""Kinds of alarms about a Period; their subjects end with its day."""


class Nominator:
    """Queues what has changed, once; a crash between two calls loses and repeats nothing."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._one_at_a_time = Lock()
        self._nominated: dict[date, tuple[int, int]] = {}  # Period → plan and version of its inputs, as dealt with

    def up_to_date(self, period: Period) -> bool:
        """Say whether `nominate` would find nothing to look at, or may not nominate now."""
        if not self._settings.brps or period.end <= self._clock.now() or not self._settings.publication.automatic:
            return True
        with self._store.reading() as tx:
            number, version = plans.newest_audited(tx, period.day), input_version.number(tx)
            held = overrides.held(tx) is not None
        return number is None or held or self._nominated.get(period.day) == (number, version)

    def nominate(self, period: Period, *, by_hand: bool = False) -> int:
        """Queue the e-programs of the plan in force that differ from what was last nominated; return how many.

        `by_hand`: an operator asks for it, although sending is on hold or needs approval; what a BRP has rejected is
        then nominated again. By itself it is not: the BRP would reject the same e-program again and again.
        """
        if not self._settings.brps or period.end <= self._clock.now():
            return 0
        if not by_hand and not self._settings.publication.automatic:
            return 0
        with self._one_at_a_time:
            with self._store.transaction() as tx:
                number, version = plans.newest_audited(tx, period.day), input_version.number(tx)
                if number is None or (not by_hand and overrides.held(tx) is not None):
                    return 0
                if not by_hand and self._nominated.get(period.day) == (number, version):
                    return 0
                archives = plan_loader.read(tx, number)
                bought = self._bought(tx, period)
            with (
                self._store.reading() as tx
            ):  # by itself: it takes long, and what changes it meanwhile is looked at again
                known = register.load(tx)
            brps = [brp.name for brp in self._settings.brps]
            solved = plan_loader.unpacked(archives)
            brp_of = {connection.address: connection.brp for connection in known.connections}
            behind = known.connection_of() | unplanned.behind(solved.named.charging(), known.charge_points)
            found = split(solved, power_of(solved, behind, brp_of, brps), brps, bought)
            with self._store.transaction() as tx:
                if plans.newest_audited(tx, period.day) != number:
                    return 0  # the newer plan nominates
                queued = self._queue(tx, period, number, found, by_hand=by_hand)
            self._nominated = {at: seen for at, seen in self._nominated.items() if at >= period.day - timedelta(days=7)}
            self._nominated[period.day] = (number, version)
        for brp, revision in queued:
            log.info("nomination.queued", period=str(period), plan=number, brp=brp, revision=revision)
        return len(queued)

    def _bought(self, tx: Tx, period: Period) -> Floats | None:
        """Return who has bought what day-ahead (B,T), kW; None while it is not fixed, or nobody knows."""
        if DAY_AHEAD not in positions.all_on(tx, period.day):
            return None
        newest = [nominations.newest(tx, period.day, brp.name) for brp in self._settings.brps]
        if all(nomination is None for nomination in newest):
            return None
        nothing = (0,) * period.isp_count
        return np.array([n.content.day_ahead_w if n else nothing for n in newest], dtype=float) / W_PER_KW

    def _queue(self, tx: Tx, period: Period, plan: int, found: BrpSplit, *, by_hand: bool) -> list[tuple[str, int]]:
        queued, now = [], self._clock.now()
        for place, brp in enumerate(self._settings.brps):
            content, last = found.program(place), nominations.newest(tx, period.day, brp.name)
            if not self._is_news(content, last, by_hand=by_hand):
                continue
            revision = 1 if last is None else last.revision + 1
            nominations.put(
                tx, period.day, brp.name, revision=revision, plan=plan, message_id=str(uuid.uuid4()), content=content,
                at=now, answer_due_at=self._answer_due_at(brp, period, now),
            )  # fmt: skip
            queued.append((brp.name, revision))
        self._tell_unknown(tx, period, found, now)
        return queued

    def _is_news(self, content: EProgram, last: Nomination | None, *, by_hand: bool) -> bool:
        if last is None or content.differs(last.content, self._settings.publication.threshold_w):
            return True
        if last.state == "failed" and last.answer is None:
            return True  # its BRP had left the settings, and is back
        return by_hand and last.answer == "rejected"

    def _answer_due_at(self, brp: Brp, period: Period, now: datetime) -> datetime:
        soon = now + timedelta(seconds=self._settings.delivery.answer_due_s)
        return max(soon, brp.gate.gate(brp.name).instant(period))

    @staticmethod
    def _tell_unknown(tx: Tx, period: Period, found: BrpSplit, now: datetime) -> None:
        if not found.unknown:
            day.recover(tx, "brp unknown", str(period), now)
            return
        moved = float(np.abs(found.unknown_kw).sum()) * period.isp_hours / 1000
        text = (
            f"connections name {', '.join(found.unknown)}, which [[brps]] does not: {moved:.3f} MWh of {period} are "
            "nominated to nobody; add the BRP to the settings, or correct the table of connections"
        )
        day.raise_alarm(tx, "brp unknown", str(period), text, now)

    def end_alarms(self, tx: Tx, period: Period, at: datetime) -> None:
        """End what is open about e-programs of a Period that is past, and of earlier ones: history keeps it."""
        for alarm in day.open_alarms(tx):
            if alarm.kind in _KINDS and alarm.subject.rpartition(" ")[2] <= str(period):
                day.recover(tx, alarm.kind, alarm.subject, at)

    def gate(self, period: Period, name: str) -> Handled:
        """Report at a BRP's gate whether it has accepted the newest revision."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            newest = nominations.newest(tx, period.day, name)
            if newest is not None and newest.answer == "accepted":
                return Handled(f"revision {newest.revision} accepted")
            became = _became(newest, period)
            if newest is None and self._before_first_start(tx, period, name):
                return Handled(became, MomentState.MISSED)
            text = f"the gate of BRP {name} has closed and {became}; call the BRP"
            day.raise_alarm(tx, "nomination not accepted", f"{name} {period}", text, now)
            if newest is not None:
                nominations.no_longer_waiting(tx, newest.id)
        return Handled(became, MomentState.MISSED)

    def _before_first_start(self, tx: Tx, period: Period, name: str) -> bool:
        """Say whether a BRP's gate closed before the daemon was first started: nobody has missed it."""
        first = day.first_handled(tx)
        gate = next((brp.gate.gate(name).instant(period) for brp in self._settings.brps if brp.name == name), None)
        return first is None or gate is None or gate < first

    def watch(self) -> int:
        """Report answers that are overdue, once each; return how many."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            late = nominations.overdue(tx, now)
            for one in late:
                nominations.no_longer_waiting(tx, one.id)
                waited = number_of(round((now - one.queued_at) / timedelta(minutes=1)), "minute")
                text = f"BRP {one.brp} has not answered revision {one.revision} of {one.period} for {waited}; call it"
                day.raise_alarm(tx, "nomination not accepted", f"{one.brp} {one.period}", text, now)
        return len(late)


def _became(newest: Nomination | None, period: Period) -> str:
    """Say what became of the newest revision, which is not accepted."""
    if newest is None:
        return f"there is no e-program of {period}"
    if newest.answer == "rejected":
        return f"it has rejected revision {newest.revision}: {newest.answer_reason}"
    if newest.state == "sent":
        return f"it has not answered revision {newest.revision}"
    return f"revision {newest.revision} is not delivered: {newest.detail or 'no attempt was made yet'}"
