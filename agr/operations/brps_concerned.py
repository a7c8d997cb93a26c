"""Which balance responsible parties (BRPs) connections and congestion points belong to: who may act for them."""

from collections.abc import Iterable
from datetime import date

from agr.settings import Settings
from agr.store import portfolio, register_rows
from agr.store.engine import Tx


def brp_of_row(settings: Settings, brp: str | None) -> str:
    """Return the BRP of a connection: the first one in the settings where it names none; empty without any."""
    return brp or next((one.name for one in settings.brps), "")


def brps_of(tx: Tx, settings: Settings, connections: Iterable[str]) -> set[str]:
    """Return the BRPs of some connections that the register knows."""
    rows = register_rows.rows_named(tx, "connections", dict.fromkeys(connections)).values()
    return {brp_of_row(settings, stored.row.brp) for stored in rows} - {""}


def brps_at(tx: Tx, settings: Settings, points: Iterable[str], days: Iterable[date]) -> set[str]:
    """Return the BRPs of the connections at some congestion points on some days."""
    here = {connection for day in days for connection in portfolio.connections_at(tx, day, list(points))}
    return brps_of(tx, settings, sorted(here))
