"""What an answer means for a command and for those before it. Each function is part of its caller's transaction."""

from dataclasses import dataclass
from datetime import datetime

from agr.dispatch.exposure import MAXIMUM_SLOT
from agr.dispatch.leaving import is_of
from agr.dispatch.orders import held
from agr.dispatch.verifying import Agreement, Compared, compared
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, Dispatch, DispatchState, Profile, Purpose, Receipt
from agr.store import dispatches
from agr.store.engine import Tx


def settle(tx: Tx, row: Dispatch, receipt: Receipt, now: datetime) -> bool:
    """Record a receipt; False where it changes nothing: it came twice, or the command does not count any more."""
    if receipt.state is DispatchState.SENT:
        return False
    if not dispatches.answered(tx, row.id, receipt.state, receipt.words, now):
        return False
    if receipt.state is DispatchState.ACCEPTED:
        _accepted(tx, row)
    return True


def _accepted(tx: Tx, row: Dispatch) -> None:
    if row.purpose is Purpose.FOREIGN:
        return
    there = (row.station, row.evse)
    before = [
        one
        for one in dispatches.of_point(tx, row.charge_point)
        if one.slot == row.slot and one.id < row.id and (one.station, one.evse or row.evse) == there
    ]
    words = f"cleared by {row.id}" if row.action is Action.CLEAR else f"replaced by {row.id}"
    dispatches.supersede(tx, [one.id for one in before], words)


@dataclass(frozen=True, kw_only=True)
class Settling:
    """What came of a comparison with what a station says."""

    compared: Compared
    accepted: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()


def settle_verified(
    tx: Tx, point: ChargePoint, rows: tuple[Dispatch, ...], said: Profile, now: datetime, *, again: bool
) -> Settling:
    """Decide, by what a station itself says, which commands whose answer never came are in force.

    A command that gives the same limits in the next hour whether it is in force or not is taken as not in force: it is
    sent again, which does no harm. `again`: the station was found above its limits before; then what was accepted is
    taken as not in force, too.
    """
    rows = tuple(row for row in rows if is_of(row, point))
    doubtful = [row for row in rows if row.state is DispatchState.UNKNOWN]
    accepted, rejected = [], []
    for row in doubtful:
        others = [one for one in rows if one.id != row.id]
        if row.action is Action.CLEAR:
            with_it, without = [one for one in held(others) if one.slot != row.slot], held(others)
        else:
            with_it = [one for one in held(rows) if one.slot != row.slot or one.profile == row.profile]
            without = held(others)
        there = compared(point, said, with_it).finding is Agreement.AGREES
        if there and compared(point, said, without).finding is not Agreement.AGREES:
            accepted.append(row.id)
            settle(tx, row, Receipt(command=row.id, state=DispatchState.ACCEPTED, words="found in force"), now)
        else:
            rejected.append(row.id)
            settle(tx, row, Receipt(command=row.id, state=DispatchState.REJECTED, words="not found in force"), now)
    left = tuple(row for row in dispatches.of_point(tx, point.charge_point) if is_of(row, point))
    found = compared(point, said, held(left))
    if found.finding is Agreement.ABOVE and again:
        accepted_ones = [row for row in left if row.action is Action.SET and row.state is DispatchState.ACCEPTED]
        gone = [row.id for row in accepted_ones if row.slot != MAXIMUM_SLOT]
        dispatches.supersede(tx, gone, "found not in force")
        rejected += gone
    return Settling(compared=found, accepted=tuple(accepted), rejected=tuple(rejected))
