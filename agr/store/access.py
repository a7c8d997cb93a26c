"""Accounts, one-time set-up links, sessions and API tokens. Secrets are stored as SHA-256 only."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from agr.store import operator_tables as t
from agr.store.engine import Tx


def digest_of(secret: str) -> str:
    """Return the digest of a random secret: what is stored in its place."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who may log in."""

    name: str
    role: str
    password_hash: str | None
    created_at: datetime
    disabled_at: datetime | None
    dsos: tuple[str, ...] = ()  # DSOs that it acts for; empty: all
    brps: tuple[str, ...] = ()  # balance responsible parties that it acts for; empty: all
    subject: str | None = None  # digest of its owner's identity at an identity provider; None: a local account
    by_provider: bool = False  # whoever has its name at the identity provider may claim it


def _account(row: sa.Row[Any]) -> Account:
    fields = {
        "dsos": tuple(row.dsos or ()), "brps": tuple(row.brps or ()), "by_provider": bool(row.by_provider)
    }  # fmt: skip
    return Account(**(dict(row._mapping) | fields))


@dataclass(frozen=True, kw_only=True)
class LoginSession:
    """A log-in."""

    account: str
    csrf: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, kw_only=True)
class Token:
    """What a program shows instead of a password."""

    id: int
    account: str
    purpose: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def accounts(tx: Tx) -> list[Account]:
    """Return every account by name."""
    return [_account(row) for row in tx.execute(sa.select(t.accounts).order_by(t.accounts.c.name))]


def account(tx: Tx, name: str) -> Account | None:
    """Return one account."""
    row = tx.execute(sa.select(t.accounts).where(t.accounts.c.name == name)).one_or_none()
    return None if row is None else _account(row)


def put_account(tx: Tx, name: str, role: str, at: datetime, *, by_provider: bool = False) -> bool:
    """Create an account without a password; False when the name is taken."""
    if account(tx, name) is not None:
        return False
    tx.execute(t.accounts.insert().values(name=name, role=role, created_at=at, by_provider=by_provider))
    return True


def set_password(tx: Tx, name: str, password_hash: str) -> None:
    """Set the password and end every session made with the old one."""
    tx.execute(t.accounts.update().where(t.accounts.c.name == name).values(password_hash=password_hash))
    tx.execute(t.sessions.delete().where(t.sessions.c.account == name))


def set_role(tx: Tx, name: str, role: str) -> None:
    """Give an account another role, from its next request on."""
    tx.execute(t.accounts.update().where(t.accounts.c.name == name).values(role=role))


def by_subject(tx: Tx, subject: str) -> Account | None:
    """Return the account of somebody at an identity provider."""
    row = tx.execute(sa.select(t.accounts).where(t.accounts.c.subject == subject)).one_or_none()
    return None if row is None else _account(row)


def set_subject(tx: Tx, name: str, subject: str) -> None:
    """Give an account to somebody at an identity provider; its set-up links end."""
    tx.execute(t.accounts.update().where(t.accounts.c.name == name).values(subject=subject))
    tx.execute(t.links.delete().where(t.links.c.account == name))


def leave_to_provider(tx: Tx, name: str) -> None:
    """Let whoever has an account's name at the identity provider claim it; its set-up links end."""
    tx.execute(t.accounts.update().where(t.accounts.c.name == name).values(by_provider=True))
    tx.execute(t.links.delete().where(t.links.c.account == name))


def end_first_link(tx: Tx) -> None:
    """End the set-up link of the first account."""
    tx.execute(t.links.delete().where(t.links.c.account.is_(None)))


def set_dsos(tx: Tx, name: str, dsos: Sequence[str]) -> None:
    """Let an account act for some DSOs only, from its next request on; none: for all."""
    tx.execute(t.accounts.update().where(t.accounts.c.name == name).values(dsos=list(dsos) or sa.null()))


def set_brps(tx: Tx, name: str, brps: Sequence[str]) -> None:
    """Let an account act for some BRPs only, from its next request on; none: for all."""
    tx.execute(t.accounts.update().where(t.accounts.c.name == name).values(brps=list(brps) or sa.null()))


def set_disabled(tx: Tx, name: str, at: datetime | None) -> None:
    """Lock an account at once, with its sessions and set-up links, or unlock it."""
    tx.execute(t.accounts.update().where(t.accounts.c.name == name).values(disabled_at=at))
    if at is not None:
        tx.execute(t.sessions.delete().where(t.sessions.c.account == name))
        tx.execute(t.links.delete().where(t.links.c.account == name))


def put_link(tx: Tx, secret: str, name: str | None, expires_at: datetime) -> None:
    """Store a set-up link for an account, or for the first one; earlier links for it end."""
    tx.execute(t.links.delete().where(t.links.c.account.is_(None) if name is None else t.links.c.account == name))
    tx.execute(t.links.insert().values(digest=digest_of(secret), account=name, expires_at=expires_at))


def link(tx: Tx, secret: str, now: datetime) -> tuple[str | None] | None:
    """Return a tuple of the account that a link is for (None: the first one); None when the link no longer works."""
    mine = sa.and_(t.links.c.digest == digest_of(secret), t.links.c.expires_at > now)
    row = tx.execute(sa.select(t.links.c.account).where(mine)).one_or_none()
    return None if row is None else (row.account,)


def use_link(tx: Tx, secret: str) -> bool:
    """Use a link up; False when it has been used already."""
    return bool(tx.execute(t.links.delete().where(t.links.c.digest == digest_of(secret))).rowcount)


def put_session(tx: Tx, secret: str, name: str, csrf: str, at: datetime) -> None:
    """Store a log-in."""
    tx.execute(t.sessions.insert().values(digest=digest_of(secret), account=name, csrf=csrf, created_at=at, seen_at=at))


def session(tx: Tx, secret: str) -> LoginSession | None:
    """Return a log-in."""
    c = t.sessions.c
    row = tx.execute(
        sa.select(c.account, c.csrf, c.created_at, c.seen_at).where(c.digest == digest_of(secret))
    ).one_or_none()
    return None if row is None else LoginSession(**row._mapping)


def seen(tx: Tx, secret: str, at: datetime) -> None:
    """Record that a session was used."""
    tx.execute(t.sessions.update().where(t.sessions.c.digest == digest_of(secret)).values(seen_at=at))


def end_session(tx: Tx, secret: str) -> None:
    """Log out."""
    tx.execute(t.sessions.delete().where(t.sessions.c.digest == digest_of(secret)))


def forget(tx: Tx, now: datetime, lifetime: timedelta) -> None:
    """Delete sessions, links and remembered requests that are no longer of any use."""
    tx.execute(t.sessions.delete().where(t.sessions.c.created_at < now - lifetime))
    tx.execute(t.links.delete().where(t.links.c.expires_at < now))
    tx.execute(t.requests.delete().where(t.requests.c.at < now - timedelta(days=1)))


def put_token(
    tx: Tx, secret: str, name: str, purpose: str, scopes: Sequence[str], at: datetime, expires_at: datetime
) -> None:
    """Store an API token."""
    tx.execute(
        t.tokens.insert().values(
            digest=digest_of(secret), account=name, purpose=purpose, scopes=list(scopes), created_at=at,
            expires_at=expires_at,
        )
    )  # fmt: skip


_TOKEN = tuple(t.tokens.c[name] for name in Token.__dataclass_fields__)


def token(tx: Tx, secret: str) -> Token | None:
    """Return the token with this secret, valid or not."""
    row = tx.execute(sa.select(*_TOKEN).where(t.tokens.c.digest == digest_of(secret))).one_or_none()
    return None if row is None else Token(**(dict(row._mapping) | {"scopes": tuple(row.scopes)}))


def tokens(tx: Tx) -> list[Token]:
    """Return every token, newest first."""
    rows = tx.execute(sa.select(*_TOKEN).order_by(t.tokens.c.id.desc()))
    return [Token(**(dict(row._mapping) | {"scopes": tuple(row.scopes)})) for row in rows]


def revoke_token(tx: Tx, token_id: int, at: datetime) -> bool:
    """End a token; False when there is none that works."""
    mine = sa.and_(t.tokens.c.id == token_id, t.tokens.c.revoked_at.is_(None))
    return bool(tx.execute(t.tokens.update().where(mine).values(revoked_at=at)).rowcount)
