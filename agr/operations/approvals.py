"""Four eyes: an action that the settings name waits until a second person approves it, refuses it, or it expires."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from agr.domain.errors import AccessError, AgrError, ConflictError, MissingError, StoreError
from agr.domain.isp import Clock
from agr.operations.accounts.authentication import Authentication
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.settings import Settings
from agr.store import approvals, day
from agr.store.approvals import Approval
from agr.store.engine import Store, Tx

ALARM = "approval waits"
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

    def ask(self, by: Principal, action: str, given: Mapping[str, Any], names: Mapping[str, Any]) -> Done:
        """Let an action wait for a second person."""
        why, now = said_why(str(given.get("why", ""))), self._clock.now()
        until = now + timedelta(hours=self._settings.operators.four_eyes_hours)
        with self._store.transaction() as tx:
            number = approvals.put(tx, action, given, names, by.name, now, until)
            words = in_words(action, given, names)
            entry = self._record(tx, by, "ask for approval", f"approval {number}", why, words)
            told = (
                f"{by.name} asks for {words} ({why}); it needs a second person's approval until {_local(self, until)}"
            )
            day.raise_alarm(tx, "approval waits", f"approval {number}", told, now)
        self._wake()
        text = f"not done yet: it waits as approval {number} for a second person, until {_local(self, until)}"
        return Done(text=text, entry=entry, approval=number)

    def approve(self, by: Principal, number: int, why: str, permission: Permission, perform: Perform) -> Done:
        """Approve an action and have it done. Raises AccessError for who asked for it, or may not do it alone either.

        An action that is refused when it is done, because the situation has changed, counts as failed; ask again.
        """
        why = said_why(why)
        with self._store.transaction() as tx:
            found = self._waiting(tx, number)
        self._may_decide(by, found, permission)
        asker = self._asker(found, by, permission)
        with self._store.transaction() as tx:
            self._waiting(tx, number)  # nobody has decided meanwhile
            if not approvals.decide(tx, number, "approved", by.label, self._clock.now()):
                raise ConflictError(f"approval {number} has just been decided by somebody else")
            self._record(tx, by, "approve", f"approval {number}", why, f"{found.action}, asked for by {found.asked_by}")
            day.recover(tx, ALARM, f"approval {number}", self._clock.now())
        try:
            done = perform(asker, found)
        except AgrError as error:
            if not isinstance(error, StoreError):
                with self._store.transaction() as tx:
                    approvals.ended(tx, number, "failed", str(error))
            raise
        with self._store.transaction() as tx:
            approvals.ended(tx, number, "done", done.text)
        return done

    def refuse(self, by: Principal, number: int, why: str, permission: Permission) -> Done:
        """Refuse an action; who asked for it may withdraw it this way."""
        why = said_why(why)
        with self._store.transaction() as tx:
            found = self._waiting(tx, number)
            if by.name != found.asked_by:
                self._may_decide(by, found, permission)
            approvals.decide(tx, number, "refused", by.label, self._clock.now())
            approvals.ended(tx, number, "refused", why)
            did = "withdraw" if by.name == found.asked_by else "refuse"
            self._record(tx, by, did, f"approval {number}", why, f"{found.action}, asked for by {found.asked_by}")
            day.recover(tx, ALARM, f"approval {number}", self._clock.now())
        return Done(text=f"approval {number} is {'withdrawn' if did == 'withdraw' else 'refused'}; nothing was done")

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
        """Return who asked, with what they may do now, for the DSOs that both act for."""
        asker = self._authentication.by_name(found.asked_by, via=f"approved by {by.name}")
        if asker is None or not asker.may(permission):
            raise ConflictError(f"{found.asked_by}, who asked for it, may no longer do this; refuse it, or ask anew")
        if asker.dsos and by.dsos and not asker.dsos & by.dsos:
            raise AccessError(f"{by.name} and {found.asked_by} act for no DSO in common; somebody else must approve it")
        return asker.acting_for(asker.dsos & by.dsos if asker.dsos and by.dsos else asker.dsos | by.dsos)


def expire(store: Store, now: datetime) -> int:
    """Mark what has waited too long; return how many."""
    with store.transaction() as tx:
        late = [one for one in approvals.waiting(tx) if one.expires_at <= now]
        for one in late:
            approvals.decide(tx, one.id, "expired", "", now)
            day.recover(tx, ALARM, f"approval {one.id}", now)
    return len(late)


def in_words(action: str, given: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    """Return what an action would do: its name with its values, but not the reason."""
    values = [f"{name} {_short(value)}" for name, value in {**names, **given}.items() if name != "why" and value]
    return f"{action.replace('_', ' ')}: {', '.join(values)}" if values else action.replace("_", " ")


def _short(value: object) -> str:
    text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
    return text if len(text) <= 600 else text[:599] + "…"


def _local(actions: ActionBase, at: Any) -> str:
    return f"{at.astimezone(actions.today().tz):%Y-%m-%d %H:%M}"
