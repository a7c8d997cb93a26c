"""Accounts for tests: one per role, and tokens for them."""

from collections.abc import Sequence

from agr.access.door import Door
from agr.access.roles import ROLES, Visitor

PASSWORD = "four random words here"


def account(door: Door, name: str, role: str) -> str:
    """Make an account with the tests' password; return its session's secret."""
    return door.set_up(door.add_account("test", name, role), name, PASSWORD)


def visitor(name: str, role: str) -> Visitor:
    """Return somebody who has logged in."""
    return Visitor(name=name, role=role, allowed=ROLES[role], via="session", csrf="csrf")


def token(door: Door, name: str, role: str, scopes: Sequence[str]) -> str:
    """Return a token of an account."""
    return door.make_token(visitor(name, role), "tests", scopes, 1)
