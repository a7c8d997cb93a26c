"""Writes everything that has state into one file, and puts it back: the store, the settings file, the signing key."""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from agr.daemon import Claim
from agr.errors import AgrError, InputError
from agr.settings import Settings
from agr.store.engine import Store

_MANIFEST, _KEY, _CONFIG = "manifest.json", "agr.key", "agr.toml"
_FILES = {"sqlite": "agr.db", "postgresql": "agr.dump"}
_MEMBERS = frozenset({_MANIFEST, _KEY, _CONFIG, *_FILES.values()})


def backup(settings: Settings, config: Path, target: Path, *, with_key: bool) -> tuple[str, ...]:
    """Write a backup while the daemon may run; return what is in it. The file is readable by its owner only."""
    url = sa.make_url(settings.store_url)
    kind = url.get_backend_name()
    with tempfile.TemporaryDirectory(prefix="agr-backup-", dir=_beside(target)) as scratch:
        dump = Path(scratch) / _FILES.get(kind, "")
        if kind == "sqlite":
            _copy_sqlite(_sqlite_file(url), dump)
        elif kind == "postgresql":
            _run(["pg_dump", "--format=custom", "--no-owner", f"--file={dump}", _libpq(url)], url)
        else:
            raise InputError(f"a store of kind {kind} cannot be backed up; use its own tools")
        files = {_FILES[kind]: dump, _CONFIG: config} | ({_KEY: settings.key_file} if with_key else {})
        missing = [str(path) for path in files.values() if not path.is_file()]
        if missing:
            raise InputError(f"not there: {', '.join(missing)}")
        manifest = {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "domain": settings.domain, "store": kind,
            "sha256": {name: _digest(path) for name, path in files.items()},
        }  # fmt: skip
        half = Path(scratch) / "half.tar.gz"
        with os.fdopen(os.open(half, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz") as archive:
                text = json.dumps(manifest, indent=1).encode()
                entry = tarfile.TarInfo(_MANIFEST)
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text))
                for name, path in files.items():
                    archive.add(path, name)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(half, target)  # whole or not at all, and never over another file
        except FileExistsError as error:
            raise InputError(f"{target} exists already and is kept; choose another name") from error
    return tuple(files)


def _beside(target: Path) -> Path:
    folder = target.resolve().parent
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; make it first")
    return folder


def _sqlite_file(url: sa.URL) -> Path:
    if url.database in (None, "", ":memory:"):
        raise InputError("the store is in memory only: there is nothing to back up")
    return Path(str(url.database))


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy by SQLite's own online backup: consistent, whoever writes meanwhile."""
    if not source.is_file():
        raise InputError(f"there is no store at {source}")
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _libpq(url: sa.URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string()


def _run(command: list[str], url: sa.URL) -> None:
    """Run PostgreSQL's own tool; the password goes through the environment, which others cannot read."""
    if shutil.which(command[0]) is None:
        raise AgrError(f"{command[0]} is not installed: apt-get install postgresql-client")
    environment = dict(os.environ) | ({"PGPASSWORD": str(url.password)} if url.password else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise AgrError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore(settings: Settings, source: Path, *, replace: bool) -> dict[str, str]:
    """Put a backup back into the store and key file that the settings name; return what the backup says of itself.

    Checks everything before it touches anything. What is there is only overwritten with `replace`, and kept beside.
    """
    url = sa.make_url(settings.store_url)
    claim = Claim(settings.data_folder)
    if not claim.take():
        raise InputError("the daemon is running; stop it first")
    try:
        with _unpacked(source) as (folder, manifest):
            if manifest["store"] != url.get_backend_name():
                raise InputError(f"the backup is of a {manifest['store']} store, store_url names {url.drivername}")
            if manifest["domain"] != settings.domain:
                raise InputError(f"the backup is of {manifest['domain']}, the settings say {settings.domain}")
            _put_key(folder / _KEY, settings.key_file, replace=replace)
            if url.get_backend_name() == "sqlite":
                _put_sqlite(folder / _FILES["sqlite"], _sqlite_file(url), replace=replace)
            else:
                _put_postgres(folder / _FILES["postgresql"], url, replace=replace)
        store = Store(settings.store_url)
        store.migrate()  # a backup of an older version is brought up to this one
        store.close()
    finally:
        claim.release()
    return {name: str(manifest[name]) for name in ("made_at", "domain", "store")}


@contextmanager
def _unpacked(source: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    try:
        with tempfile.TemporaryDirectory(prefix="agr-restore-") as scratch, tarfile.open(source, "r:gz") as archive:
            folder = Path(scratch)
            strange = [m.name for m in archive.getmembers() if m.name not in _MEMBERS or not m.isfile()]
            if strange:
                raise InputError(f"{source} is not a backup of ours: it holds {strange[0]!r}")
            archive.extractall(folder, filter="data")
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            for name, digest in manifest["sha256"].items():
                if _digest(folder / name) != digest:
                    raise InputError(f"{source}: {name} is damaged; use another backup")
            yield folder, manifest
    except (tarfile.TarError, EOFError, KeyError, ValueError, FileNotFoundError) as error:
        raise InputError(f"{source} cannot be read as a backup ({error}); use another one") from error


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S}")


def _put_key(saved: Path, target: Path, *, replace: bool) -> None:
    if not saved.is_file() or (target.is_file() and target.read_bytes() == saved.read_bytes()):
        return
    if target.exists():
        if not replace:
            raise InputError(f"{target} is another key than the backup's; keep a copy and say --replace")
        target.rename(_aside(target))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as out:
        out.write(saved.read_bytes())


def _put_sqlite(saved: Path, target: Path, *, replace: bool) -> None:
    with closing(sqlite3.connect(saved)) as check:
        verdict = check.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise InputError(f"the store in the backup is damaged: {verdict}")
    if target.exists():
        if not replace:
            raise InputError(f"there is a store at {target}; say --replace to put the backup in its place")
        with closing(sqlite3.connect(target)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        target.rename(_aside(target))
    for left in ("-wal", "-shm"):
        target.with_name(target.name + left).unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(saved, target)


def _put_postgres(saved: Path, url: sa.URL, *, replace: bool) -> None:
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.begin() as tx:
        full = sa.inspect(tx).get_table_names()
    engine.dispose()
    if full and not replace:
        raise InputError("the database is not empty; say --replace to put the backup in place of what is there")
    clean = ["--clean", "--if-exists"] if full else []
    command = ["pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", *clean]
    _run([*command, f"--dbname={_libpq(url)}", str(saved)], url)
