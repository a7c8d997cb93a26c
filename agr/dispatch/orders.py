"""Decides what one charge point is sent next, given what it should follow and what is known of what it does. Pure.

Under OCPP 2.0.1 a plan has two slots that take turns: the free one is set, then the other one is cleared, so that no
moment is without a profile. Under 1.6 a profile replaces the one of its slot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agr.dispatch.exposure import FALLBACK_SLOT, MAXIMUM_SLOT, PossibleProfile
from agr.dispatch.profiles import constant, due_for_renewal, fallback_profile, first_difference
from agr.domain.charge_point import OCPP_16, TX_DEFAULT, ChargePoint
from agr.domain.dispatch import OPEN_STATES, Action, Dispatch, DispatchState, Profile, Purpose

PLAN_SLOTS = (1, 2)
LATE_S = 60
"""A change that starts in fewer seconds than this is late."""


@dataclass(frozen=True, kw_only=True)
class PointCommands:
    """What is known of a charge point."""

    point: ChargePoint
    rows: tuple[Dispatch, ...]  # commands that are or may be in force, or under way; oldest first
    wanted: Profile | None  # what it should follow; None: no session is planned
    unit: str  # of the limits that it takes
    transaction: str | None = None  # of the running session, where the carrier needs it
    stopped: bool = False  # an operator wants nothing to be drawn
    verifiable: bool = True  # the station can say what it follows
    maximum: Profile | None = None  # of the whole station, where this point is to send it
    clock_off: timedelta | None = None  # how far the station's clock is behind ours; then `wanted` is None


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to send."""

    action: Action
    purpose: Purpose
    slot: int
    profile: Profile | None
    reason: str
    transaction: str | None = None
    since: datetime | None = None  # from when on it differs from what was in force; None: it only tidies up


def set_rows(rows: Sequence[Dispatch], *states: DispatchState) -> list[Dispatch]:
    """Return the rows that set a profile, in some states."""
    return [row for row in rows if row.action is Action.SET and row.profile is not None and row.state in states]


def next_order(view: PointCommands, now: datetime) -> Order | None:
    """Return the next command; None: nothing is to be done, or an answer must come first."""
    if any(row.state in OPEN_STATES for row in view.rows):
        return None
    doubtful = [row for row in view.rows if row.state is DispatchState.UNKNOWN]
    if doubtful and view.verifiable:
        return None
    return _fallback(view, doubtful, now) or _plan(view, doubtful, now) or _maximum(view)


def _fallback(view: PointCommands, doubtful: Sequence[Dispatch], now: datetime) -> Order | None:
    theirs = _theirs(view, now)
    wanted = fallback_profile(view.point, view.unit, theirs)
    mine = [row for row in set_rows(view.rows, DispatchState.ACCEPTED) if row.slot == FALLBACK_SLOT]
    there = mine[-1].profile if mine else None
    again = any(row.slot == FALLBACK_SLOT for row in doubtful)
    again = again or (there is not None and there.start > theirs)  # by its clock it has not begun
    if there is not None and (there.unit, there.steps) == (wanted.unit, wanted.steps) and not again:
        return None
    words = "what a session without a plan may draw"
    return Order(
        action=Action.SET, purpose=Purpose.FALLBACK, slot=FALLBACK_SLOT, profile=wanted, reason=words, since=now
    )


def _theirs(view: PointCommands, now: datetime) -> datetime:
    """Return what the station's clock says."""
    return now if view.clock_off is None else now - view.clock_off


def _maximum(view: PointCommands) -> Order | None:
    """Return the order of a station's maximum, the last of all: it is a net below what plans say."""
    mine = [row for row in set_rows(view.rows, DispatchState.ACCEPTED) if row.slot == MAXIMUM_SLOT]
    there, wanted = mine[-1].profile if mine else None, view.maximum
    if wanted is None or (there is not None and (there.unit, there.steps) == (wanted.unit, wanted.steps)):
        return None
    words = "what the station may draw of its connection"
    return Order(action=Action.SET, purpose=Purpose.MAXIMUM, slot=MAXIMUM_SLOT, profile=wanted, reason=words)


def _plan(view: PointCommands, doubtful: Sequence[Dispatch], now: datetime) -> Order | None:
    wanted = constant(0, view.unit, _theirs(view, now)) if view.stopped else view.wanted
    purpose = Purpose.STOP if view.stopped else Purpose.PLAN
    there = [row for row in set_rows(view.rows, DispatchState.ACCEPTED) if row.slot in PLAN_SLOTS]
    unsure = [row for row in doubtful if row.slot in PLAN_SLOTS]
    if len(there) > 1:
        return _clear(there[0].slot, "a newer profile has taken its place")
    if unsure:
        row = unsure[-1]
        if row.action is Action.CLEAR or wanted is None:
            return _clear(row.slot, "whether it was cleared is not known")
        return _set(wanted, purpose, row.slot, view, now, "whether the last one is in force is not known")
    current = there[0] if there else None
    if current is None or current.profile is None:
        return None if wanted is None else _first(wanted, purpose, view, now)
    if wanted is None:
        words = "no session is planned any more" if view.clock_off is None else "the clock of its station is off"
        return _clear(current.slot, words, since=now)
    if view.stopped and current.purpose is Purpose.STOP:
        return None
    slot = current.slot if view.point.protocol == OCPP_16 else _other(current.slot)
    if current.purpose is not purpose:
        return _set(wanted, purpose, slot, view, now, "stopped" if view.stopped else "the stop was taken back")
    if current.transaction != view.transaction and view.transaction is not None:
        return _set(wanted, purpose, slot, view, now, "a session has begun")
    if current.transaction is not None and view.point.carrier == TX_DEFAULT:
        return _set(wanted, purpose, slot, view, now, "the profile of the transaction is not followed")
    since = first_difference(current.profile, wanted, now)
    if since is not None:
        return _set(wanted, purpose, slot, view, since, "the plan has changed")
    ended = current.profile.end is not None and current.profile.end <= now
    if ended or due_for_renewal(current.profile, wanted, now):
        return _set(wanted, purpose, slot, view, current.profile.end or now, "the last one ends")
    return None


def _first(wanted: Profile, purpose: Purpose, view: PointCommands, now: datetime) -> Order:
    """Return the order of a first plan; it changes something only where it is no longer like the fallback."""
    limit = fallback_profile(view.point, view.unit, now).steps[0].limit
    other = [wanted.start + timedelta(seconds=step.after_s) for step in wanted.steps if step.limit != limit]
    since = max(other[0], now) if other and not view.stopped else now
    return _set(wanted, purpose, PLAN_SLOTS[0], view, since, "a session is planned")


def _other(slot: int) -> int:
    return PLAN_SLOTS[1] if slot == PLAN_SLOTS[0] else PLAN_SLOTS[0]


def _set(wanted: Profile, purpose: Purpose, slot: int, view: PointCommands, since: datetime, words: str) -> Order:
    return Order(
        action=Action.SET, purpose=purpose, slot=slot, profile=wanted, reason=words, since=since,
        transaction=view.transaction,
    )  # fmt: skip


def _clear(slot: int, words: str, since: datetime | None = None) -> Order:
    return Order(action=Action.CLEAR, purpose=Purpose.PLAN, slot=slot, profile=None, reason=words, since=since)


def is_late(order: Order, now: datetime) -> bool:
    """Say whether a change leaves too late to be sure to count from its ISP on."""
    return order.since is not None and order.since - now < timedelta(seconds=LATE_S)


def held(rows: Sequence[Dispatch]) -> list[PossibleProfile]:
    """Return the profiles of a point that are or may be in force."""
    rows = [row for row in rows if row.slot != MAXIMUM_SLOT]
    there = set_rows(rows, DispatchState.ACCEPTED, DispatchState.UNKNOWN, DispatchState.SENT)
    moving = {row.slot for row in rows if row.state in (DispatchState.UNKNOWN, DispatchState.SENT)}
    return [
        PossibleProfile(
            slot=row.slot, profile=row.profile,
            sure=row.state is DispatchState.ACCEPTED and row.slot not in moving,
        )
        for row in there
        if row.profile is not None
    ]  # fmt: skip


def held_after(rows: Sequence[Dispatch], order: Order) -> list[PossibleProfile]:
    """Return the profiles that are in force once an order is carried out, and what it replaces is cleared."""
    if order.slot == MAXIMUM_SLOT:
        return held(rows)
    kept = [one for one in held(rows) if one.slot != order.slot]
    if order.action is Action.CLEAR or order.profile is None:
        return held(rows) if order.slot == FALLBACK_SLOT else kept
    if order.slot in PLAN_SLOTS:
        kept = [one for one in kept if one.slot not in PLAN_SLOTS]
    return [*kept, PossibleProfile(slot=order.slot, profile=order.profile, sure=True)]
