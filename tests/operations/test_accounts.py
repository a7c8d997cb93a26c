"""Authentication: log-ins, sessions, tokens, set-up links."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError

from agr.domain.errors import AccessError, InputError
from agr.domain.isp import JumpingClock
from agr.operations.accounts.authentication import Authentication, hash_of_nobody
from agr.operations.accounts.roles import Permission
from agr.settings import Operators
from agr.store import access, audit_log
from tests.builders.accounts import CHEAP, PASSWORD, account, principal, token
from tests.builders.stores import migrated


class House:
    """A authentication, its clock, and the store behind it."""

    def __init__(self, folder: Path) -> None:
        self.clock = JumpingClock(datetime(2026, 3, 28, 6, tzinfo=UTC))
        self.store = migrated(f"sqlite:///{folder / 'agr.db'}")
        self.settings = Operators(failed_log_ins=3, failed_log_ins_s=600, session_hours=8, idle_minutes=30)
        self.authentication = Authentication(self.store, self.settings, self.clock, self.clock, CHEAP)

    def later(self, **span: float) -> None:
        self.clock.jump_to(self.clock.now() + timedelta(**span))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.store.close()


def test_the_right_password_opens_a_session_of_that_role(house):
    account(house.authentication, "olga", "operator")
    found = house.authentication.by_session(house.authentication.log_in(" Olga ", PASSWORD, "::1"))
    assert (found.name, found.role, found.via) == ("olga", "operator", "session")
    assert found.may(Permission.ACT)
    assert not found.may(Permission.ADMIN)


def test_neither_passwords_nor_secrets_are_in_the_store(house, tmp_path):
    session = account(house.authentication, "olga", "operator")
    secret = token(house.authentication, "olga", "operator", ["read"])
    link = house.authentication.new_link("test", "olga")
    with house.store.transaction() as tx:
        tx.exec_driver_sql("select 1")
    raw = b"".join(p.read_bytes() for p in tmp_path.glob("agr.db*"))
    for hidden in (PASSWORD, session, secret, link):
        assert hidden.encode() not in raw
    assert b"$argon2id$" in raw


@pytest.mark.parametrize(("name", "password"), [("olga", "wrong"), ("nobody", PASSWORD), ("olga", ""), ("", "")])
def test_a_wrong_log_in_does_not_say_what_was_wrong(house, name, password):
    account(house.authentication, "olga", "operator")
    with pytest.raises(AccessError, match="name or password is wrong") as refused:
        house.authentication.log_in(name, password, "::1")
    assert refused.value.status == 401


def test_guessing_is_slowed_down_per_account_and_forgiven_after_a_while(house):
    account(house.authentication, "olga", "operator")
    for number in range(3):
        with pytest.raises(AccessError, match="is wrong"):
            house.authentication.log_in("olga", "guess", f"10.0.0.{number}")
    with pytest.raises(AccessError, match="try again in 10 minutes") as refused:
        house.authentication.log_in("olga", PASSWORD, "10.0.0.9")
    assert refused.value.status == 429
    assert 0 < refused.value.retry_after_s <= 600
    house.later(seconds=601)
    assert house.authentication.log_in("olga", PASSWORD, "10.0.0.9")


def test_guessing_many_accounts_from_one_address_is_slowed_down_too(house):
    for number in range(30):
        with pytest.raises(AccessError, match="is wrong"):
            house.authentication.log_in(f"somebody{number}", "guess", "10.0.0.1")
    with pytest.raises(AccessError, match="too many failed"):
        house.authentication.log_in("another", "guess", "10.0.0.1")
    with pytest.raises(AccessError, match="is wrong"):
        house.authentication.log_in("another", "guess", "10.0.0.2")


def test_a_session_ends_when_it_is_old_or_idle_and_with_the_log_out(house):
    account(house.authentication, "olga", "operator")
    used = house.authentication.log_in("olga", PASSWORD, "::1")
    for _ in range(15):
        house.later(minutes=29)
        assert house.authentication.by_session(used)
    house.later(minutes=45)
    assert house.authentication.by_session(used) is None, "nobody used it for more than 30 minutes"
    old = house.authentication.log_in("olga", PASSWORD, "::1")
    for _ in range(19):
        house.later(minutes=25)
        assert house.authentication.by_session(old)
    house.later(minutes=25)
    assert house.authentication.by_session(old) is None, "8 hours are over"
    left = house.authentication.log_in("olga", PASSWORD, "::1")
    house.authentication.log_out(left)
    assert house.authentication.by_session(left) is None


def test_a_new_password_and_being_disabled_end_every_session(house):
    account(house.authentication, "anna", "admin")
    first = account(house.authentication, "olga", "operator")
    second = house.authentication.set_up(
        house.authentication.new_link("anna", "olga"), "olga", "other random words too"
    )
    assert house.authentication.by_session(first) is None
    assert house.authentication.by_session(second)
    house.authentication.set_disabled(principal("anna", "admin"), "olga", disabled=True)
    assert house.authentication.by_session(second) is None
    with pytest.raises(AccessError):
        house.authentication.log_in("olga", "other random words too", "::1")


def test_a_role_that_changes_changes_what_an_open_session_may_do(house):
    account(house.authentication, "anna", "admin")
    session = account(house.authentication, "olga", "operator")
    house.authentication.change_role(principal("anna", "admin"), "olga", "viewer")
    assert not house.authentication.by_session(session).may(Permission.ACT)


def test_a_set_up_link_works_once_and_for_a_day(house):
    link = house.authentication.add_account("test", "olga", "operator")
    assert house.authentication.link_opens(link) == ("olga",)
    house.authentication.set_up(link, "", PASSWORD)
    with pytest.raises(AccessError, match="has been used"):
        house.authentication.set_up(link, "", PASSWORD)
    late = house.authentication.new_link("test", "olga")
    newer = house.authentication.new_link("test", "olga")
    assert house.authentication.link_opens(late) is None, "a newer link replaces it"
    house.later(hours=25)
    assert house.authentication.link_opens(newer) is None


def test_the_first_link_is_there_until_somebody_has_a_password(house):
    stale, link = house.authentication.first_link(), house.authentication.first_link()
    assert house.authentication.link_opens(stale) is None
    with pytest.raises(InputError, match="too short"):
        house.authentication.set_up(link, "anna", "short")
    with pytest.raises(InputError, match="an account's name has"):
        house.authentication.set_up(link, "no spaces please", PASSWORD)
    found = house.authentication.by_session(house.authentication.set_up(link, "Anna", PASSWORD))
    assert (found.name, found.role) == ("anna", "admin")
    assert house.authentication.first_link() is None


@pytest.mark.parametrize("password", ["elevenchars", "aaaaaaaaaaaaaaaa", "x" * 513])
def test_a_bad_password_is_refused_in_words_and_the_link_still_works(house, password):
    link = house.authentication.add_account("test", "olga", "operator")
    with pytest.raises(InputError, match="password"):
        house.authentication.set_up(link, "", password)
    assert house.authentication.link_opens(link) == ("olga",)


def test_a_token_does_what_its_scopes_say_and_never_more_than_its_owner(house):
    account(house.authentication, "anna", "admin")
    account(house.authentication, "olga", "operator")
    found = house.authentication.by_token(token(house.authentication, "olga", "operator", ["read", "act"]))
    assert found.allowed == {Permission.READ, Permission.ACT}
    assert found.label.startswith("olga (token ")
    acting = token(house.authentication, "olga", "operator", ["act"])
    house.authentication.change_role(principal("anna", "admin"), "olga", "viewer")
    assert house.authentication.by_token(acting).allowed == frozenset()
    with pytest.raises(InputError, match="scopes admin"):
        token(house.authentication, "olga", "operator", ["admin"])


def test_a_token_ends_by_time_revocation_and_with_its_owner(house):
    account(house.authentication, "anna", "admin")
    account(house.authentication, "olga", "operator")
    olga = principal("olga", "operator")
    short, revoked, orphaned = (house.authentication.make_token(olga, "tests", ["read"], days) for days in (1, 9, 9))
    house.authentication.revoke_token(olga, 2)
    assert house.authentication.by_token(revoked) is None
    house.later(hours=25)
    assert house.authentication.by_token(short) is None
    assert house.authentication.by_token(orphaned)
    with pytest.raises(InputError, match="no token 3 of yours"):
        house.authentication.revoke_token(principal("vera", "viewer"), 3)
    house.authentication.set_disabled(principal("anna", "admin"), "olga", disabled=True)
    assert house.authentication.by_token(orphaned) is None


def test_the_last_admin_can_neither_go_nor_be_made_less(house):
    account(house.authentication, "anna", "admin")
    for act in (
        lambda: house.authentication.change_role(principal("anna", "admin"), "anna", "viewer"),
        lambda: house.authentication.set_disabled(principal("anna", "admin"), "anna", disabled=True),
    ):
        with pytest.raises(InputError, match="only admin left"):
            act()


def test_everything_about_accounts_is_in_the_audit_log(house):
    account(house.authentication, "anna", "admin")
    account(house.authentication, "olga", "operator")
    house.authentication.change_role(principal("anna", "admin"), "olga", "viewer")
    token(house.authentication, "anna", "admin", ["read"])
    house.authentication.set_disabled(principal("anna", "admin"), "olga", disabled=True)
    with house.store.transaction() as tx:
        found = [(d.who, d.action, d.subject) for d in reversed(audit_log.entries(tx))]
    assert found == [
        ("test", "add account", "anna"),
        ("anna", "set up account", "anna"),
        ("test", "add account", "olga"),
        ("olga", "set up account", "olga"),
        ("anna", "change role", "olga"),
        ("anna", "make token", "anna"),
        ("anna", "disable account", "olga"),
    ]


def test_a_password_is_hashed_as_owasp_asks_where_nobody_says_otherwise(house):
    authentication = Authentication(house.store, house.settings, house.clock, house.clock)
    authentication.set_up(authentication.add_account("test", "olga", "viewer"), "", PASSWORD)
    with house.store.transaction() as tx:
        hashed = access.account(tx, "olga").password_hash
    memory_kib, passes = (int(v) for v in re.search(r"m=(\d+),t=(\d+)", hashed).groups())
    assert hashed.startswith("$argon2id$")
    assert memory_kib >= 19 * 1024
    assert passes >= 2


def test_a_password_is_computed_for_somebody_unknown_as_for_anybody():
    """Who is told apart by the time it takes is told apart."""
    nobody, somebody = hash_of_nobody(CHEAP), CHEAP.hash(PASSWORD)
    assert extract_parameters(nobody) == extract_parameters(somebody)
    with pytest.raises(VerifyMismatchError):  # not InvalidHashError, which comes at once
        CHEAP.verify(nobody, PASSWORD)
    assert hash_of_nobody(CHEAP) != nobody


def test_the_first_link_takes_over_no_account_that_there_is(house):
    link = house.authentication.first_link()
    other = house.authentication.add_account("test", "olga", "viewer")
    with pytest.raises(InputError, match="use its own link, or choose another name"):
        house.authentication.set_up(link, "olga", PASSWORD)
    house.authentication.set_up(other, "", PASSWORD)
    assert house.authentication.link_opens(link) is None, "somebody can log in"
    with pytest.raises(AccessError, match="has been used"):
        house.authentication.set_up(link, "mallory", PASSWORD)


def test_an_account_acts_for_its_dsos_again_when_it_is_no_admin_any_more(house):
    account(house.authentication, "anna", "admin")
    session = account(house.authentication, "olga", "operator")
    house.authentication.change_dsos("anna", "olga", ["dso.example"])
    acting = token(house.authentication, "olga", "operator", ["act"])
    for role, dsos in (("operator", {"dso.example"}), ("admin", set()), ("viewer", {"dso.example"})):
        house.authentication.change_role(principal("anna", "admin"), "olga", role)
        for found in (
            house.authentication.by_session(session), house.authentication.by_token(acting),
            house.authentication.by_name("olga", "test"),
        ):  # fmt: skip
            assert found.dsos == dsos


def test_a_scope_that_the_role_does_not_allow_is_told_apart_from_one_that_there_is_not(house):
    account(house.authentication, "vera", "viewer")
    with pytest.raises(InputError, match="readings: the role viewer of vera does not allow them; choose from metrics"):
        token(house.authentication, "vera", "viewer", ["readings"])
    with pytest.raises(InputError, match="reading: choose from"):
        token(house.authentication, "vera", "viewer", ["reading"])
