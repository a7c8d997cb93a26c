"""The operators' actions, each defined once: served as JSON below /api/v1, and as a form of the page below /do.

An action is a function (context, principal, fields, path parameters) → Done. Its signature names its fields (a model of
`agr.web.schemas`), and its docstring describes it in the OpenAPI document.
"""

from pydantic import BaseModel

from agr.domain.award import Trade
from agr.domain.errors import ConflictError, MissingError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.store import approvals
from agr.store.approvals import Approval
from agr.web import pins
from agr.web import requests as a
from agr.web.action_routes import (
    ACTIONS,
    UNREADABLE,
    NamedAction,
    Number,
    action,
    api_router,
    asked_for,
    form_router,
)
from agr.web.context import WebContext

__all__ = ["api_router", "form_router"]


def _of_plan(done: Done) -> str:
    return f"/runs/{done.plan}"


@action(
    "/plans",
    Permission.PREVIEW,
    stricter=lambda given: None if given.preview else Permission.ACT,
    then=lambda done: f"/asked/{done.trigger}",
)
def replan(do: WebContext, by: Principal, given: a.PlanWanted) -> Done:
    """Plan a Period again; the answer names the trigger to query. Without preview, this needs the scope act."""
    return do.actions.replan(by, given.period, given.why, points=tuple(given.points), preview=given.preview)


@action("/plans/{plan}/send", Permission.ACT, then=_of_plan)
def send(do: WebContext, by: Principal, given: a.Because, plan: Number) -> Done:
    """Send a preview."""
    return do.actions.send(by, plan, given.why)


@action("/plans/{plan}/discard", Permission.PREVIEW, then=_of_plan)
def discard(do: WebContext, by: Principal, given: a.Because, plan: Number) -> Done:
    """Discard a preview."""
    return do.actions.discard(by, plan, given.why)


@action("/hold", Permission.ACT)
def hold(do: WebContext, by: Principal, given: a.Because) -> Done:
    """Stop sending D-Prognoses automatically."""
    return do.actions.hold(by, given.why)


@action("/release", Permission.ACT)
def release(do: WebContext, by: Principal, given: a.Because) -> Done:
    """Send D-Prognoses automatically again."""
    return do.actions.release(by, given.why)


@action("/send-waiting", Permission.ACT)
def send_waiting(do: WebContext, by: Principal, given: a.PeriodAct) -> Done:
    """Send the waiting D-Prognoses once, although sending is on hold or needs approval."""
    return do.actions.send_waiting(by, given.period, given.why)


@action("/reservations", Permission.ACT, pin=pins.reserve, then=lambda _: "/reservations")
def reserve(do: WebContext, by: Principal, given: a.ReservationGiven) -> Done:
    """Enter the power that a DSO still reserves; the daemon plans again."""
    power_w = tuple(given.power_w or ())
    if given.keep_share is not None:
        power_w = do.manual_inputs.keep_share(given.contract, given.period, given.keep_share)
    return do.manual_inputs.reserve(by, given.contract, given.period, power_w, given.why, seen=given.seen)


@action("/awards", Permission.ACT, pin=pins.award, then=lambda _: "/markets")
def award(do: WebContext, by: Principal, given: a.AwardGiven) -> Done:
    """Enter what an auction awarded; the position is that, and the daemon plans again."""
    return do.auction_results.enter(
        by, given.market, given.period, given.mw, given.why, beyond_bid=given.beyond_bid,
        price_eur_per_mwh=given.price_eur_per_mwh, seen=given.seen,
    )  # fmt: skip


@action("/nominations/{message_id}/answer", Permission.ANSWER, then=lambda _: "/brps")
def answer_nomination(do: WebContext, by: Principal, given: a.NominationAnswer, message_id: str) -> Done:
    """Accept or reject a revision of an e-program, as its balance responsible party does."""
    return do.nomination_answers.answer(by, message_id, given.answer, given.why)


@action("/trades", Permission.ACT, then=lambda _: "/markets")
def trade(do: WebContext, by: Principal, given: a.TradeGiven) -> Done:
    """Enter an intraday trade; the position changes, and the daemon plans again."""
    one = Trade(
        trade=given.trade, start=given.start, minutes=given.minutes, mw=given.mw,
        price_eur_per_mwh=given.price_eur_per_mwh, brp=given.brp,
    )  # fmt: skip
    return do.intraday_trades.enter(by, [one], given.why)


@action("/trades/{trade:path}/cancel", Permission.ACT, then=lambda _: "/markets")
def cancel_trade(do: WebContext, by: Principal, given: a.Because, trade: str) -> Done:
    """Cancel an intraday trade; the daemon plans again."""
    return do.intraday_trades.cancel(by, trade, given.why)


@action("/offers", Permission.ACT, then=lambda _: "/trading")
def propose_offer(do: WebContext, by: Principal, given: a.OfferProposed) -> Done:
    """Let an offer of flexibility be priced that a DSO has not asked for."""
    power_w = round(1000 * given.power_kw)
    return do.offers.propose(by, given.congestion_point, given.period, given.first, given.count, power_w, given.why)


@action("/offers/{message_id}/send", Permission.ACT, then=lambda _: "/trading")
def send_offer(do: WebContext, by: Principal, given: a.Because, message_id: str) -> Done:
    """Send an offer of flexibility that waits for an operator."""
    return do.offers.send(by, message_id, given.why)


@action("/offers/{message_id}/discard", Permission.ACT, then=lambda _: "/trading")
def discard_offer(do: WebContext, by: Principal, given: a.Because, message_id: str) -> Done:
    """Discard an offer of flexibility that has not left."""
    return do.offers.discard(by, message_id, given.why)


@action("/offers/{message_id}/revoke", Permission.ACT, then=lambda _: "/trading")
def revoke_offer(do: WebContext, by: Principal, given: a.Because, message_id: str) -> Done:
    """Revoke an open offer of flexibility."""
    return do.offers.revoke(by, message_id, given.why)


@action("/bids", Permission.ACT, pin=pins.approve_bid, then=lambda _: "/markets")
def approve_bid(do: WebContext, by: Principal, given: a.BidApproved) -> Done:
    """Send the bid of the plan in force on a market, as the next revision if one was sent before."""
    return do.bid_approval.approve(by, given.period, given.why, plan=given.plan, market=given.market)


@action("/unavailable", Permission.ACT, then=lambda _: "/reservations")
def make_unavailable(do: WebContext, by: Principal, given: a.UnavailableGiven) -> Done:
    """Mark a resource or connection as unavailable; the daemon plans without it."""
    return do.manual_inputs.make_unavailable(by, given.name, given.first_day, given.last_day, given.why)


@action("/unavailable/{entry}/end", Permission.ACT, then=lambda _: "/reservations")
def make_available(do: WebContext, by: Principal, given: a.Because, entry: Number) -> Done:
    """Mark a resource or connection as available again; the daemon plans with it."""
    return do.manual_inputs.make_available(by, entry, given.why)


@action("/messages/{message_id}/resend", Permission.ACT, then=lambda _: "/outbox")
def resend(do: WebContext, by: Principal, given: a.Because, message_id: str) -> Done:
    """Send a queued or failed message now."""
    return do.actions.resend(by, message_id, given.why)


@action("/messages/{message_id}/cancel", Permission.ACT, then=lambda _: "/outbox")
def cancel(do: WebContext, by: Principal, given: a.Because, message_id: str) -> Done:
    """Cancel a queued message."""
    return do.actions.cancel(by, message_id, given.why)


@action("/alarms/{alarm}/acknowledge", Permission.ACT, then=lambda _: "/alarms")
def acknowledge(do: WebContext, by: Principal, given: a.Acknowledged, alarm: Number) -> Done:
    """Acknowledge an alarm."""
    return do.actions.acknowledge(by, alarm, given.why)


@action("/participants/bar", Permission.ACT, then=lambda _: "/outbox")
def bar(do: WebContext, by: Principal, given: a.Barred) -> Done:
    """Bar a participant, or admit it again."""
    return do.actions.bar(by, given.domain, given.role, given.barred, given.why)


@action("/register/enter", Permission.REGISTER, pin=pins.enter_row, form=False)
def enter_row(do: WebContext, by: Principal, given: a.RowGiven) -> Done:
    """Add a row to the register, or change one, by the rules of `agr import`."""
    return do.register_edits.enter(by, given.table, given.key, given.cells, given.why, seen=given.seen)


@action("/register/remove", Permission.REGISTER, pin=pins.remove_row, form=False)
def remove_row(do: WebContext, by: Principal, given: a.RowNamed) -> Done:
    """Remove a row from the register."""
    return do.register_edits.remove(by, given.table, given.key, given.why, seen=given.seen)


def _decided(do: WebContext, number: int) -> tuple[Approval, tuple[NamedAction, BaseModel] | None]:
    """Return an approval with its action and fields, None where they cannot be read. Raises MissingError."""
    with do.store.transaction() as tx:
        found = approvals.get(tx, number)
    if found is None:
        raise MissingError(f"there is no approval {number}")
    return found, asked_for(found)


@action("/approvals/{approval}/approve", Permission.READ, then=lambda _: "/approvals")
def approve(do: WebContext, by: Principal, given: a.Because, approval: Number) -> Done:
    """Approve an action that somebody else asked for: it is done now, in the name of who asked."""
    _, readable = _decided(do, approval)
    if readable is None:
        raise ConflictError(f"what waits as approval {approval} {UNREADABLE}")
    wanted, fields = readable
    return do.approvals.approve(
        by, approval, given.why, wanted.needed(fields), lambda asker, one: wanted.do(do, asker, fields, **one.names)
    )


@action("/approvals/{approval}/refuse", Permission.READ, then=lambda _: "/approvals")
def refuse(do: WebContext, by: Principal, given: a.Because, approval: Number) -> Done:
    """Refuse an action that waits for approval, or withdraw one's own."""
    found, readable = _decided(do, approval)
    if readable is None:  # refusing it does nothing but clear it away
        needed = ACTIONS[found.action].permission if found.action in ACTIONS else Permission.ACT
    else:
        needed = readable[0].needed(readable[1])
    return do.approvals.refuse(by, approval, given.why, needed)
