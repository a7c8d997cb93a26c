"""The JSON API about past days: what they earned, as JSON, CSV, Parquet, and as a page to be mailed."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from agr.domain.errors import InputError
from agr.history import files
from agr.history.reading import History, range_of, read_history
from agr.history.tables import OF_PARTIES, Cell, parse_by
from agr.operations.accounts.roles import Permission, Principal
from agr.web.context import WebContext
from agr.web.security import api_for, context_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]
First = Annotated[date | None, Query(alias="from", description="First day; default: 29 days before the last.")]
Last = Annotated[date | None, Query(alias="to", description="Last day; default: today.")]
By = Annotated[
    str, Query(max_length=20, description="day, week, market, point, contract, connection, brp, dso or order.")
]
LONGEST_WITH_CONNECTIONS = timedelta(days=31)


class HistoryOut(BaseModel):
    """Past days. Money earned positive; null: not known. Planning prices, which nobody pays, are in no other column."""

    first: date
    last: date
    by: str
    currency: str
    columns: list[str]
    rows: list[dict[str, Cell]]


def history_of(context: WebContext, first: date | None, last: date | None, by: str) -> History:
    """Return the history that a request asks for. Raises InputError."""
    chosen = parse_by(by)
    begin, end = range_of(context.settings, first, last, context.clock)
    if chosen in OF_PARTIES and end - begin > LONGEST_WITH_CONNECTIONS:
        raise InputError(
            f"by {chosen}, at most {LONGEST_WITH_CONNECTIONS.days} days at a time: every day's programs are read; "
            "`agr history` takes more"
        )
    return read_history(context.store, context.settings, begin, end, connections=chosen in OF_PARTIES)


@router.get("/history")
def history(request: Request, _principal: Reader, first: First = None, last: Last = None, by: By = "day") -> HistoryOut:
    """What past days earned, by the plans in force, and which promises were kept."""
    context = context_of(request)
    table = history_of(context, first, last, by).rows(by)
    begin, end = range_of(context.settings, first, last, context.clock)
    return HistoryOut(
        first=begin, last=end, by=by, currency=context.settings.currency, columns=list(table.columns),
        rows=table.records(),
    )  # fmt: skip


@router.get("/history.csv", response_class=Response)
def history_csv(
    request: Request, _principal: Reader, first: First = None, last: Last = None, by: By = "day"
) -> Response:
    """The same as CSV."""
    found = history_of(context_of(request), first, last, by)
    return _file(files.csv_text(found.rows(by)).encode(), "text/csv", f"history-by-{by}.csv")


@router.get("/history.parquet", response_class=Response)
def history_parquet(
    request: Request, _principal: Reader, first: First = None, last: Last = None, by: By = "day"
) -> Response:
    """The same as Parquet."""
    found = history_of(context_of(request), first, last, by)
    content = files.parquet_bytes(found.rows(by))
    return _file(content, "application/vnd.apache.parquet", f"history-by-{by}.parquet")


@router.get("/history.html", response_class=Response)
def history_html(request: Request, _principal: Reader, first: First = None, last: Last = None) -> Response:
    """All tables but those by connection and BRP, with a picture, in one file that can be mailed."""
    found = history_of(context_of(request), first, last, "day")
    return _file(found.html().encode(), "text/html; charset=utf-8", "history.html")


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
