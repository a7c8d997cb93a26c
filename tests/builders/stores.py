"""Stores at the newest schema, copied from one that was migrated: thousands of tests begin with one."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from agr.store.engine import Store

_TEMPLATE, _COPY = "template_of_stores", "copy_of_template"


@cache
def _sqlite() -> bytes:
    """Return the file of a store without rows, migrated once per process of the tests."""
    with TemporaryDirectory(prefix="agr-template-") as folder:
        file = Path(folder) / "agr.db"
        store = Store(f"sqlite:///{file}")
        store.migrate()
        store.close()
        return file.read_bytes()


def migrated(url: str) -> Store:
    """Open a store and bring it to the newest schema; a file of SQLite that is not there yet is copied."""
    store = Store(url)
    if store.file is not None and not store.file.exists():
        store.file.touch(0o600)
        store.file.write_bytes(_sqlite())
    store.migrate()
    return store


@cache
def _on_server(server: sa.URL) -> None:
    """Make a database without rows at the newest schema, once per server."""
    _execute(server, f"create database {_TEMPLATE}")
    template = Store(server.set(database=_TEMPLATE).render_as_string(hide_password=False))
    template.migrate()
    template.close()


def fresh_on(server: str) -> str:
    """Return the address of a new database without rows at the newest schema; the one before is dropped."""
    url = sa.make_url(server)
    _on_server(url)
    _execute(
        url,
        f"drop database if exists {_COPY} with (force)",
        f"create database {_COPY} template {_TEMPLATE}",
    )
    return url.set(database=_COPY).render_as_string(hide_password=False)


def _execute(server: sa.URL, *statements: str) -> None:
    engine = sa.create_engine(server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
