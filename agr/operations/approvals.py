"""Four eyes: an action that the settings name waits until a second person approves it, refuses it, or it expires."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from agr.domain.errors import AccessError, AgrError, ConflictError, MissingError, StoreError
from agr.domain.isp import Clock
from agr.operations.accounts.authentication import Authentication
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.settings import Settings
from agr.store import approvals, audit_log, day
from agr.store.approvals import Approval
from agr.store.engine import Store, Tx, alone

ALARM = "approval waits"
_LONGEST_TOLD = 600
_LOOK = "look in the log whether it was done, then approve it again or refuse it"
Perform = Callable[[Principal, Approval], Done]


class Approvals(ActionBase):
    """Keeps what was asked for, and has it done, as who asked for it, once somebody else has approved it."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, wake: Callable[[], None], authentication: Authentication
    ) -> None:
        super().__init__(store, settings, clock, wake)
        self._authentication = authentication

    def needed(self, action: str) -> bool:
        """Say whether an action needs a second person."""
        return action in self._settings.operators.four_eyes

    def ask(
        self, by: Principal, action: str, given: Mapping[str, Any], names: Mapping[str, Any], words: str = ""
    ) -> Done:
        """Let an action wait for a second person. `words`: what it would do, where its values do not say it.

        What waits already, with the same values and whatever reason, is not asked for once more.
        """
        why, now = said_why(str(given.get("why", ""))), self._clock.now()
        until = now + timedelta(hours=self._settings.operators.four_eyes_hours)
        with self._store.transaction() as tx:
            alone(tx, "approvals")
            if same := _same(approvals.waiting(tx), action, given, names, now):
                text = f"not done yet: the same waits already as approval {same.id}, asked for by {same.asked_by}"
                return Done(text=f"{text}, until {_local(self, same.expires_at)}", approval=same.id)
            words = words or in_words(action, given, names)
            number = approvals.put(tx, action, given, names, by.name, now, until, words)
            entry = self._record(tx, by, "ask for approval", f"approval {number}", why, words)
            told = (
                f"{by.name} asks for {_short(words)} ({why}); it needs a second person's approval until "
                f"{_local(self, until)}"
            )
            day.raise_alarm(tx, ALARM, f"approval {number}", told, now)
        self._wake()
        text = f"not done yet: it waits as approval {number} for a second person, until {_local(self, until)}"
        return Done(text=text, entry=entry, approval=number)

    def approve(self, by: Principal, number: int, why: str, permission: Permission, perform: Perform) -> Done:
        """Approve an action and have it done. Raises AccessError for the person who asked for it, and for anybody who
        may not do it alone either.

        An action that is refused when it is done, because the situation has changed, counts as failed; ask again. One
        that the two may not do together, or that breaks off for another reason, waits again.
        """
        why = said_why(why)
        with self._store.transaction() as tx:
            found = self._waiting(tx, number)
        self._may_decide(by, found, permission)
        asker = self._asker(found, by, permission)
        with self._store.transaction() as tx:
            self._waiting(tx, number)  # nobody has decided meanwhile
            if not approvals.decide(tx, number, approvals.APPROVED, by.label, self._clock.now()):
                raise _decided(number)
            self._record(tx, by, "approve", f"approval {number}", why, f"{found.action}, asked for by {found.asked_by}")
            day.recover(tx, ALARM, f"approval {number}", self._clock.now())
        try:
            done = perform(asker, found)
        except AgrError as error:
            if isinstance(error, AccessError | StoreError):
                self._wait_again(found, f"{by.name} approved it, but: {error}")
            else:
                with self._store.transaction() as tx:
                    if approvals.ended(tx, number, "failed", str(error)):
                        self._record(tx, by, "approved action failed", f"approval {number}", why, str(error))
            raise
        except Exception as error:
            self._wait_again(found, f"{by.name} approved it, but it broke off: {type(error).__name__}; {_LOOK}")
            raise
        with self._store.transaction() as tx:
            if not approvals.ended(tx, number, "done", done.text):  # another daemon took over and let it wait again
                approvals.decide(tx, number, "done", by.label, self._clock.now(), done.text)
                day.recover(tx, ALARM, f"approval {number}", self._clock.now())
        return done

    def refuse(self, by: Principal, number: int, why: str, permission: Permission) -> Done:
        """Refuse an action; who asked for it may withdraw it this way."""
        why = said_why(why)
        with self._store.transaction() as tx:
            found = self._waiting(tx, number)
        if by.name != found.asked_by:
            self._may_decide(by, found, permission)
            self._common_dsos(by, found)
        with self._store.transaction() as tx:
            if not approvals.decide(tx, number, "refused", by.label, self._clock.now(), why):
                raise _decided(number)
            did = "withdraw" if by.name == found.asked_by else "refuse"
            self._record(tx, by, did, f"approval {number}", why, f"{found.action}, asked for by {found.asked_by}")
            day.recover(tx, ALARM, f"approval {number}", self._clock.now())
        return Done(text=f"approval {number} is {'withdrawn' if did == 'withdraw' else 'refused'}; nothing was done")

    def _wait_again(self, found: Approval, result: str) -> None:
        with self._store.transaction() as tx:
            _wait_again(tx, found, result, self._settings, self._clock.now())
        self._wake()

    def _waiting(self, tx: Tx, number: int) -> Approval:
        found = approvals.get(tx, number)
        if found is None:
            raise MissingError(f"there is no approval {number}")
        if found.state == approvals.WAITING and found.expires_at <= self._clock.now():
            raise ConflictError(f"approval {number} expired at {_local(self, found.expires_at)}; ask for it again")
        if found.state != approvals.WAITING:
            raise ConflictError(f"approval {number} is {found.state} already")
        return found

    @staticmethod
    def _may_decide(by: Principal, found: Approval, permission: Permission) -> None:
        if by.name == found.asked_by:
            raise AccessError(f"{by.name} asked for approval {found.id}; a second person must approve it")
        if not by.may(permission):
            raise AccessError(f"this needs the permission {permission.value!r}, which {by.label} lacks")

    def _asker(self, found: Approval, by: Principal, permission: Permission) -> Principal:
        """Return who asked, with what they may do now, acting only for those for whom both act."""
        asker = self._authentication.by_name(found.asked_by, via=f"approved by {by.name}")
        if asker is None or not asker.may(permission):
            raise ConflictError(f"{found.asked_by}, who asked for it, may no longer do this; refuse it, or ask anew")
        self._common_dsos(by, found, asker)
        return asker.acting_for(_both(asker.dsos, by.dsos), _both(asker.brps, by.brps))

    def _common_dsos(self, by: Principal, found: Approval, asker: Principal | None = None) -> None:
        """Raise AccessError where who asked and who decides act for different DSOs."""
        asker = asker or self._authentication.by_name(found.asked_by, via="asked")
        if asker is None:
            return
        for mine, theirs, kind in ((by.dsos, asker.dsos, "DSO"), (by.brps, asker.brps, "BRP")):
            if mine and theirs and not mine & theirs:
                raise AccessError(
                    f"{by.name} and {found.asked_by} act for no {kind} in common; somebody else must decide it"
                )


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """Return for whom both act; an empty set stands for all."""
    return one & other if one and other else one | other


def _decided(number: int) -> ConflictError:
    return ConflictError(f"approval {number} has just been decided by somebody else")


def resume(store: Store, settings: Settings, now: datetime) -> int:
    """Let what was approved when the daemon stopped wait again; return how many. Only for a daemon's start."""
    with store.transaction() as tx:
        broken_off = approvals.approved(tx)
        for one in broken_off:
            why = f"{one.decided_by} approved it, but the daemon stopped meanwhile; {_LOOK}"
            _wait_again(tx, one, why, settings, now)
    return len(broken_off)


def _wait_again(tx: Tx, found: Approval, result: str, settings: Settings, now: datetime) -> None:
    """Let an approved action that was not done wait again, with the reason, as long as when it was asked for."""
    if approvals.wait_again(tx, found.id, now + timedelta(hours=settings.operators.four_eyes_hours), result):
        subject = f"approval {found.id}"
        audit_log.record(tx, at=now, who="agr", action="wait again", subject=subject, why=result)
        told = f"{found.action.replace('_', ' ')}, asked for by {found.asked_by}, waits again: {result}"
        day.raise_alarm(tx, ALARM, subject, told, now)


def expire(store: Store, now: datetime) -> int:
    """Mark what has waited too long; return how many."""
    with store.transaction() as tx:
        late = [one for one in approvals.waiting(tx) if one.expires_at <= now]
        for one in late:
            if not approvals.decide(tx, one.id, "expired", "", now, one.result):
                continue
            audit_log.record(
                tx, at=now, who="agr", action="approval expired", subject=f"approval {one.id}",
                why="nobody decided it in time", detail=f"{one.action}, asked for by {one.asked_by}",
            )  # fmt: skip
            day.recover(tx, ALARM, f"approval {one.id}", now)
    return len(late)


def _same(
    waiting: Iterable[Approval], action: str, given: Mapping[str, Any], names: Mapping[str, Any], now: datetime
) -> Approval | None:
    """Return what waits for the same; the reason, which is told with the first, does not count."""
    wanted = (action, {**given, "why": ""}, dict(names))
    for one in waiting:
        if (one.action, {**one.given, "why": ""}, dict(one.names)) == wanted and one.expires_at > now:
            return one
    return None


def in_words(action: str, given: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    """Return what an action would do: its name with every value that was given, whole, but not the reason."""
    values = [f"{name} {_whole(value)}" for name, value in {**names, **given}.items() if _tells(name, value)]
    return f"{action.replace('_', ' ')}: {', '.join(values)}" if values else action.replace("_", " ")


def _tells(name: str, value: object) -> bool:
    return name not in ("why", "seen") and value is not None and value != "" and value != []


def _whole(value: object) -> str:
    """Write a value for people; numbers per ISP as stretches, the first one being 1."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if not isinstance(value, list):
        return str(value)
    if not all(isinstance(one, int | float) for one in value):
        return " ".join(map(str, value))
    found, at = [], 1
    for number, run in groupby(value):
        stop = at + len(list(run))
        found.append(f"{at}: {number}" if stop == at + 1 else f"{at}–{stop - 1}: {number}")
        at = stop
    return f"({', '.join(found)})"


def _short(text: str) -> str:
    """Return as much of a text as an alarm holds."""
    return text if len(text) <= _LONGEST_TOLD else text[: _LONGEST_TOLD - 1] + "… (all of it: see Approvals)"


def _local(actions: ActionBase, at: Any) -> str:
    return f"{at.astimezone(actions.today().tz):%Y-%m-%d %H:%M}"
