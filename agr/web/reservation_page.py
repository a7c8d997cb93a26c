"""A contract's reservation in a Period: shows it, and lets operators enter another one, with a check before."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.isp import Period
from agr.domain.register import Contract
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import said_why
from agr.operations.reservation_form import Range, ranges_of, read_pasted, read_ranges, stretches
from agr.operations.sight import Sight
from agr.store import day, register
from agr.store.engine import Tx
from agr.web.action_routes import done_page, fields_of, perform
from agr.web.http_status import status_of
from agr.web.layout import chart, render, starts_of
from agr.web.requests import ReservationGiven
from agr.web.security import context_of, form_for, narrowed, page_for, sight_of

router = APIRouter(prefix="/reservations", include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Actor = Annotated[Principal, Depends(form_for(Permission.ACT))]
Cells = Annotated[list[str], Form(max_length=300)]
Text = Annotated[str, Form(max_length=2000)]
_SPARE = 2


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """A contract's current reservation in a Period."""

    contract: Contract
    of: Period
    contracted_w: tuple[int, ...]
    now_w: tuple[int, ...]
    seen: str
    history: list[day.ReservedStatement]


def _standing(request: Request, principal: Principal, day_: str, contract_id: str) -> _Standing:
    context = context_of(request)
    of = context.period(day_)
    sight = sight_of(request, principal, of)
    with context.store.transaction() as tx:
        contract = _contract(tx, contract_id, sight)
        history = [h for h in day.reservation_history(tx, of.day) if h.contract == contract_id]
    contracted_w = contract.contracted_w(of)
    newest = history[0] if history else None
    return _Standing(
        contract=contract, of=of, contracted_w=contracted_w, now_w=newest.power_w if newest else contracted_w,
        seen=newest.message_id if newest else "", history=history,
    )  # fmt: skip


def _contract(tx: Tx, contract_id: str, sight: Sight) -> Contract:
    found = register.contract(tx, contract_id)
    if found is None or not sight.row("contracts", found):
        raise MissingError(f"there is no contract {contract_id!r}; import it with `agr import`")
    return found


def _show(
    request: Request, principal: Principal, s: _Standing, *, ranges: list[Range], pasted: str = "", fault: str = "",
    entered_w: tuple[int, ...] | None = None, why: str = "", status: int = 200,
) -> HTMLResponse:  # fmt: skip
    """Return the page; with `entered_w`, the entered reservation is shown beside the current one, to be confirmed."""
    series: list[dict[str, Any]] = [
        {"label": "contracted", "kind": "limit", "values": _kw(s.contracted_w)},
        {"label": "reserved now", "kind": "sent", "values": _kw(s.now_w)},
        {"label": "entered", "kind": "plan", "values": None if entered_w is None else _kw(entered_w)},
    ]
    data = chart(
        starts=starts_of(s.of), zone=s.of.zone_name, now=context_of(request).clock.now().timestamp(), unit="kW",
        series=series, band=None,
    )  # fmt: skip
    window = [isp for isp, power in enumerate(s.contracted_w, start=1) if power]
    return render(
        request, principal, "reserve.html", status=status, of=s.of, contract=s.contract, history=s.history, data=data,
        rows=stretches(s.of, s.contracted_w, s.now_w, s.now_w if entered_w is None else entered_w),
        window=[(isp, s.of.label(isp), s.of.label(isp + 1)) for isp in window], entered_w=entered_w,
        ranges=[*ranges, *[Range()] * _SPARE], pasted=pasted, fault=fault, why=why, seen=s.seen,
    )  # fmt: skip


def _kw(power_w: tuple[int, ...]) -> list[float]:
    return [w / 1000 for w in power_w]


@router.get("/{day_}/{contract:path}")
@narrowed
def reservation(request: Request, principal: Viewer, day_: str, contract: str) -> HTMLResponse:
    """The contracted power and the reservation, ISP by ISP."""
    standing = _standing(request, principal, day_, contract)
    return _show(request, principal, standing, ranges=ranges_of(standing.now_w))


@router.post("/{day_}/{contract:path}")
@narrowed
def enter(
    request: Request, principal: Actor, day_: str, contract: str, first: Cells = [], last: Cells = [],  # noqa: B006
    power: Cells = [], pasted: Annotated[str, Form(max_length=40_000)] = "", share: Text = "", step: Text = "look",  # noqa: B006
    entered: Annotated[str, Form(max_length=20_000)] = "", seen: Text = "", why: Text = "",
) -> Response:  # fmt: skip
    """Fill in a share of the contract, add ranges, check the values, or enter them, depending on `step`."""
    s, entries = _standing(request, principal, day_, contract), context_of(request).manual_inputs
    ranges = [Range(first=f, last=t, power_w=p) for f, t, p in zip(first, last, power, strict=False) if p.strip()]
    entered_w: tuple[int, ...] | None = None
    try:
        if step == "fill":
            kept_w = entries.keep_share(contract, s.of.day, _share(share))
            return _show(request, principal, s, ranges=ranges_of(kept_w))
        if step == "more":
            return _show(request, principal, s, ranges=[*ranges, *[Range()] * _SPARE], pasted=pasted)
        if step == "enter":
            entered_w = _values(entered)
            ranges = ranges_of(entered_w)
            given = fields_of(
                ReservationGiven,
                contract=contract,
                period=s.of.day,
                power_w=list(entered_w),
                why=said_why(why),
                seen=seen,
            )
            done = perform(context_of(request), principal, "reserve", given)
            return done_page(request, done, f"/reservations/{s.of}/{quote(contract)}")
        given_w = read_pasted(pasted, s.of) if pasted.strip() else read_ranges(ranges, s.of)
        entries.check_reservation(s.contract, s.of, given_w)
    except (InputError, ConflictError) as error:
        return _show(
            request, principal, s, ranges=ranges, pasted=pasted, fault=str(error), why=why, entered_w=entered_w,
            status=status_of(error),
        )  # fmt: skip
    return _show(request, principal, s, ranges=ranges_of(given_w), entered_w=given_w)


def _values(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(w) for w in text.split())
    except ValueError as error:
        raise InputError("the values to enter were changed in transit; enter the ranges again") from error


def _share(text: str) -> float:
    try:
        return float(text.replace(",", ".").strip().removesuffix("%")) / 100
    except ValueError as error:
        raise InputError(f"{text!r} is not a share; write a percentage between 0 and 100") from error
