"""The pages of the register: its tables, searched and in pages, and one row with what is planned for it and why."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.one_row import cells_of
from agr.connectors.tables.writing import csv_lines
from agr.domain.errors import MissingError
from agr.domain.isp import Period
from agr.domain.kinds import BY_TABLE
from agr.domain.register import KEYS
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.planned import Planned, planned
from agr.operations.register_check import table_named
from agr.operations.register_concerns import name_of
from agr.operations.sight import Sight, page_of
from agr.operations.tables import zipped
from agr.planning.explanation import circumstances
from agr.store import audit_log, overrides, register, register_rows
from agr.store.register_rows import Stored
from agr.web.context import WebContext
from agr.web.layout import chart, render, starts_of
from agr.web.security import context_of, narrowed, page_for, sight_of

router = APIRouter(prefix="/register", include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Key = Annotated[str, Query(min_length=1, max_length=600)]

ROWS = 50
WORDS = {table: table.replace("_", " ").replace("ev ", "EV ") for table in register_rows.TABLES}
"""Table → its name on the page."""
_SHOWN_BEHIND = 200
_SHOWN_CHANGES = 10


@router.get("")
def first_table() -> Response:
    """Open the first table."""
    return RedirectResponse("/register/connections", status_code=303)


@router.get("/tables.zip")
@narrowed
def all_tables(request: Request, principal: Viewer) -> Response:
    """Every table as CSV, in one archive."""
    headers = {"Content-Disposition": 'attachment; filename="register.zip"'}
    return Response(
        zipped(context_of(request).store, sight_of(request, principal).row),
        media_type="application/zip",
        headers=headers,
    )


@router.get("/{table}.csv")
@narrowed
def table_csv(request: Request, principal: Viewer, table: str) -> Response:
    """A table as CSV, as `agr import` reads it."""
    with context_of(request).store.transaction() as tx:
        found = register_rows.raw(tx, [table_named(table)])
    sight = sight_of(request, principal)
    rows = [row for row in register_rows.parsed(found, [table])[table] if sight.row(table, row)]
    headers = {"Content-Disposition": f'attachment; filename="{table}.csv"'}
    return StreamingResponse(csv_lines(table, rows), media_type="text/csv", headers=headers)


@router.get("/{table}")
@narrowed
def table_(
    request: Request, principal: Viewer, table: str, q: Annotated[str, Query(max_length=255)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """A table of the register."""
    sight = sight_of(request, principal)
    with context_of(request).store.transaction() as tx:
        counts = register_rows.counts(tx) if sight.everything else {}
        found = page_of(tx, sight, table_named(table), q, ROWS, (page - 1) * ROWS)
    names = [column.name for column in columns_of(table)]
    lead = KEYS.get(table, names[0])
    names = [lead, *(name for name in names if name != lead)]
    return render(
        request, principal, "register.html", table=table, words=WORDS, counts=counts, found=found, q=q, page=page,
        pages=max((found.matching + ROWS - 1) // ROWS, 1), columns=names, numbers=numbers_of(table),
        rows=[(row, shown(table, cells_of(table, row.row))) for row in found.rows],
    )  # fmt: skip


def numbers_of(table: str) -> set[str]:
    """Return the columns of a table that hold numbers."""
    return {column.name for column in columns_of(table) if column.kind in (int, float)}


def shown(table: str, cells: Mapping[str, str]) -> dict[str, str]:
    """Return cells as people write them: whole numbers without a decimal point. They read as the same values."""
    numbers = numbers_of(table)
    return {name: text.removesuffix(".0") if name in numbers else text for name, text in cells.items()}


@router.get("/{table}/row")
@narrowed
def row_(request: Request, principal: Viewer, table: str, key: Key, period: str | None = None) -> HTMLResponse:
    """One row: what it says, what is planned for it in a Period and why, what belongs to it, who changed it."""
    context = context_of(request)
    of, sight = context.period(period), sight_of(request, principal)
    with context.store.transaction() as tx:
        found = register_rows.get(tx, table_named(table), key)
        if found is None or not sight.row(table, found.row):
            raise MissingError(f"there is no row {key!r} in {table}; it may have been removed")
        behind = register_rows.about_connection(tx, key) if table == "connections" else []
        behind = [one for one in behind if sight.row(one.table, one.row)]
        name = name_of(table, found.row)
        changes = audit_log.about(tx, f"{table} {name}", _SHOWN_CHANGES)
        off = [
            u for u in overrides.unavailable_on(tx, of.day) if u.name in (name, getattr(found.row, "connection", ""))
        ]
        lacking = _lacking(table, found, {f.quantity for f in register.forecasts_of(tx, of, [name])})
    number, plan = _planned(context, of, table, found, behind, sight_of(request, principal, of))
    looked_at = context.plan_cache.plan(number) if number is not None else None
    return render(
        request, principal, "register_row.html", table=table, words=WORDS, found=found, name=name, of=of,
        cells=shown(table, cells_of(table, found.row)), behind=behind, shown_behind=_SHOWN_BEHIND, name_of=name_of,
        changes=changes, off=off, lacking=lacking, number=number, plan=plan, looked_at=looked_at,
        around=circumstances(looked_at, plan.congestion_point) if looked_at and plan and sight.everything else (),
        charts=_charts(of, plan, context.settings.currency) if plan else (),
        is_resource=table in BY_TABLE,
        connection=found.key if table == "connections" else getattr(found.row, "connection", ""),
    )  # fmt: skip


def _lacking(table: str, found: Stored, known: set[str]) -> list[str]:
    """Return the forecasts that a resource needs and the Period does not have."""
    if table not in BY_TABLE:
        return []
    return [quantity.name for quantity in BY_TABLE[table].follows if quantity.name not in known]


def _planned(
    context: WebContext, of: Period, table: str, found: Stored, behind: list[Stored], sight: Sight
) -> tuple[int | None, Planned | None]:
    """Return the plan in force and what it wants the row's resources to do."""
    number = context.plan_cache.number_in_force(of.day)
    names = [found.key] if table in BY_TABLE else [one.key for one in behind if one.table in BY_TABLE]
    if number is None or not names:
        return number, None
    programs = context.programs.of(number)
    mine = [program for name in names if (program := programs.of_resource(name)) is not None]
    return number, planned(mine, context.plan_cache.solved(number), of, seen=sight.place)


def _charts(of: Period, plan: Planned, currency: str) -> list[tuple[str, str, str]]:
    """Return (id, caption, data) of the pictures: power, what is stored, what energy is worth."""
    common: dict[str, Any] = {"starts": starts_of(of), "zone": of.zone_name, "band": None}

    def one(label: str, kind: str, values: Any, unit: str) -> str:
        series = [{"label": label, "kind": kind, "values": [round(float(value), 3) for value in values]}]
        return chart(unit=unit, series=series, **common)

    found = [("power", "Power per ISP, kW, consumption positive", one("program", "plan", plan.power_kw, "kW"))]
    if plan.stored_kwh is not None:
        data = one("stored", "sent", plan.stored_kwh, "kWh")
        found.append(("stored", "Stored energy at the end of each ISP, kWh", data))
    unit = f"{currency}/MWh"
    data = one("worth in the portfolio", "price", plan.worth_eur_per_mwh, unit)
    return [*found, ("worth", f"What energy is worth in the portfolio, {unit}", data)]
