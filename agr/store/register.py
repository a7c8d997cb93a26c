"""The register: connections, resources, contracts, limits, forecasts and prices."""

import struct
from collections.abc import Iterable
from dataclasses import fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from agr.domain.isp import Period
from agr.domain.kinds import MEASURED
from agr.domain.register import Contract, Forecast, Price, Register, register_of
from agr.store import input_version, register_rows
from agr.store import tables as t
from agr.store.engine import Tx

if TYPE_CHECKING:  # takes longer to import than what `agr check` needs of this module
    import numpy as np

_NAMED_AT_ONCE = 500  # parameters of one query


def replace(tx: Tx, register: Register) -> None:
    """Replace the whole register; forecasts and prices are merged, and newer values win.

    A folder with only forecasts or prices leaves connections, resources and contracts as they are.
    """
    if has_rows(register):
        _replace_rows(tx, register)
    put_forecasts(tx, register.forecasts)
    put_prices(tx, register.prices)


def _replace_rows(tx: Tx, register: Register) -> None:
    input_version.changed(tx)
    tx.execute(t.register.delete())
    whole = register.tables()
    rows = [
        register_rows.fields_of(table, i, row) for table in register_rows.TABLES for i, row in enumerate(whole[table])
    ]
    if rows:
        tx.execute(t.register.insert(), rows)


def has_rows(whole: Register) -> bool:
    """Say whether a register has anything but forecasts and prices."""
    return any(whole.tables()[table] for table in register_rows.TABLES)


def load(tx: Tx) -> Register:
    """Return the register without forecasts and prices."""
    return load_tables(tx, *register_rows.TABLES)


def load_tables(tx: Tx, *tables: str) -> Register:
    """Return some of the register's tables; the others are empty."""
    return register_of(register_rows.every(tx, tables))


def at_point(tx: Tx, address: str, connections: Iterable[str]) -> Register:
    """Return what the register has about a congestion point and some connections; no groups of connections."""
    return register_of(register_rows.at_point(tx, address, connections))


def contract(tx: Tx, contract_id: str) -> Contract | None:
    """Return one contract."""
    found = register_rows.get(tx, "contracts", contract_id)
    return None if found is None else found.row


def put_forecasts(tx: Tx, forecasts: Iterable[Forecast]) -> None:
    """Store forecasts; a newer one replaces the older of the same Period, resource and quantity."""
    rows = [
        {
            "period": f.period.day,
            "resource": f.resource,
            "quantity": f.quantity,
            "data": struct.pack(f"<{len(f.values)}d", *f.values),
        }
        for f in forecasts
    ]
    _upsert(tx, t.forecasts, rows)


def put_prices(tx: Tx, prices: Iterable[Price]) -> None:
    """Store prices; a newer value replaces the older of the same series and start."""
    _upsert(tx, t.prices, [{f.name: getattr(price, f.name) for f in fields(price)} for price in prices])


def _upsert(tx: Tx, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    input_version.changed(tx)
    keys = list(table.primary_key.columns)
    rows = list({tuple(row[c.name] for c in keys): row for row in rows}.values())  # of duplicates the last counts
    same = sa.and_(*(column == sa.bindparam(f"k_{column.name}") for column in keys))
    tx.execute(table.delete().where(same), [{f"k_{c.name}": row[c.name] for c in keys} for row in rows])
    tx.execute(table.insert(), rows)


def forecasts_on(
    tx: Tx, period: Period, resources: Iterable[str] | None = None
) -> "dict[tuple[str, str], np.ndarray[Any, np.dtype[np.float64]]]":
    """Return (resource, quantity) → one value per ISP, for forecasts that exist: of some resources, or of all."""
    import numpy as np

    c = t.forecasts.c
    every = sa.select(c.resource, c.quantity, c.data).where(c.period == period.day)
    names = None if resources is None else sorted(set(resources))
    asked = [every] if names is None else [
        every.where(c.resource.in_(names[first : first + _NAMED_AT_ONCE]))
        for first in range(0, len(names), _NAMED_AT_ONCE)
    ]  # fmt: skip
    return {(r.resource, r.quantity): np.frombuffer(r.data, "<f8") for one in asked for r in tx.execute(one)}


def forecast_ranges(tx: Tx, period: Period) -> tuple[Forecast, ...]:
    """Return the Period's forecasts with two values in place of theirs: the least and the highest."""
    c = t.forecasts.c
    rows = tx.execute(sa.select(c.resource, c.quantity, c.data).where(c.period == period.day))
    return tuple(
        Forecast(resource=r.resource, quantity=r.quantity, period=period, values=(min(kw), max(kw)))
        for r in rows
        if (kw := _values(r.data))
    )


def _values(data: bytes) -> tuple[float, ...]:
    """Return the values of a forecast as they are stored: little-endian, eight bytes each."""
    return struct.unpack(f"<{len(data) // 8}d", data)


def forecasts_of(tx: Tx, period: Period, resources: Iterable[str]) -> tuple[Forecast, ...]:
    """Return the Period's forecasts of some resources."""
    c = t.forecasts.c
    mine = sa.and_(c.period == period.day, c.resource.in_(list(resources)))
    rows = tx.execute(sa.select(c.resource, c.quantity, c.data).where(mine).order_by(c.resource, c.quantity))
    return tuple(
        Forecast(
            resource=r.resource, quantity=r.quantity, period=period,
            values=_values(r.data),
        )
        for r in rows
    )  # fmt: skip


def latest_forecast_day(tx: Tx, before: date) -> date | None:
    """Return the latest Period before a day that has forecasts; measurements are none."""
    c = t.forecasts.c
    forecast = sa.and_(c.period < before, c.quantity.not_in(list(MEASURED)))
    return tx.execute(sa.select(sa.func.max(c.period)).where(forecast)).scalar()


def forecasts(tx: Tx, zone_name: str, isp_minutes: int) -> tuple[Forecast, ...]:
    """Return every stored forecast, for export."""
    c = t.forecasts.c
    rows = tx.execute(sa.select(c.period, c.resource, c.quantity, c.data).order_by(c.period, c.resource, c.quantity))
    return tuple(
        Forecast(
            resource=r.resource, quantity=r.quantity, period=Period(r.period, zone_name, isp_minutes),
            values=_values(r.data),
        )
        for r in rows
    )  # fmt: skip


def prices(tx: Tx, start: datetime | None = None, end: datetime | None = None) -> tuple[Price, ...]:
    """Return prices that start in [start, end), all when no bounds are given."""
    c = t.prices.c
    query = sa.select(c.series, c.start, c.minutes, c.value).order_by(c.series, c.start)
    if start is not None:
        query = query.where(c.start >= start)
    if end is not None:
        query = query.where(c.start < end)
    return tuple(Price(**row._mapping) for row in tx.execute(query))


def delete_forecasts_before(tx: Tx, day: date) -> int:
    """Delete forecasts of Periods before the day; return how many."""
    return tx.execute(t.forecasts.delete().where(t.forecasts.c.period < day)).rowcount
