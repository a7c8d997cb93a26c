"""The page about past days: what they earned, and which promises were kept."""

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from agr.domain.errors import InputError
from agr.history.days import PastDay
from agr.history.reading import range_of
from agr.history.tables import BYS, MONEY
from agr.operations.accounts.roles import Permission, Principal
from agr.web.history_routes import history_of
from agr.web.layout import chart, render
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Given = Annotated[str, Query(max_length=20)]
_LEFT_OUT = {"day": ("broken",), "week": ("broken",)}


@router.get("/history")
def history(
    request: Request, principal: Viewer, first: Annotated[str, Query(alias="from", max_length=20)] = "",
    last: Annotated[str, Query(alias="to", max_length=20)] = "", by: Given = "day",
) -> HTMLResponse:  # fmt: skip
    """Past days, by day, week, market, congestion point, contract, connection, BRP, DSO or order."""
    context = context_of(request)
    begin, end = range_of(context.settings, _day(first), _day(last), context.clock)
    found = history_of(context, begin, end, by)
    table = found.rows(by)
    keep = [
        i for i, name in enumerate(table.columns) if name not in _LEFT_OUT.get(by, ()) and _told(table.rows, i, name)
    ]
    picture = chart(
        days=[str(day.period) for day in found.days], money=[round(_money(day), 2) for day in found.days],
        first=[round(day.first_plan_eur, 2) for day in found.days], unit=context.settings.currency,
    )  # fmt: skip
    return render(
        request, principal, "history.html", first=begin, last=end, by=by, bys=BYS, picture=picture,
        columns=[table.columns[i] for i in keep], rows=[[row[i] for i in keep] for row in table.rows],
        money=sum(_money(day) for day in found.days), planning=sum(day.eur("planning") for day in found.days),
        days=found.days, query=urlencode({"from": str(begin), "to": str(end)}),
    )  # fmt: skip


def _money(day: PastDay) -> float:
    return day.eur(*MONEY)


def _told(rows: tuple[tuple[object, ...], ...], place: int, name: str) -> bool:
    """Say whether a column is shown: that of money whose payer is not known, only where there is such money."""
    return name != "unknown_eur" or any(row[place] for row in rows)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(f"{text!r} is not a day; write a date such as 2026-03-29") from error
