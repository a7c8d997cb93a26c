"""Log-in at an identity provider that is a real HTTP server: who comes in, and every answer that lets nobody in."""

from pathlib import Path

import pytest
import tomli_w
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import AccessError, InputError
from agr.operations.accounts import identity_provider
from agr.settings.oidc import Oidc
from agr.store import audit_log
from tests.builders.accounts import PASSWORD, account, principal, token
from tests.builders.operators_side import Desk
from tests.builders.worlds import World
from tests.web.company_login import GROUPS, known, made, provider, refused, through
from tests.web.register_desk import Person

__all__ = ["made", "provider"]


def test_a_person_with_an_account_comes_in_and_goes_where_they_wanted(made, provider) -> None:
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    browser, answer = through(desk, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/alarms")
    assert "HttpOnly" in answer.headers["set-cookie"]
    page = browser.get("/account").text
    assert "olga@example.com <small>analyst" in page
    with desk.world.store.transaction() as tx:
        assert audit_log.entries(tx)[0].why == "by the provider"
    _, answer = through(desk, provider, back="//evil.example")
    assert answer.headers["location"] == "/", "never to another site"


def test_without_groups_an_admin_adds_accounts(made, provider) -> None:
    desk = made()
    refused(through(desk, provider)[1], "there is no account 'olga@example.com' here; ask an admin")
    assert known(desk, "olga@example.com") is None


def test_groups_make_accounts_and_roles_follow_them(made, provider) -> None:
    desk = made(**GROUPS)
    account(desk.accounts, "root", "admin")
    provider.person["groups"] = ["all", "grid", "choir"]
    assert through(desk, provider)[1].status_code == 303
    assert known(desk, "olga@example.com").role == "operator"
    provider.person["groups"] = "all"
    assert through(desk, provider)[1].status_code == 303
    assert known(desk, "olga@example.com").role == "viewer"
    provider.person["groups"] = ["choir"]
    refused(through(desk, provider)[1], "you are in none of the groups that may log in here: grid, it, all")


def test_the_last_admin_stays_one_whatever_the_groups_say(made, provider) -> None:
    desk = made(**GROUPS)
    provider.person["groups"] = ["it"]
    assert through(desk, provider)[1].status_code == 303
    provider.person["groups"] = ["all"]
    assert through(desk, provider)[1].status_code == 303
    assert known(desk, "olga@example.com").role == "admin"
    assert desk.daemon.authentication.first_link() is None, "there is an admin"


def test_the_same_person_keeps_the_account_under_a_new_name_and_nobody_else_gets_it(made, provider) -> None:
    desk = made(**GROUPS)
    provider.person["groups"] = ["all"]
    through(desk, provider)
    provider.person["email"] = "olga.married@example.com"
    browser, _ = through(desk, provider)
    assert "olga@example.com" in browser.get("/account").text
    provider.person |= {"sub": "4712", "email": "olga@example.com"}
    refused(through(desk, provider)[1], "belongs to somebody else at the provider")


def test_a_local_account_with_a_password_is_not_given_away(made, provider) -> None:
    desk = made(**GROUPS)
    account(desk.accounts, "olga@example.com", "admin")
    provider.person["groups"] = ["it"]
    refused(through(desk, provider)[1], "is a local account with a password")


def test_a_disabled_account_stays_outside(made, provider) -> None:
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    through(desk, provider)
    desk.daemon.authentication.set_disabled(principal("root", "admin"), "olga@example.com", disabled=True)
    refused(through(desk, provider)[1], "is disabled")


def test_a_provider_that_is_down_or_wrong_leaves_local_accounts_working(made, provider, monkeypatch) -> None:
    desk = made()
    account(desk.accounts, "root", "admin")
    monkeypatch.setattr(identity_provider, "_FAILED_S", 0.0)
    provider.down = True
    refused(desk.anybody().get("/login/oidc"), "local accounts still work")
    provider.down = False
    issuer, provider.issuer = provider.issuer, "https://elsewhere.example"
    refused(desk.anybody().get("/login/oidc"), "correct operators.oidc.issuer")
    provider.issuer = issuer
    monkeypatch.setenv("AGR_OIDC_SECRET", "wrong")
    refused(through(desk, provider)[1], "invalid_client")
    monkeypatch.delenv("AGR_OIDC_SECRET")
    refused(through(desk, provider)[1], "AGR_OIDC_SECRET is not set")
    entered = desk.anybody().post("/login", data={"name": "root", "password": "four random words here"})
    assert entered.status_code == 303


def test_without_a_provider_there_is_no_such_page(tmp_path: Path) -> None:
    desk = Desk(World(tmp_path))
    try:
        assert "/login/oidc" not in desk.anybody().get("/login").text
        assert desk.anybody().get("/login/oidc").status_code == 404
        assert desk.anybody().get("/login/oidc/callback").status_code == 404
    finally:
        desk.close()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"issuer": "http://login.example.com"}, "expected https"),
        ({"scope": "email"}, "expected the scope openid"),
        ({"roles_claim": "groups"}, "belong together"),
        ({"roles_claim": "groups", "roles": {"x": "boss"}}, "viewer"),
    ],
)
def test_settings_that_are_unsafe_or_incomplete_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Oidc(**({"issuer": "https://login.example.com", "client_id": "agr"} | values))


def test_in_a_browser_one_click_leads_through_the_provider_to_the_page_one_wanted(made, provider, browser) -> None:
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(desk.url + "/register/batteries?q=batt")
    page.get_by_role("link", name="log in with your company's account").click()
    page.wait_for_url("**/register/batteries?q=batt")
    assert "olga@example.com" in page.get_by_role("banner").inner_text()
    names = {cookie["name"] for cookie in context.cookies()}
    assert names == {"agr_session"}, "nothing is left of the attempt"
    context.close()


def test_addresses_are_trusted_without_a_word_only_where_the_settings_say_so(made, provider) -> None:
    desk = made(trusts_addresses=True)
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    del provider.person["email_verified"]
    assert through(desk, provider)[1].status_code == 303


@pytest.mark.parametrize("groups", [{}, GROUPS])
def test_who_was_sent_a_set_up_link_loses_the_account_to_nobody(made, provider, groups) -> None:
    desk = made(**groups)
    provider.person["groups"] = ["it"]
    link = desk.daemon.authentication.add_account("test", "olga@example.com", "admin")
    refused(through(desk, provider)[1], "was added with a set-up link")
    assert known(desk, "olga@example.com").subject is None
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "viewer")
    assert through(desk, provider)[1].status_code == 303
    assert desk.daemon.authentication.link_opens(link) is None
    with pytest.raises(InputError, match="in use already"):
        desk.daemon.authentication.add_for_provider("test", "olga@example.com", "admin")


def test_the_first_link_ends_when_the_first_person_comes_from_the_provider(made, provider) -> None:
    desk = made(**GROUPS)
    theirs = desk.daemon.authentication
    link = theirs.first_link()
    provider.person["groups"] = ["it"]
    through(desk, provider)
    assert theirs.link_opens(link) is None
    with pytest.raises(AccessError, match="has been used"):
        theirs.set_up(link, "olga@example.com", PASSWORD)
    assert known(desk, "olga@example.com").password_hash is None


def test_who_has_left_the_groups_is_out_at_once_with_sessions_and_tokens(made, provider) -> None:
    desk = made(**GROUPS)
    account(desk.accounts, "root", "admin")
    provider.person["groups"] = ["grid"]
    browser, _ = through(desk, provider)
    reader = token(desk.daemon.authentication, "olga@example.com", "operator", ["read"])
    assert desk.daemon.authentication.by_token(reader)
    provider.person["groups"] = ["choir"]
    refused(through(desk, provider)[1], "you are in none of the groups")
    assert browser.get("/account").status_code in (303, 401)
    assert desk.daemon.authentication.by_token(reader) is None
    provider.person["groups"] = ["grid"]
    refused(through(desk, provider)[1], "is disabled; an admin can enable it")
    with desk.world.store.transaction() as tx:
        line = audit_log.entries(tx)[0]
    assert (line.action, line.subject, line.why) == ("disable account", "olga@example.com", "by the provider")


def test_an_admin_adds_a_company_account_on_the_page_without_a_link(made, provider) -> None:
    desk = made()
    root = Person(desk, "root", "admin")
    assert "logs in with your company" in root.get("/account").text
    added = root.post("/do/account", {"name": "olga@example.com", "role": "analyst", "company": "yes"})
    assert "whoever has this name at the identity provider may log in" in added.text
    assert "waiting for the provider" in added.text
    assert through(desk, provider)[1].status_code == 303


def test_the_command_line_adds_company_accounts_where_there_is_a_provider(made, provider, tmp_path: Path) -> None:
    desk, config = made(), tmp_path / "agr.toml"
    settings = desk.world.settings.model_dump(mode="json", exclude_none=True, exclude_unset=True)

    def agr(*words: str, code: int = 0) -> str:
        config.write_text(tomli_w.dumps(settings))
        found = CliRunner().invoke(app, ["accounts", *words, "--config", str(config)])
        assert found.exit_code == code, found.output
        return " ".join(found.output.split())

    added = agr("add", "olga@example.com", "--role", "analyst", "--company")
    assert "whoever has this name at the identity provider may log in" in added
    assert "/setup/" not in added
    assert "olga@example.com analyst waiting for the provider" in agr("list")
    assert through(desk, provider)[1].status_code == 303
    assert "olga@example.com analyst in use" in agr("list")
    del settings["operators"]
    assert "there is no identity provider" in agr("add", "vera@example.com", "--company", code=1)
