"""Our signing keys on disk: the one in force, the next one, the former one; changed without a restart."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from agr.domain.errors import InputError, SettingsError
from agr.messaging.key_file import load_key, passphrase_of
from agr.settings import Settings
from agr.uftp.signing import KeyPair

log = structlog.get_logger()

OVERLAP = timedelta(hours=24)
"""How long others have to learn a new key, and for how long the old one stays valid. Source: message transport
mechanism, DNS."""
USEF_VERSION = "3.1.0"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key of the ring."""

    state: str  # in force | next | former
    public: str
    since: datetime


class KeyRing:
    """The key file and its neighbours: `.next` until it comes into force, `.old` while messages may be under way."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings, self._now = settings, now
        path = settings.key_file
        self._path, self._next, self._old = (
            path,
            path.with_name(path.name + ".next"),
            path.with_name(path.name + ".old"),
        )

    def entries(self) -> list[Entry]:
        """Return the existing keys: in force, next, former. Raises SettingsError."""
        named = (("in force", self._path), ("next", self._next), ("former", self._old))
        phrase = passphrase_of(self._settings)
        return [
            Entry(state=state, public=KeyPair.load(path, phrase).public, since=self._since(path))
            for state, path in named
            if state == "in force" or path.exists()
        ]

    def _since(self, path: Path) -> datetime:
        return datetime.fromtimestamp(path.stat().st_mtime, self._now().tzinfo)

    def prepare(self) -> Entry:
        """Make the next key; the one in force stays. Raises InputError while an earlier rotation is unfinished."""
        if self._next.exists():
            raise InputError("a next key is there already; bring it into force with `agr keys rotate`")
        if self._old.exists():
            if self._now() - self._since(self._old) < OVERLAP:
                raise InputError("the last rotation is less than a day old; its former key is still valid elsewhere")
            self._old.unlink()
        pair = KeyPair.generate()
        pair.save(self._next, passphrase_of(self._settings))
        return Entry(state="next", public=pair.public, since=self._now())

    @property
    def prepared(self) -> bool:
        """Whether there is a next key."""
        return self._next.exists()

    def activate(self, *, at_once: bool = False) -> Entry:
        """Bring the next key into force; a running daemon signs with it from its next message on.

        Raises InputError while others may not know it yet, unless `at_once`. If it is killed half-way, call it again.
        """
        waited = self._now() - self._since(self._next)
        if waited < OVERLAP and not at_once:
            left = (OVERLAP - waited) / timedelta(hours=1)
            raise InputError(
                f"the next key was made less than a day ago and others may not know it yet; wait {left:.0f} hours, or "
                "say --now when every counterparty has confirmed it"
            )
        fresh = KeyPair.load(self._next, passphrase_of(self._settings))
        self._old.unlink(missing_ok=True)
        os.link(self._path, self._old)
        os.utime(self._old, (self._now().timestamp(),) * 2)
        self._next.replace(self._path)
        return Entry(state="in force", public=fresh.public, since=self._now())

    def records(self) -> list[str]:
        """Return the DNS records with which others find us. Source: message transport mechanism, service discovery."""
        ours = self._settings.domain
        keys = " ".join(entry.public for entry in self.entries()[:2])
        # A TXT string has at most 255 bytes; readers join its strings.
        parts = " ".join(f'"{keys[i : i + 250]}"' for i in range(0, len(keys), 250))
        found = [f'_usef.{ours}. 3600 IN TXT "{USEF_VERSION}"', f"_AGR._usef.{ours}. 3600 IN TXT {parts}"]
        host = (self._settings.public_url or "").removeprefix("https://").split("/")[0]
        if (self._settings.public_url or "").startswith("https://") and ":" not in host:
            found.append(f"_http._AGR._usef.{ours}. 3600 IN CNAME {host}.")
        return found


class LiveKey:
    """The key in force, read again when its file is replaced."""

    def __init__(self, settings: Settings, first: KeyPair) -> None:
        self._settings, self._key, self._seen = settings, first, self._mark(settings.key_file)

    @staticmethod
    def _mark(path: Path) -> tuple[int, int, int]:
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def __call__(self) -> KeyPair:
        """Return the key to sign with now; a file that cannot be read leaves the former key in force."""
        try:
            mark = self._mark(self._settings.key_file)
            if mark != self._seen:
                self._key, self._seen = load_key(self._settings), mark
                log.info("key.changed", public=self._key.public)
        except (SettingsError, OSError) as error:
            log.error("key.not_read", why=str(error))  # noqa: TRY400 - the former key still signs
        return self._key
