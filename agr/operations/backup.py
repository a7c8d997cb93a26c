"""Writes all state into one file, and restores it: the store, the settings file, the signing key."""

import hashlib
import io
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from agr.domain.errors import InputError
from agr.domain.isp import SystemClock
from agr.settings import Settings
from agr.store import dumps
from agr.store.data_lock import DataLock
from agr.store.engine import Store
from agr.store.leadership import nobody_leads
from agr.store.scratch import scratch_folder

_MANIFEST, _KEY, _NEXT_KEY, _CONFIG = "manifest.json", "agr.key", "agr.key.next", "agr.toml"
_FILES = {"sqlite": "agr.db", "postgresql": "agr.dump"}
_MEMBERS = frozenset({_MANIFEST, _KEY, _NEXT_KEY, _CONFIG, *_FILES.values()})


def backup(settings: Settings, config: Path, target: Path, *, with_key: bool) -> tuple[str, ...]:
    """Write a backup while the daemon may run; return what is in it. The file is readable by its owner only."""
    url = sa.make_url(settings.store_url)
    kind = url.get_backend_name()
    if kind not in _FILES:
        raise InputError(f"a store of kind {kind} cannot be backed up; use its own tools")
    with scratch_folder("backup", _beside(target)) as scratch:
        dump = scratch / _FILES[kind]
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = {"made_at": made_at, "domain": settings.domain, "store": kind}
        if kind == "sqlite":
            dumps.copy_sqlite(dumps.sqlite_file(url), dump)
        else:
            with _opened(settings) as store:
                dumps.copy_postgres(store, dump)
                manifest["schema"] = dumps.schema_of(store)
        files = {_FILES[kind]: dump, _CONFIG: config} | (_keys(settings) if with_key else {})
        missing = [str(path) for path in files.values() if not path.is_file()]
        if missing:
            raise InputError(f"not there: {', '.join(missing)}")
        whole = manifest | {"sha256": {name: _digest(path) for name, path in files.items()}}
        half = scratch / "half.tar.gz"
        with os.fdopen(os.open(half, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz") as archive:
                text = json.dumps(whole, indent=1).encode()
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
            raise InputError(f"{target} exists already and was not overwritten; choose another name") from error
    return tuple(files)


def _beside(target: Path) -> Path:
    folder = target.resolve().parent
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; make it first")
    return folder


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    store = Store(settings.store_url)
    try:
        yield store
    finally:
        store.close()


def _keys(settings: Settings) -> dict[str, Path]:
    """Return the signing key and, during a change of keys, the next one, which counterparties know already."""
    following = _following(settings.key_file)
    return {_KEY: settings.key_file} | ({_NEXT_KEY: following} if following.exists() else {})


def _following(key_file: Path) -> Path:
    return key_file.with_name(key_file.name + ".next")


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a backup says about itself, and where the former files are kept."""

    made_at: str
    domain: str
    kept: tuple[Path, ...]


def restore(settings: Settings, source: Path, *, replace: bool) -> Restored:
    """Put a backup back into the store and key files that the settings name.

    Checks everything before it changes anything. Existing files are replaced only with `replace`, and the
    former ones are kept. Raises AgrError.
    """
    kind = sa.make_url(settings.store_url).get_backend_name()
    claim = DataLock(settings.data_folder)
    if not claim.take():
        raise InputError("the daemon is running; stop it first")
    try:
        with (
            _unpacked(source) as (folder, manifest),
            _opened(settings) as store,
            nobody_leads(store, SystemClock()),
        ):
            if manifest["store"] != kind:
                raise InputError(f"the backup is of a {manifest['store']} store, store_url names a {kind} one")
            if manifest["domain"] != settings.domain:
                raise InputError(f"the backup is of {manifest['domain']}, the settings say {settings.domain}")
            keys = {folder / _KEY: settings.key_file, folder / _NEXT_KEY: _following(settings.key_file)}
            for saved, target in keys.items():
                _check_key(saved, target, replace=replace)
            saved = folder / _FILES[kind]
            if kind == "sqlite":
                dumps.check_sqlite(saved, dumps.sqlite_file(store.url), replace=replace)
                store.close()
                kept = [dumps.put_sqlite(saved, dumps.sqlite_file(store.url))]
            else:
                dumps.check_postgres(saved, manifest.get("schema", "public"), store, replace=replace)
                kept = [dumps.put_postgres(saved, store, settings.data_folder)]
            kept += [_put_key(key, target) for key, target in keys.items()]
            store.migrate()  # a backup of an older version is brought up to this one
    finally:
        claim.release()
    return Restored(
        made_at=str(manifest["made_at"]), domain=settings.domain, kept=tuple(path for path in kept if path is not None)
    )  # fmt: skip


@contextmanager
def _unpacked(source: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    with scratch_folder("restore") as folder:
        try:
            with tarfile.open(source, "r:gz") as archive:
                strange = [m.name for m in archive.getmembers() if m.name not in _MEMBERS or not m.isfile()]
                if strange:
                    raise InputError(f"{source} is not a backup of ours: it holds {strange[0]!r}")
                for member in archive.getmembers():  # extractall is safe only from Python 3.11.4 on
                    content = archive.extractfile(member)
                    assert content is not None, "a file has content"
                    with (folder / member.name).open("wb") as out:
                        shutil.copyfileobj(content, out)
                    os.utime(folder / member.name, (member.mtime, member.mtime))  # a key's age counts
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            digests = manifest.pop("sha256")
            _ = [manifest[name] for name in ("made_at", "domain", "store")]
            for path in folder.iterdir():
                if path.name != _MANIFEST and digests.pop(path.name) != _digest(path):
                    raise InputError(f"{source}: {path.name} is damaged; use another backup")
            if digests:
                raise InputError(f"{source}: {next(iter(digests))} is missing; use another backup")
        except (tarfile.TarError, EOFError, KeyError, ValueError, OSError, zlib.error) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or error
            raise InputError(f"{source} cannot be read as a backup ({why}); use another one") from error
        yield folder, manifest


def _same(saved: Path, target: Path) -> bool:
    return not saved.is_file() or (target.is_file() and target.read_bytes() == saved.read_bytes())


def _check_key(saved: Path, target: Path, *, replace: bool) -> None:
    if not _same(saved, target) and target.exists() and not replace:
        raise InputError(f"{target} is another key than the backup's; keep a copy and say --replace")


def _put_key(saved: Path, target: Path) -> Path | None:
    """Put a key in its place, with its age; return where the former one is kept."""
    if _same(saved, target):
        return None
    kept = target.rename(dumps.aside(target)) if target.exists() else None
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as out:
        out.write(saved.read_bytes())
    age = saved.stat().st_mtime
    os.utime(target, (age, age))
    return kept
