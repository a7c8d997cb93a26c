"""A private PostgreSQL server, if its programs are installed (CI installs them)."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from agr.store.scratch import remove_abandoned, scratch_folder

LOCKED, PASSWORD = "locked", "p@ss w%rd/:'é"


def postgres_bin() -> Path | None:
    """Return the folder of initdb, if there is one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _run(command: list[str], folder: Path) -> None:
    """Run as user postgres when we are root, which the server refuses to run as."""
    user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **user)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Give the address of an empty database; the server ends with the block."""
    binaries = postgres_bin()
    assert binaries is not None, "PostgreSQL's server is not installed: apt-get install postgresql"
    remove_abandoned()  # a server whose folder is gone ends within a minute
    with scratch_folder("postgres") as scratch:  # pytest's folders are private to root
        scratch.chmod(0o711)
        folder = scratch / "server"
        folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        with _serving(binaries, folder) as url:
            yield url


@contextmanager
def _serving(binaries: Path, folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    _run([str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "agr", "-E", "UTF8", "-N"], folder)
    access = data / "pg_hba.conf"  # everybody is trusted but one, who shows that log-ins with a password work
    access.write_text(f"host all {LOCKED} all scram-sha-256\n{access.read_text()}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    _run([*control, "-l", str(folder / "log"), "-o", options, "start"], folder)
    try:
        yield f"postgresql+psycopg://agr@127.0.0.1:{port}/postgres"
    finally:
        _run([*control, "-m", "immediate", "stop"], folder)


def emptied(url: str) -> str:
    """Drop everything in the database; return its address."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as tx:
        tx.execute(sa.text("drop schema public cascade"))
        tx.execute(sa.text("create schema public"))
    engine.dispose()
    return url


@contextmanager
def locked_database(url: str) -> Iterator[str]:
    """Give the address of an empty database of its own, whose owner needs a password; it is dropped in the end."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as server:
        server.exec_driver_sql(f"create role {LOCKED} login")
        quoted = server.exec_driver_sql("select quote_literal(%s)", (PASSWORD,)).scalar()
        server.exec_driver_sql(f"alter role {LOCKED} password {str(quoted).replace('%', '%%')}")
        server.exec_driver_sql(f"create database {LOCKED} owner {LOCKED}")
        try:
            of = engine.url.set(database=LOCKED, username=LOCKED, password=PASSWORD)
            yield of.render_as_string(hide_password=False)
        finally:
            server.exec_driver_sql(f"drop database {LOCKED} with (force)")
            server.exec_driver_sql(f"drop role {LOCKED}")
    engine.dispose()
