"""Authenticates people and, by its base class, programs: log-ins, sessions, set-up links. Refusals say what to do."""

import os
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from agr.domain.errors import AccessError, InputError
from agr.domain.isp import Clock
from agr.operations.accounts.administration import check_account, is_name
from agr.operations.accounts.login_rate_limit import LoginRateLimit
from agr.operations.accounts.passwords import LONGEST_PASSWORD, password_fault
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.accounts.tokens import Tokens, principal_of
from agr.settings import Operators
from agr.store import access
from agr.store.engine import Store, Tx

log = structlog.get_logger()

_SEEN_EVERY = timedelta(minutes=1)


def hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return a hash that belongs to no password: verifying one against it takes as long as against any other.

    It is made up, because computing one takes 0.1 s and 64 MiB. Source: PHC string format.
    """
    salt, made_up = (b64encode(os.urandom(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2{hasher.type.name.lower()}$v={ARGON2_VERSION}${costs}${salt}${made_up}"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody whom an identity provider vouches for."""

    subject: str  # digest of issuer and subject, which never change
    name: str
    role: str | None  # what the provider's groups say; None: the account here says
    outside: str = ""  # why they may not log in, where the provider's groups say so


class Authentication(Tokens):
    """The one place that checks secrets. Log-ins expire by the machine's clock; the audit log has the market's."""

    def __init__(
        self, store: Store, settings: Operators, clock: Clock, real: Clock, hasher: PasswordHasher | None = None
    ) -> None:
        super().__init__(store, clock, real)
        self._settings = settings
        self._hasher = hasher or PasswordHasher()
        self._one_at_a_time = Lock()  # hashing takes 64 MiB: a flood of log-ins must not take all memory
        self._nobody = hash_of_nobody(self._hasher)
        self._throttle = LoginRateLimit(settings.failed_log_ins, settings.failed_log_ins_s)
        self._lifetime = timedelta(hours=settings.session_hours)
        self._idle = timedelta(minutes=settings.idle_minutes)

    # --- people -----------------------------------------------------------------------------------------------------

    def log_in(self, name: str, password: str, address: str) -> str:
        """Return the secret of a new session. Raises AccessError, which does not tell whether the account exists."""
        now, name = self._real.now(), name.strip().lower()[:64]
        self._slow_down(name, address)
        with self._store.transaction() as tx:
            known = access.account(tx, name)
        usable = known is not None and known.password_hash is not None and known.disabled_at is None
        expected = known.password_hash if known is not None and known.password_hash is not None else self._nobody
        if not self._verify(expected, password[:LONGEST_PASSWORD]) or not usable:
            self._throttle.failed(name, address, now)
            log.warning("access.refused", address=address)
            raise AccessError("name or password is wrong; an admin can give you a new set-up link", status=401)
        self._throttle.succeeded(name)
        with self._store.transaction() as tx:
            access.forget(tx, now, self._lifetime)
            if self._hasher.check_needs_rehash(expected):
                access.set_password(tx, name, self._hash(password))
            secret = self._open_session(tx, name)
        log.info("access.logged_in", account=name)
        return secret

    def _slow_down(self, name: str | None, address: str) -> None:
        wait = self._throttle.wait_s(name, address, self._real.now())
        if wait > 0:
            raise AccessError(
                f"too many failed log-ins: try again in {wait / 60:.0f} minutes", status=429, retry_after_s=wait
            )

    @contextmanager
    def slowed_down(self, address: str) -> Iterator[None]:
        """Count what is refused within as a failed log-in from an address. Raises AccessError after too many."""
        self._slow_down(None, address)
        try:
            yield
        except AccessError as error:
            if error.status != 503:  # not the provider's own fault
                self._throttle.failed(None, address, self._real.now())
            raise

    def log_in_by_provider(self, person: Person) -> str:
        """Return the secret of a new session for somebody whom an identity provider vouches for. Raises AccessError.

        An account is bound to a person by name only where an admin said so when adding it, or the provider's groups
        make it: a name at the provider is no proof of whom an admin meant.
        """
        now, name = self._real.now(), person.name.strip().lower()
        if person.outside:
            self._lock_out(person)
            raise AccessError(person.outside, status=403)
        with self._store.transaction() as tx:
            access.forget(tx, now, self._lifetime)
            known = access.by_subject(tx, person.subject) or access.account(tx, name)
            if known is None:
                known = self._account_for(tx, name, person)
            elif known.disabled_at is not None:
                raise AccessError(f"the account {known.name!r} is disabled; an admin can enable it", status=403)
            elif known.subject is None and known.password_hash is not None:
                raise AccessError(
                    f"{known.name!r} is a local account with a password; log in with that, or have an admin add an "
                    "account of another name", status=403,
                )  # fmt: skip
            elif known.subject is None and not known.by_provider:
                raise AccessError(
                    f"{known.name!r} was added with a set-up link; use that, or have an admin add it as an account of "
                    "the company", status=403,
                )  # fmt: skip
            elif known.subject not in (None, person.subject):
                raise AccessError(f"the account {known.name!r} belongs to somebody else at the provider", status=403)
            if known.subject is None:
                access.set_subject(tx, known.name, person.subject)
                access.end_first_link(tx)
                self._record(tx, who=known.name, action="set up account", subject=known.name, why="by the provider")
            only_admin = known.role == "admin" and self._admins(tx) == {known.name}  # who stays one
            if person.role not in (None, known.role) and not only_admin:
                assert person.role is not None
                access.set_role(tx, known.name, person.role)
                self._record(
                    tx, who=known.name, action="change role", subject=known.name, why="by the provider",
                    detail=person.role,
                )  # fmt: skip
            secret = self._open_session(tx, known.name)
        log.info("access.logged_in", account=known.name)
        return secret

    def _lock_out(self, person: Person) -> None:
        """Disable the account, with its sessions and tokens, of somebody whom the groups let in no more."""
        with self._store.transaction() as tx:
            known = access.by_subject(tx, person.subject)
            if known is None or known.disabled_at is not None or self._admins(tx) == {known.name}:
                return
            access.set_disabled(tx, known.name, self._real.now())
            self._record(
                tx, who=known.name, action="disable account", subject=known.name, why="by the provider",
                detail=person.outside,
            )  # fmt: skip

    def _account_for(self, tx: Tx, name: str, person: Person) -> access.Account:
        """Make the account of somebody whose role the provider states. Raises AccessError."""
        if person.role is None:
            raise AccessError(f"there is no account {name!r} here; ask an admin to add one with this name", status=403)
        if not is_name(name):
            raise AccessError(f"{name!r} cannot be the name of an account: it may have a-z, 0-9, dot, @, _ and -")
        access.put_account(tx, name, person.role, self._real.now(), by_provider=True)
        self._record(tx, who=name, action="add account", subject=name, why="by the provider", detail=person.role)
        made = access.account(tx, name)
        assert made is not None
        return made

    def _verify(self, expected: str, password: str) -> bool:
        with self._one_at_a_time:
            try:
                return self._hasher.verify(expected, password)
            except (VerificationError, InvalidHashError):
                return False

    def _hash(self, password: str) -> str:
        with self._one_at_a_time:
            return self._hasher.hash(password)

    def _open_session(self, tx: Tx, name: str) -> str:
        secret = secrets.token_urlsafe(32)
        access.put_session(tx, secret, name, secrets.token_urlsafe(32), self._real.now())
        return secret

    def log_out(self, secret: str) -> None:
        """End a session."""
        with self._store.transaction() as tx:
            access.end_session(tx, secret)

    def by_session(self, secret: str) -> Principal | None:
        """Return the principal of a session, None when it has ended."""
        now = self._real.now()
        with self._store.transaction() as tx:
            found = access.session(tx, secret)
            if found is None:
                return None
            known = access.account(tx, found.account)
            over = now - found.created_at >= self._lifetime or now - found.seen_at >= self._idle
            if known is None or known.disabled_at is not None or over:
                access.end_session(tx, secret)
                return None
            if now - found.seen_at >= _SEEN_EVERY:
                access.seen(tx, secret, now)
        return principal_of(known, ROLES[known.role], "session", csrf=found.csrf)

    def by_name(self, name: str, via: str) -> Principal | None:
        """Return the principal of an account in whose name something is done, None when it is not in use."""
        with self._store.transaction() as tx:
            known = access.account(tx, name)
        if known is None or known.disabled_at is not None:
            return None
        return principal_of(known, ROLES[known.role], via)

    # --- accounts ---------------------------------------------------------------------------------------------------

    def set_up(self, secret: str, name: str, password: str) -> str:
        """Use a set-up link: choose the password (and, for the first account, the name); return a session's secret.

        Raises InputError for an unacceptable name or password (the link still works), AccessError for an expired link.
        """
        fault, now = password_fault(password), self._real.now()
        opened = self.link_opens(secret)
        if opened is None:
            raise AccessError("this set-up link has been used or is older than a day; ask for a new one", status=404)
        name = opened[0] or name.strip().lower()
        check_account(name, "admin")
        if fault:
            raise InputError(fault)
        hashed = self._hash(password)
        with self._store.transaction() as tx:
            if not access.use_link(tx, secret):
                raise AccessError("this set-up link has just been used; ask for a new one", status=404)
            if opened[0] is None:
                if self._in_use(tx):
                    raise AccessError("there is an admin already; ask for an account", status=404)
                if not access.put_account(tx, name, "admin", now):
                    raise InputError(f"there is an account {name!r} already; use its own link, or choose another name")
            access.end_first_link(tx)
            access.set_password(tx, name, hashed)
            self._record(tx, who=name, action="set up account", subject=name, why="by its one-time link")
            return self._open_session(tx, name)
