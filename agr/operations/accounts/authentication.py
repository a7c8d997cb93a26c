"""Authenticates people and programs: log-ins, sessions, tokens, set-up links. Every refusal says what to do."""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from agr.domain.errors import AccessError, InputError
from agr.domain.faults import meant, number_of
from agr.domain.isp import Clock
from agr.operations.accounts.login_rate_limit import LoginRateLimit
from agr.operations.accounts.roles import ROLES, Permission, Principal
from agr.settings import Operators
from agr.settings.section import is_domain
from agr.store import access, audit_log
from agr.store.engine import Store, Tx

log = structlog.get_logger()

LINK_LIFETIME = timedelta(days=1)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 512
LONGEST_TOKEN_DAYS = 400
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")
_SEEN_EVERY = timedelta(minutes=1)
_PREFIX = "agr_"


def password_fault(password: str) -> str | None:
    """Say what is wrong with a new password; length is what counts (NIST SP 800-63B)."""
    if len(password) < SHORTEST_PASSWORD:
        return f"the password is too short: use at least {SHORTEST_PASSWORD} characters, e.g. four random words"
    if len(password) > LONGEST_PASSWORD:
        return f"the password is too long: use at most {LONGEST_PASSWORD} characters"
    if len(set(password)) < 5:
        return "the password repeats too few characters; use e.g. four random words"
    return None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody whom an identity provider vouches for."""

    subject: str  # digest of issuer and subject, which never change
    name: str
    role: str | None  # what the provider's groups say; None: the account here says
    outside: str = ""  # why they may not log in, where the provider's groups say so


class Authentication:
    """The one place that checks secrets. Log-ins expire by the machine's clock; the audit log has the market's."""

    def __init__(
        self, store: Store, settings: Operators, clock: Clock, real: Clock, hasher: PasswordHasher | None = None
    ) -> None:
        self._store, self._settings, self._clock, self._real = store, settings, clock, real
        self._hasher = hasher or PasswordHasher()
        self._one_at_a_time = Lock()  # hashing takes 64 MiB: a flood of log-ins must not take all memory
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        self._throttle = LoginRateLimit(settings.failed_log_ins, settings.failed_log_ins_s)
        self._lifetime = timedelta(hours=settings.session_hours)
        self._idle = timedelta(minutes=settings.idle_minutes)

    def _record(self, tx: Tx, *, who: str, action: str, subject: str, why: str = "", detail: str = "") -> None:
        audit_log.record(tx, at=self._clock.now(), who=who, action=action, subject=subject, why=why, detail=detail)

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
        """Make the account of somebody whose role the provider tells. Raises AccessError."""
        if person.role is None:
            raise AccessError(f"there is no account {name!r} here; ask an admin to add one with this name", status=403)
        if not _NAME.fullmatch(name):
            raise AccessError(f"{name!r} cannot be the name of an account: it may have a-z, 0-9, dot, @, _ and -")
        access.put_account(tx, name, person.role, self._real.now(), by_provider=True)
        self._record(tx, who=name, action="add account", subject=name, why="by the provider", detail=person.role)
        made = access.account(tx, name)
        assert made is not None
        return made

    @staticmethod
    def _admins(tx: Tx) -> set[str]:
        return {a.name for a in access.accounts(tx) if a.role == "admin" and a.disabled_at is None}

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
        return Principal(
            name=known.name, role=known.role, allowed=ROLES[known.role], via="session", csrf=found.csrf,
            dsos=_dsos(known),
        )  # fmt: skip

    def by_name(self, name: str, via: str) -> Principal | None:
        """Return the principal of an account in whose name something is done, None when it is not in use."""
        with self._store.transaction() as tx:
            known = access.account(tx, name)
        if known is None or known.disabled_at is not None:
            return None
        return Principal(name=known.name, role=known.role, allowed=ROLES[known.role], via=via, dsos=_dsos(known))

    # --- programs ---------------------------------------------------------------------------------------------------

    def by_token(self, secret: str) -> Principal | None:
        """Return the principal of a token; it is never allowed more than its owner is now."""
        now = self._real.now()
        with self._store.transaction() as tx:
            found = access.token(tx, secret)
            known = access.account(tx, found.account) if found is not None else None
        if found is None or known is None or known.disabled_at is not None:
            return None
        if found.revoked_at is not None or found.expires_at <= now:
            return None
        allowed = frozenset(m for m in ROLES[known.role] if m.value in found.scopes)
        return Principal(name=known.name, role=known.role, allowed=allowed, via=f"token {found.id}", dsos=_dsos(known))

    def make_token(self, owner: Principal, purpose: str, scopes: Sequence[str], days: int) -> str:
        """Return the secret of a new token: shown once, stored as a digest. Raises InputError."""
        known = {may.value for may in owner.allowed}
        wrong = sorted(set(scopes) - known)
        if wrong or not scopes:
            lacking = f" the role {owner.role} of {owner.name} does not allow them;" if _are_scopes(wrong) else ""
            raise InputError(f"scopes {', '.join(wrong) or 'missing'}:{lacking} choose from {', '.join(sorted(known))}")
        if not 1 <= days <= LONGEST_TOKEN_DAYS:
            raise InputError(f"a token lasts 1 to {LONGEST_TOKEN_DAYS} days, not {days}")
        if not purpose.strip():
            raise InputError("say what the token is for, so that whoever revokes it knows")
        secret, now = _PREFIX + secrets.token_urlsafe(32), self._real.now()
        with self._store.transaction() as tx:
            access.put_token(tx, secret, owner.name, purpose.strip()[:255], scopes, now, now + timedelta(days=days))
            self._record(
                tx, who=owner.label, action="make token", subject=owner.name, why=purpose.strip()[:255],
                detail=f"scopes {', '.join(sorted(scopes))}, {number_of(days, 'day')}",
            )  # fmt: skip
        return secret

    def revoke_token(self, by: Principal, token_id: int) -> None:
        """End a token of one's own or, as an admin, anybody's. Raises InputError."""
        now = self._real.now()
        with self._store.transaction() as tx:
            owner = next((t.account for t in access.tokens(tx) if t.id == token_id), None)
            mine = owner == by.name or by.may(Permission.ADMIN)
            if owner is None or not mine or not access.revoke_token(tx, token_id, now):
                raise InputError(f"there is no token {token_id} of yours that still works")
            self._record(tx, who=by.label, action="revoke token", subject=f"{owner} {token_id}")

    # --- accounts ---------------------------------------------------------------------------------------------------

    def first_link(self) -> str | None:
        """Return the secret of a set-up link for the first admin while there is no account; earlier links end."""
        now = self._real.now()
        with self._store.transaction() as tx:
            if self._in_use(tx):
                return None
            secret = secrets.token_urlsafe(32)
            access.put_link(tx, secret, None, now + LINK_LIFETIME)
        return secret

    @staticmethod
    def _in_use(tx: Tx) -> bool:
        """Say whether anybody can log in, so that nobody may become the first admin any more."""
        return any(a.password_hash is not None or a.subject is not None for a in access.accounts(tx))

    def add_for_provider(self, by: str, name: str, role: str) -> None:
        """Create an account for who has this name at the identity provider. Raises InputError.

        One that waits for its set-up becomes such an account; its link ends.
        """
        name = name.strip().lower()
        _check_account(name, role)
        with self._store.transaction() as tx:
            if not access.put_account(tx, name, role, self._real.now(), by_provider=True):
                known = access.account(tx, name)
                if known is None or known.password_hash is not None or known.subject is not None:
                    raise InputError(f"there is an account {name!r} in use already")
                access.set_role(tx, name, role)
                access.leave_to_provider(tx, name)
            self._record(tx, who=by, action="add account", subject=name, detail=f"role {role}, at the provider")

    def add_account(self, by: str, name: str, role: str) -> str:
        """Create an account and return the secret of its set-up link. Raises InputError."""
        name, now = name.strip().lower(), self._real.now()
        _check_account(name, role)
        with self._store.transaction() as tx:
            if not access.put_account(tx, name, role, now):
                raise InputError(f"there is an account {name!r} already; give it a new set-up link instead")
            self._record(tx, who=by, action="add account", subject=name, detail=f"role {role}")
            return self._link(tx, name)

    def new_link(self, by: str, name: str) -> str:
        """Return the secret of a new set-up link: whoever has it chooses the password. Raises InputError."""
        with self._store.transaction() as tx:
            known = access.account(tx, name)
            if known is None or known.disabled_at is not None:
                raise InputError(f"there is no account {name!r} in use")
            self._record(tx, who=by, action="new set-up link", subject=name)
            return self._link(tx, name)

    def _link(self, tx: Tx, name: str) -> str:
        secret = secrets.token_urlsafe(32)
        access.put_link(tx, secret, name, self._real.now() + LINK_LIFETIME)
        return secret

    def link_opens(self, secret: str) -> tuple[str | None] | None:
        """Return (account, None for the first one) when a set-up link works."""
        with self._store.transaction() as tx:
            found = access.link(tx, secret, self._real.now())
            return None if found == (None,) and self._in_use(tx) else found

    def set_up(self, secret: str, name: str, password: str) -> str:
        """Use a set-up link: choose the password (and, for the first account, the name); return a session's secret.

        Raises InputError for an unacceptable name or password (the link still works), AccessError for an expired link.
        """
        fault, now = password_fault(password), self._real.now()
        opened = self.link_opens(secret)
        if opened is None:
            raise AccessError("this set-up link has been used or is older than a day; ask for a new one", status=404)
        name = opened[0] or name.strip().lower()
        _check_account(name, "admin")
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

    def change_dsos(self, by: str, name: str, dsos: Sequence[str]) -> tuple[str, ...]:
        """Let an account act for some DSOs only, none: for all; return them. Raises InputError."""
        wanted = tuple(dict.fromkeys(dso.strip().lower() for dso in dsos if dso.strip()))
        wrong = [dso for dso in wanted if not is_domain(dso)]
        if wrong:
            raise InputError(f"{wrong[0]!r} is not an internet domain, such as dso.example.org")
        with self._store.transaction() as tx:
            known = access.account(tx, name)
            if known is None:
                raise InputError(f"there is no account {name!r}")
            if known.role == "admin" and wanted:
                raise InputError(f"{name} is an admin, who acts for all DSOs; give it another role first")
            access.set_dsos(tx, name, wanted)
            self._record(tx, who=by, action="change DSOs", subject=name, detail=", ".join(wanted) or "all")
        return wanted

    def change_role(self, by: Principal, name: str, role: str) -> None:
        """Give an account another role. Raises InputError."""
        _check_account(name, role)
        with self._store.transaction() as tx:
            self._keep_an_admin(tx, name, role == "admin")
            access.set_role(tx, name, role)
            self._record(tx, who=by.label, action="change role", subject=name, detail=role)

    def set_disabled(self, by: Principal, name: str, disabled: bool) -> None:
        """Lock an account at once, or unlock it. Raises InputError."""
        now = self._real.now()
        with self._store.transaction() as tx:
            self._keep_an_admin(tx, name, not disabled)
            access.set_disabled(tx, name, now if disabled else None)
            action = "disable account" if disabled else "enable account"
            self._record(tx, who=by.label, action=action, subject=name)

    @staticmethod
    def _keep_an_admin(tx: Tx, name: str, stays_admin: bool) -> None:
        known = access.account(tx, name)
        if known is None:
            raise InputError(f"there is no account {name!r}")
        admins = Authentication._admins(tx)
        if not stays_admin and admins == {name}:
            raise InputError(f"{name} is the only admin left; make another account an admin first")


def _dsos(known: access.Account) -> frozenset[str]:
    """Return the DSOs that an account acts for, none: all; an admin's are kept for when it is one no more."""
    return frozenset() if known.role == "admin" else frozenset(known.dsos)


def _check_account(name: str, role: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r}: an account's name has 1 to 63 of a-z, 0-9, dot, @, _ and -, e.g. anna.operator")
    if role not in ROLES:
        raise InputError(f"{role!r} is not a role; {meant(role, list(ROLES))}")


def _are_scopes(names: Sequence[str]) -> bool:
    return bool(names) and all(name in {may.value for may in Permission} for name in names)
