"""Forms that add, change and remove rows of the register; what was entered is shown beside what is there first."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.one_row import cells_of
from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.register import KEYS
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import said_why
from agr.operations.register_check import Checked, in_words, table_named
from agr.operations.register_concerns import name_of
from agr.store import register_rows
from agr.store.register_rows import Stored
from agr.web.action_routes import done_page, fields_of, perform
from agr.web.http_status import status_of
from agr.web.layout import render
from agr.web.register_pages import WORDS, numbers_of, shown
from agr.web.requests import RowGiven, RowNamed
from agr.web.security import context_of, form_for, narrowed, page_for, sight_of

router = APIRouter(prefix="/register", include_in_schema=False)
Editor = Annotated[Principal, Depends(page_for(Permission.REGISTER))]
Sender = Annotated[Principal, Depends(form_for(Permission.REGISTER))]
Key = Annotated[str | None, Query(min_length=1, max_length=600)]
Text = Annotated[str, Form(max_length=2000)]

_CELL = "cell "
"""Prefix of the names of form fields that hold cells."""


async def _sent_cells(request: Request) -> dict[str, str]:
    form = await request.form()
    return {
        name.removeprefix(_CELL): value for name, value in form.items()
        if name.startswith(_CELL) and isinstance(value, str)
    }  # fmt: skip


Cells = Annotated[dict[str, str], Depends(_sent_cells)]


def address_of(table: str, key: str) -> str:
    """Return the page of a row."""
    return f"/register/{table}/row?{urlencode({'key': key})}"


def _after(table: str, cells: Mapping[str, str]) -> str:
    """Return the page after a row was entered: the row's, where its name finds it, else its table's."""
    return address_of(table, cells[KEYS[table]].strip()) if table in KEYS else f"/register/{table}"


def _show(
    request: Request, principal: Principal, table: str, key: str | None, cells: Mapping[str, str], *,
    checked: Checked | None = None, seen: str = "", faults: tuple[str, ...] = (), why: str = "", status: int = 200,
) -> HTMLResponse:  # fmt: skip
    """Return the form; with `checked`, what was entered stands beside what is there, to be confirmed."""
    fixed = KEYS.get(table) if key is not None else None
    changes = checked.changes if checked else {}
    before, after = (shown(table, {name: pair[side] for name, pair in changes.items()}) for side in (0, 1))
    return render(
        request, principal, "register_edit.html", status=status, table=table, key=key, words=WORDS, cells=cells,
        columns=columns_of(table), numbers=numbers_of(table), fixed=fixed, checked=checked, seen=seen, faults=faults,
        why=why, before=before, after=after, in_words=in_words,
        to=address_of(table, key) if key else f"/register/{table}",
        name=name_of(table, checked.old.row) if checked and checked.old else key,
    )  # fmt: skip


def _row(request: Request, principal: Principal, table: str, key: str) -> Stored:
    """Return a row that the caller sees. Raises MissingError."""
    found = context_of(request).register_edits.row(table, key)
    if not sight_of(request, principal).row(table, found.row):
        raise MissingError(f"there is no row {key!r} in {table}; it may have been removed")
    return found


def _nothing_hidden(request: Request, principal: Principal, table: str, key: str | None) -> None:
    """Raise MissingError for a row that is there and that the caller does not see: the form shows what it says."""
    with context_of(request).store.transaction() as tx:
        there = None if key is None else register_rows.get(tx, table_named(table), key)
    if there is not None:
        _row(request, principal, table, there.key)


@router.get("/{table}/new")
@narrowed
def new(request: Request, principal: Editor, table: str, like: Key = None, connection: str = "") -> HTMLResponse:
    """An empty form, or one filled in like another row."""
    cells: dict[str, str] = {}
    if like is not None:
        cells = shown(table, cells_of(table, _row(request, principal, table, like).row))
        cells.pop(KEYS.get(table, ""), None)
    elif connection:
        cells = {"connection": connection}
    return _show(request, principal, table_named(table), None, cells)


@router.get("/{table}/edit")
@narrowed
def edit(request: Request, principal: Editor, table: str, key: Key = None) -> HTMLResponse:
    """The form of a row."""
    found = _row(request, principal, table, key or "")
    return _show(request, principal, table, found.key, shown(table, cells_of(table, found.row)), seen=found.seen)


@router.post("/{table}/new")
@router.post("/{table}/edit")
@narrowed
def enter(
    request: Request, principal: Sender, table: str, cells: Cells, key: Key = None, step: Text = "look",
    seen: Text = "", why: Text = "",
) -> Response:  # fmt: skip
    """Check what was entered, or enter it, depending on `step`."""
    edits = context_of(request).register_edits
    _nothing_hidden(request, principal, table, key)
    try:
        if step == "enter":
            given = fields_of(RowGiven, table=table, key=key, cells=cells, why=said_why(why), seen=seen or None)
            done = perform(context_of(request), principal, "enter_row", given)
            return done_page(request, done, _after(table, cells))
    except (InputError, ConflictError) as error:
        return _refused(request, principal, table, key, cells, error, why)
    checked = edits.check(table, key, cells)
    faults, status = tuple(in_words(fault) for fault in checked.entered.faults), 422
    readable, now = not faults, checked.old.seen if checked.old else ""
    if readable and not checked.changes:
        faults, readable = ("nothing differs from what is in the register",), False
    elif readable and seen not in ("", now):
        faults, status = ("the row has changed meanwhile; look at both values, then decide",), 409
    return _show(
        request, principal, table, key, cells, checked=checked if readable else None, seen=now, faults=faults,
        status=status if faults else 200,
    )  # fmt: skip


def _refused(
    request: Request, principal: Principal, table: str, key: str | None, cells: Mapping[str, str],
    error: InputError | ConflictError, why: str,
) -> HTMLResponse:  # fmt: skip
    """Show why nothing was entered, with what is in the register now beside what was entered."""
    edits = context_of(request).register_edits
    with context_of(request).store.transaction() as tx:
        there = None if key is None else register_rows.get(tx, table_named(table), key)
    faults, status = tuple(str(error).splitlines()), status_of(error)
    if key is not None and there is None:  # removed meanwhile: what was entered can be added again
        return _show(request, principal, table, None, cells, faults=faults, why=why, status=status)
    checked = edits.check(table, key, cells)
    readable = not checked.entered.faults
    return _show(
        request, principal, table, key, cells, checked=checked if readable else None, seen=there.seen if there else "",
        faults=faults, why=why, status=status,
    )  # fmt: skip


@router.post("/{table}/remove")
@narrowed
def remove(
    request: Request,
    principal: Sender,
    table: str,
    key: Annotated[str, Query(min_length=1, max_length=600)],
    seen: Text = "",
    why: Text = "",
) -> Response:
    """Remove a row."""
    given = fields_of(RowNamed, table=table, key=key, why=said_why(why), seen=seen or None)
    done = perform(context_of(request), principal, "remove_row", given)
    return done_page(request, done, f"/register/{table}")
