"""Accounts: added, given links, roles and DSOs, locked; who may log in with one is decided in `authentication`."""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.domain.isp import Clock
from agr.operations.accounts.roles import ROLES, Principal
from agr.settings.section import is_domain
from agr.store import access, audit_log
from agr.store.engine import Store, Tx

LINK_LIFETIME = timedelta(days=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")


class Accounts:
    """Adds and changes accounts. Each step is one transaction, with its line in the audit log."""

    def __init__(self, store: Store, clock: Clock, real: Clock) -> None:
        self._store, self._clock, self._real = store, clock, real

    def _record(self, tx: Tx, *, who: str, action: str, subject: str, why: str = "", detail: str = "") -> None:
        audit_log.record(tx, at=self._clock.now(), who=who, action=action, subject=subject, why=why, detail=detail)

    @staticmethod
    def _admins(tx: Tx) -> set[str]:
        return {a.name for a in access.accounts(tx) if a.role == "admin" and a.disabled_at is None}

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
        """Create an account for the person with this name at the identity provider. Raises InputError.

        One that waits for its set-up becomes such an account; its link ends.
        """
        name = name.strip().lower()
        check_account(name, role)
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
        check_account(name, role)
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

    def change_dsos(self, by: str, name: str, dsos: Sequence[str]) -> tuple[str, ...]:
        """Let an account act for some DSOs only, none: for all; return them. Raises InputError."""
        wanted = tuple(dict.fromkeys(dso.strip().lower() for dso in dsos if dso.strip()))
        wrong = [dso for dso in wanted if not is_domain(dso)]
        if wrong:
            raise InputError(f"{wrong[0]!r} is not an internet domain, such as dso.example.org")
        self._act_only_for(by, name, wanted, "DSOs", access.set_dsos)
        return wanted

    def change_brps(self, by: str, name: str, brps: Sequence[str], known_brps: Sequence[str]) -> tuple[str, ...]:
        """Let an account act for some balance responsible parties (BRPs) only, none: for all; return them.

        `known_brps`: those in the settings. Raises InputError.
        """
        wanted = tuple(dict.fromkeys(brp.strip() for brp in brps if brp.strip()))
        wrong = [brp for brp in wanted if brp not in known_brps]
        if wrong:
            raise InputError(f"{wrong[0]!r} is not in [[brps]], which has {', '.join(known_brps) or 'none'}")
        self._act_only_for(by, name, wanted, "BRPs", access.set_brps)
        return wanted

    def _act_only_for(
        self, by: str, name: str, wanted: tuple[str, ...], whom: str, write: Callable[[Tx, str, Sequence[str]], None]
    ) -> None:
        with self._store.transaction() as tx:
            known = access.account(tx, name)
            if known is None:
                raise InputError(f"there is no account {name!r}")
            if known.role == "admin" and wanted:
                raise InputError(f"{name} is an admin, who acts for all {whom}; give it another role first")
            write(tx, name, wanted)
            self._record(tx, who=by, action=f"change {whom}", subject=name, detail=", ".join(wanted) or "all")

    def change_role(self, by: Principal, name: str, role: str) -> None:
        """Give an account another role. Raises InputError."""
        check_account(name, role)
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
        admins = Accounts._admins(tx)
        if not stays_admin and admins == {name}:
            raise InputError(f"{name} is the only admin left; make another account an admin first")


def is_name(text: str) -> bool:
    """Say whether an account may have this name."""
    return _NAME.fullmatch(text) is not None


def check_account(name: str, role: str) -> None:
    """Raise InputError for what is no name of an account, or no role."""
    if not is_name(name):
        raise InputError(f"{name!r}: an account's name has 1 to 63 of a-z, 0-9, dot, @, _ and -, e.g. anna.operator")
    if role not in ROLES:
        raise InputError(f"{role!r} is not a role; {meant(role, list(ROLES))}")
