"""Tokens of programs: made, recognised, revoked. Never allowed more than their owners are now."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from agr.domain.errors import InputError
from agr.domain.faults import number_of
from agr.operations.accounts.administration import Accounts
from agr.operations.accounts.roles import ROLES, Permission, Principal
from agr.store import access

LONGEST_TOKEN_DAYS = 400
_PREFIX = "agr_"


class Tokens(Accounts):
    """Accounts, and the tokens that programs act with in their names."""

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
        return principal_of(known, allowed, f"token {found.id}")

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


def principal_of(known: access.Account, allowed: frozenset[Permission], via: str, csrf: str = "") -> Principal:
    """Return an account's principal: with what it is allowed, and how it was recognised."""
    return Principal(
        name=known.name, role=known.role, allowed=allowed, via=via, csrf=csrf, dsos=_acts_for(known, known.dsos),
        brps=_acts_for(known, known.brps),
    )  # fmt: skip


def _acts_for(known: access.Account, names: Sequence[str]) -> frozenset[str]:
    """Return whom an account acts for, none: all; an admin's are kept for when it is one no more."""
    return frozenset() if known.role == "admin" else frozenset(names)


def _are_scopes(names: Sequence[str]) -> bool:
    return bool(names) and all(name in {may.value for may in Permission} for name in names)
