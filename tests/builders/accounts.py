"""Accounts for tests: one per role, and tokens for them."""

from collections.abc import Sequence

from argon2 import PasswordHasher

from agr.operations.accounts.authentication import Authentication
from agr.operations.accounts.roles import ROLES, Principal

PASSWORD = "four random words here"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes in no time. A password is verified at the cost that its hash names."""


def account(authentication: Authentication, name: str, role: str) -> str:
    """Make an account with the tests' password; return its session's secret."""
    return authentication.set_up(authentication.add_account("test", name, role), name, PASSWORD)


def principal(name: str, role: str) -> Principal:
    """Return somebody who has logged in."""
    return Principal(name=name, role=role, allowed=ROLES[role], via="session", csrf="csrf")


def token(authentication: Authentication, name: str, role: str, scopes: Sequence[str]) -> str:
    """Return a token of an account."""
    return authentication.make_token(principal(name, role), "tests", scopes, 1)
