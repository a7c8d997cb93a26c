"""Writes a store into one file and restores it: SQLite by its online backup, PostgreSQL by its own tools.

A restore is all or nothing, and what was there before is kept as a file of its own.
Source: SQLite documentation, backup API; PostgreSQL documentation, pg_dump, pg_restore, psql.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from agr.domain.errors import AgrError, InputError
from agr.store import schema
from agr.store.all_tables import METADATA
from agr.store.engine import Store
from agr.store.scratch import scratch_folder

_OURS = frozenset({*METADATA.tables, "alembic_version"})
_LOCK_TIMEOUT = "30s"
_REVISION = re.compile(r"^COPY \S*alembic_version\b.*\n(\w+)$", re.MULTILINE)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup: consistent, even if others write meanwhile. Raises InputError."""
    if not source.is_file():
        raise InputError(f"there is no store at {source}")
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def sqlite_file(url: sa.URL) -> Path:
    """Return the file of a SQLite store. Raises InputError where it has none."""
    if url.database in (None, "", ":memory:"):
        raise InputError("the store is in memory only: there is nothing to back up")
    return Path(str(url.database))


def check_sqlite(saved: Path, target: Path, *, replace: bool) -> None:
    """Raise InputError when a copy is damaged, was made by a newer program, or would overwrite a store."""
    revision = None
    try:
        with closing(sqlite3.connect(saved)) as check:
            verdict = check.execute("PRAGMA integrity_check").fetchone()[0]
            if check.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                revision = "".join(row[0] for row in check.execute("SELECT version_num FROM alembic_version"))
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise InputError(f"the store in the backup is damaged: {verdict}")
    _refuse_newer(revision)
    if target.exists() and not replace:
        raise InputError(f"there is a store at {target}; say --replace to put the backup in its place")


def _refuse_newer(revision: str | None) -> None:
    """Raise InputError when this program cannot bring a copy's schema up to date."""
    if not revision:
        raise InputError("the backup holds no store of agr; use another one")
    if revision not in schema.revisions():
        raise InputError(f"the backup has schema {revision}, newer than this program; update agr, then restore again")


def put_sqlite(saved: Path, target: Path) -> Path | None:
    """Put a checked copy in its place; return where the former store is kept, even if it was damaged.

    Raises AgrError, and then nothing has changed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    half, kept, moved = target.with_name(target.name + ".half"), aside(target), list[tuple[Path, Path]]()
    try:
        shutil.copyfile(saved, half)
        _to_disk(half)
        if target.exists():
            _write_back(target)
        for part in ("-wal", "-shm", "-journal", ""):  # what could not be written back belongs to the old file
            old, new = target.with_name(target.name + part), kept.with_name(kept.name + part)
            if old.exists():
                moved.append((old.rename(new), old))
        half.replace(target)
        _to_disk(target.parent)
    except OSError as error:
        for new, old in reversed(moved):
            new.rename(old)
        if half.is_file():
            half.unlink()
        raise AgrError(f"the backup cannot be put at {target} ({error}); nothing has changed") from error
    return kept if kept.exists() else None


def _write_back(store: Path) -> None:
    """Bring the write-ahead log into the store's file, as far as readers and damage allow."""
    with suppress(sqlite3.DatabaseError):
        untouched = f"{store.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(untouched, uri=True)) as look:
            look.execute("PRAGMA schema_version")  # raises where it is no database: SQLite would delete its log
        with closing(sqlite3.connect(store, timeout=0)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def aside(path: Path) -> Path:
    """Return the name under which the present file at a path is kept."""
    return path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S}")


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


def copy_postgres(store: Store, target: Path) -> None:
    """Write our tables into a file: one snapshot, even if others write meanwhile. Raises AgrError."""
    present, schema = _present(store)
    if not present:
        raise InputError(f"there is no store at {store.place}")
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    chosen = [f"--table={_quoted(schema, table)}" for table in present]
    _run("pg_dump", store, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}", *chosen])


def check_postgres(saved: Path, schema: str, store: Store, *, replace: bool) -> None:
    """Raise InputError when a newer program made a copy, or when it cannot replace what is there."""
    with scratch_folder("check") as scratch:
        _script(saved, scratch / "restore.sql")
        _script(saved, scratch / "revision.sql", "--data-only", "--table=alembic_version")
        revision = _REVISION.search((scratch / "revision.sql").read_text(encoding="utf-8"))
    _refuse_newer(revision and revision[1])
    present, ours = _present(store)
    if ours != schema:
        raise InputError(f"the backup is of the schema {schema}, store_url leads to {ours}; choose it in store_url")
    if present and not replace:
        raise InputError(f"there is a store at {store.place}; say --replace to put the backup in its place")
    if present:
        with store.reading() as tx:
            store.refuse_newer(tx)


def put_postgres(saved: Path, store: Store, keep_in: Path) -> Path | None:
    """Replace what is there by a checked copy, in one transaction; return where the former store is kept.

    Raises AgrError, and then nothing has changed. Waits for others who use the tables, but not for long.
    """
    present, schema = _present(store)
    kept = None
    if present:
        kept = aside(keep_in / "agr.dump")
        copy_postgres(store, kept)
    with scratch_folder("restore") as scratch:
        script, drop = scratch / "restore.sql", scratch / "drop.sql"
        _script(saved, script)
        gone = ", ".join(_quoted(schema, table) for table in present)
        drop.write_text(f"SET lock_timeout = '{_LOCK_TIMEOUT}';\nDROP TABLE {gone};\n" if gone else "")
        whole = ["--single-transaction", "--set=ON_ERROR_STOP=1", f"--file={drop}", f"--file={script}"]
        _run("psql", store, ["--no-psqlrc", "--quiet", *whole])
    return kept


def schema_of(store: Store) -> str:
    """Return the schema that a PostgreSQL store lies in."""
    return _present(store)[1]


def _present(store: Store) -> tuple[list[str], str]:
    """Return (those of our tables that exist, the schema they are in)."""
    with store.reading() as tx:
        schema = str(tx.execute(sa.text("SELECT current_schema()")).scalar())
        return sorted(_OURS & set(sa.inspect(tx).get_table_names(schema=schema))), schema


def _quoted(schema: str, table: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))


def _script(saved: Path, target: Path, *chosen: str) -> None:
    """Write a copy, or a chosen part of it, as statements; this also reads it to its end."""
    _run("pg_restore", None, ["--no-owner", "--no-privileges", *chosen, f"--file={target}", str(saved)])


def _run(program: str, store: Store | None, arguments: list[str]) -> None:
    """Run PostgreSQL's own tool on the store; the password goes through the environment, which others cannot read."""
    if shutil.which(program) is None:
        raise AgrError(f"{program} is not installed: apt-get install postgresql-client")
    environment, where = dict(os.environ), []
    if store is not None:
        info, password = store.libpq()
        where = [f"--dbname={info}"]
        environment |= {"PGPASSWORD": password} if password else {}
    done = subprocess.run(  # noqa: S603 - fixed programs, no shell
        [program, *where, *arguments], env=environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise AgrError(f"{program} failed: {done.stderr.strip()[-500:]}")
