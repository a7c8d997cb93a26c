"""Commands to charge points: each is stored before it is sent, so that a restart knows what may be in force."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from agr.domain.dispatch import OPEN_STATES, Action, Dispatch, DispatchState, Profile, Purpose
from agr.store.dispatch_tables import dispatches as table
from agr.store.engine import Tx

_C = table.c
_PROFILE = TypeAdapter(Profile)
_FIRM = (DispatchState.ACCEPTED, DispatchState.UNKNOWN, *OPEN_STATES)


def _read(row: Any) -> Dispatch:
    fields = {name: getattr(row, name) for name in Dispatch.__dataclass_fields__ if name != "profile"}
    return Dispatch(
        **{
            **fields, "action": Action(row.action), "purpose": Purpose(row.purpose),
            "state": DispatchState(row.state),
        },
        profile=_PROFILE.validate_python(row.limits) if row.limits else None,
    )  # fmt: skip


def queue(
    tx: Tx, *, charge_point: str, road: str, station: str, action: Action, purpose: Purpose, slot: int, at: datetime,
    profile: Profile | None = None, transaction: str | None = None, plan: int | None = None, reason: str = "",
    evse: int | None = None, protocol: str | None = None,
) -> int:  # fmt: skip
    """Store a command that is to be sent; return its number. It takes the place of one that was not sent yet."""
    waiting = sa.and_(_C.charge_point == charge_point, _C.state == DispatchState.QUEUED, _C.slot == slot)
    words = "a newer command took its place before it was sent"
    tx.execute(table.update().where(waiting).values(state=DispatchState.SUPERSEDED, reason=words))
    limits = {} if profile is None else _PROFILE.dump_python(profile, mode="json")
    done = tx.execute(
        table.insert().values(
            charge_point=charge_point, road=road, station=station, action=action.value, purpose=purpose.value,
            slot=slot, transaction=transaction, plan=plan, digest="" if profile is None else profile.digest,
            limits=limits, state=DispatchState.QUEUED.value, attempt=0, reason=reason, at=at, next_attempt_at=at,
            evse=evse, protocol=protocol,
        )
    )  # fmt: skip
    assert done.inserted_primary_key
    return int(done.inserted_primary_key[0])


def get(tx: Tx, number: int) -> Dispatch | None:
    """Return one command."""
    found = tx.execute(sa.select(table).where(_C.id == number)).one_or_none()
    return None if found is None else _read(found)


def sending(tx: Tx, number: int, at: datetime) -> bool:
    """Record that a command is about to be sent; False where it must not be sent any more."""
    mine = sa.and_(_C.id == number, _C.state == DispatchState.QUEUED)
    values = {"state": DispatchState.SENT.value, "sent_at": at, "attempt": _C.attempt + 1}
    return bool(tx.execute(table.update().where(mine).values(**values)).rowcount)


def answered(tx: Tx, number: int, state: DispatchState, words: str, at: datetime) -> bool:
    """Record what came of a command; False where that is known already: an answer that is repeated changes nothing."""
    open_ = (DispatchState.SENT.value, DispatchState.UNKNOWN.value)
    mine = sa.and_(_C.id == number, _C.state.in_(open_), _C.state != state.value)
    values = {"state": state.value, "reason": words, "answered_at": at}
    return bool(tx.execute(table.update().where(mine).values(**values)).rowcount)


def supersede(tx: Tx, numbers: Collection[int], words: str) -> None:
    """Record that commands are not in force any more."""
    for number in numbers:
        tx.execute(table.update().where(_C.id == number).values(state=DispatchState.SUPERSEDED.value, reason=words))


def firm(tx: Tx, road: str | None = None) -> dict[str, tuple[Dispatch, ...]]:
    """Return charge point → its commands that are or may be in force, or are to be, oldest first."""
    done = sa.and_(_C.action == Action.CLEAR.value, _C.state == DispatchState.ACCEPTED.value)
    there = sa.true() if road is None else _C.road == road
    mine = sa.and_(_C.state.in_([state.value for state in _FIRM]), sa.not_(done), there)
    found: dict[str, list[Dispatch]] = {}
    for row in tx.execute(sa.select(table).where(mine).order_by(_C.id)):
        found.setdefault(row.charge_point, []).append(_read(row))
    return {name: tuple(rows) for name, rows in found.items()}


def of_point(tx: Tx, charge_point: str) -> tuple[Dispatch, ...]:
    """Return a charge point's commands that are or may be in force, or are to be, oldest first."""
    done = sa.and_(_C.action == Action.CLEAR.value, _C.state == DispatchState.ACCEPTED.value)
    mine = sa.and_(_C.charge_point == charge_point, _C.state.in_([state.value for state in _FIRM]), sa.not_(done))
    return tuple(_read(row) for row in tx.execute(sa.select(table).where(mine).order_by(_C.id)))


def open_at(tx: Tx, road: str) -> list[tuple[str, str, DispatchState]]:
    """Return (charge point, station, state) of a road's commands that are under way or unknown."""
    mine = sa.and_(_C.road == road, _C.state.in_([DispatchState.SENT.value, DispatchState.UNKNOWN.value]))
    rows = tx.execute(sa.select(_C.charge_point, _C.station, _C.state).where(mine))
    return [(row.charge_point, row.station, DispatchState(row.state)) for row in rows]


def unanswered(tx: Tx, road: str, latest: datetime) -> list[Dispatch]:
    """Return the commands of a road that were sent at an instant or before, and have no answer yet."""
    mine = sa.and_(_C.road == road, _C.state == DispatchState.SENT.value, _C.sent_at <= latest)
    return [_read(row) for row in tx.execute(sa.select(table).where(mine).order_by(_C.id))]


def newest(tx: Tx, charge_point: str, limit: int = 20) -> list[Dispatch]:
    """Return the commands to a charge point, newest first."""
    rows = tx.execute(sa.select(table).where(_C.charge_point == charge_point).order_by(_C.id.desc()).limit(limit))
    return [_read(row) for row in rows]


def newest_of_all(tx: Tx) -> dict[str, Dispatch]:
    """Return charge point → its newest command, in one query."""
    last = sa.select(sa.func.max(_C.id)).group_by(_C.charge_point)
    return {row.charge_point: _read(row) for row in tx.execute(sa.select(table).where(_C.id.in_(last)))}


def sent_to(tx: Tx, charge_point: str, first: datetime, last: datetime) -> list[Dispatch]:
    """Return the commands that were sent to a charge point in [first, last), oldest first."""
    mine = sa.and_(_C.charge_point == charge_point, _C.sent_at >= first, _C.sent_at < last)
    return [_read(row) for row in tx.execute(sa.select(table).where(mine).order_by(_C.id))]


def delete_before(tx: Tx, instant: datetime) -> int:
    """Delete commands that were queued before an instant and are not in force; return how many."""
    over = _C.state.in_([DispatchState.REJECTED.value, DispatchState.SUPERSEDED.value])
    return tx.execute(table.delete().where(_C.at < instant, over)).rowcount
