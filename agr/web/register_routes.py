"""The register in the JSON API: rows of its tables, searched and in pages. Rows are changed by actions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from agr.connectors.tables.one_row import cells_of
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.register_check import table_named
from agr.operations.sight import page_of
from agr.web.security import api_for, context_of, narrowed, sight_of


class RowOut(BaseModel):
    """A row of the register."""

    key: str
    seen: str  # changes whenever the row does
    cells: dict[str, str]  # column → value as in a CSV table


class RowsOut(BaseModel):
    """A page of rows of a table of the register."""

    table: str
    matching: int
    rows: list[RowOut]


router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]


@router.get("/register/{table}", name="register_rows")
@narrowed
def rows(
    request: Request, principal: Reader, table: str, search: Annotated[str, Query(max_length=255)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> RowsOut:  # fmt: skip
    """The rows of a table of the register: those with a text anywhere in their names, in pages."""
    sight = sight_of(request, principal)
    with context_of(request).store.transaction() as tx:
        found = page_of(tx, sight, table_named(table), search, limit, offset)
    shown = [RowOut(key=one.key, seen=one.seen, cells=cells_of(table, one.row)) for one in found.rows]
    return RowsOut(table=table, matching=found.matching, rows=shown)
