"""Loads a folder of tables into the store, and writes them back."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from agr.connectors.tables.folder import FolderRead, read_folder
from agr.connectors.tables.writing import csv_lines, write_folder
from agr.domain.isp import Clock, SystemClock, period_of
from agr.domain.plan import Reason, ReasonKind
from agr.settings import Settings
from agr.store import day, own_portfolio, plans, portfolio, register, register_rows
from agr.store.engine import Store
from agr.store.own_portfolio import OWN_LIST


def import_tables(settings: Settings, store: Store, folder: Path, clock: Clock | None = None) -> FolderRead:
    """Load a folder of tables as a whole, or nothing; asks for a new plan where one was due already."""
    reading = read_folder(
        folder, zone_name=settings.time_zone, isp_minutes=settings.isp_minutes,
        capacity=[product.series for product in settings.markets.capacity], brps=[brp.name for brp in settings.brps],
    )  # fmt: skip
    now = (clock or SystemClock()).now()
    with store.transaction() as tx:
        register.replace(tx, reading.register)
        today = period_of(now, settings.time_zone, settings.isp_minutes)
        for period in (today, today.next()):
            if OWN_LIST in portfolio.answers(tx, period.day) or "portfolio_query" in day.done_moments(tx, period.day):
                own_portfolio.take(tx, period, now, alone=not settings.asks_cros)
            if plans.wanted(tx, period.day):
                reason = Reason(
                    kind=ReasonKind.FORECAST, reference=str(folder)[-255:], text=f"tables of {folder.name} imported"
                )
                day.put_trigger(tx, period.day, reason, now)
    return reading


def export_tables(settings: Settings, store: Store, folder: Path, kind: Literal["csv", "parquet"]) -> None:
    """Write everything that `import_tables` reads."""
    with store.transaction() as tx:
        known = register.load(tx)
        forecasts = register.forecasts(tx, settings.time_zone, settings.isp_minutes)
        prices = register.prices(tx)
    write_folder(replace(known, forecasts=forecasts, prices=prices), folder, format=kind)


def zipped(store: Store, seen: Callable[[str, Any], bool] = lambda _table, _row: True) -> bytes:
    """Return the register's tables with rows as CSV files in a ZIP archive, without forecasts and prices.

    `seen`: says, given a table and a row, whether the row is included.
    """
    with store.transaction() as tx:
        found = register_rows.raw(tx, register_rows.TABLES)
    tables = register_rows.parsed(found, register_rows.TABLES)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for table, every in tables.items():
            rows = [row for row in every if seen(table, row)]
            if rows or table == "connections":
                file.writestr(f"{table}.csv", "".join(csv_lines(table, rows)))
    return archive.getvalue()
