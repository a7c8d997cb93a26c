"""Binds an action that waits for a second person to the state in which it was asked for.

What is approved is then what was seen: where something has changed meanwhile, the action is refused. Each function
returns the fields with what they were bound to, and in words what the action would do; empty: the fields say it.
"""

from agr.connectors.tables.one_row import cells_of
from agr.operations.auction_results import seen_of
from agr.operations.register_check import in_words
from agr.operations.register_concerns import name_of
from agr.store import plans, positions
from agr.web import requests as a
from agr.web.context import WebContext


def reserve(do: WebContext, given: a.ReservationGiven) -> tuple[a.ReservationGiven, str]:
    """Bind a reservation to the newest statement and to its power, also where a share was given."""
    bound = dict(given)
    if given.keep_share is not None:
        power = do.manual_inputs.keep_share(given.contract, given.period, given.keep_share)
        bound |= {"keep_share": None, "power_w": list(power)}
    if given.seen is None:
        bound["seen"] = do.manual_inputs.newest(given.contract, given.period)
    return a.ReservationGiven.model_validate(bound), ""


def award(do: WebContext, given: a.AwardGiven) -> tuple[a.AwardGiven, str]:
    """Bind an award to the position that it changes."""
    if given.seen is not None:
        return given, ""
    with do.store.transaction() as tx:
        seen = seen_of(positions.one_on(tx, given.period, given.market))
    return given.model_copy(update={"seen": seen}), ""


def approve_bid(do: WebContext, given: a.BidApproved) -> tuple[a.BidApproved, str]:
    """Bind a bid to the plan in force."""
    if given.plan is not None:
        return given, ""
    with do.store.transaction() as tx:
        found = plans.in_force(tx, given.period)
    return given.model_copy(update={"plan": found.id if found else None}), ""


def enter_row(do: WebContext, given: a.RowGiven) -> tuple[a.RowGiven, str]:
    """Bind a change of a row to the row, and say what it changes."""
    checked = do.register_edits.check_to_wait(given.table, given.key, given.cells, seen=given.seen)
    changes = checked.changes
    if checked.entered.row is None:  # perhaps what it refers to waits, too
        faults = "; ".join(in_words(fault) for fault in checked.entered.faults)
        said = "; ".join(f"{name} {text}" for name, text in given.cells.items() if text)
        words = f"{said} (as things are, this is refused: {faults})"
    elif checked.old is None:
        words = "; ".join(f"{name} {after}" for name, (_, after) in changes.items())
    else:
        words = "; ".join(f"{name}: {b or 'empty'} → {a_ or 'empty'}" for name, (b, a_) in changes.items())
    if checked.old is None:
        return given, f"add row to {given.table}: {words}"
    bound = given if given.seen is not None else given.model_copy(update={"seen": checked.old.seen})
    return bound, f"edit row of {given.table} {name_of(given.table, checked.old.row)}: {words or 'nothing'}"


def remove_row(do: WebContext, given: a.RowNamed) -> tuple[a.RowNamed, str]:
    """Bind the removal of a row to the row, and say what it holds."""
    found = do.register_edits.row(given.table, given.key, seen=given.seen)
    held = "; ".join(f"{name} {text}" for name, text in cells_of(given.table, found.row).items() if text)
    bound = given if given.seen is not None else given.model_copy(update={"seen": found.seen})
    return bound, f"remove row from {given.table} {name_of(given.table, found.row)}: {held}"
