"""Answers of an identity provider that are wrong, stolen or bogus let nobody in."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.builders.identity_provider import Claims
from tests.web.company_login import begin, known, made, provider, refused, through

__all__ = ["made", "provider"]


def spoilt(**changes: object):
    def spoil(claims: Claims) -> Claims:
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    return spoil


SPOILT = {
    "the nonce of another log-in": (spoilt(nonce="another"), "nonce"),
    "no nonce": (spoilt(nonce=None), "nonce"),
    "for another program": (spoilt(aud="somebody-else"), "aud"),
    "also for another program, without saying who asked": (spoilt(aud=["agr", "somebody-else"]), "azp"),
    "asked for by another program": (spoilt(aud=["agr", "somebody-else"], azp="somebody-else"), "azp"),
    "of another provider": (spoilt(iss="https://evil.example"), "iss"),
    "expired": (spoilt(iat=int(time.time()) - 900, exp=int(time.time()) - 600), "expired"),
    "without an end": (spoilt(exp=None), "exp"),
    "of nobody": (spoilt(sub=None), "sub"),
    "without a name": (spoilt(email=None), "has no claim 'email'"),
    "with a name that is no text": (spoilt(email=7), "has no claim 'email'"),
    "with an address that nobody has verified": (spoilt(email_verified=False), "has not verified"),
    "with an address of which it says nothing": (spoilt(email_verified=None), "does not say so (email_verified)"),
    "with an address verified in words": (spoilt(email_verified="true"), "operators.oidc.trusts_addresses"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_an_id_token_that_is_wrong_lets_nobody_in(made, provider, what: str) -> None:
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    provider.spoil, words = SPOILT[what]
    refused(through(desk, provider)[1], words)
    assert known(desk, "olga@example.com").subject is None


def test_a_signature_that_is_not_the_provider_s_lets_nobody_in(made, provider) -> None:
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    provider.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused(through(desk, provider)[1], "not valid")
    provider.signer, provider.header = provider.key, {"alg": "none"}
    refused(through(desk, provider)[1], "not valid")
    provider.header = {"alg": "HS256"}
    refused(through(desk, provider)[1], "not valid")
    provider.header = {"alg": "RS256"}
    assert through(desk, provider)[1].status_code == 303


def test_new_keys_of_the_provider_are_fetched(made, provider) -> None:
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    assert through(desk, provider)[1].status_code == 303
    provider.new_key()
    assert through(desk, provider)[1].status_code == 303
    assert provider.asked.count("/keys") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


def test_an_answer_counts_only_in_the_browser_that_asked_and_once(made, provider) -> None:
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    browser, address = begin(desk)
    back = provider.log_in(address)
    refused(desk.anybody().get(back), "this browser has not begun to log in")
    other, _ = begin(desk)
    refused(other.get(back), "belongs to no log-in that this browser began")
    assert browser.get(back).status_code == 303
    refused(browser.get(back), "this browser has not begun to log in")


def test_a_stolen_code_is_of_no_use_to_another_browser(made, provider) -> None:
    """Who slips somebody else's code into a log-in of their own lacks the verifier that belongs to it."""
    desk = made()
    desk.daemon.authentication.add_for_provider("test", "olga@example.com", "analyst")
    _, victim_s = begin(desk)
    code = parse_qs(urlsplit(provider.log_in(victim_s)).query)["code"][0]
    thief, address = begin(desk)
    state = parse_qs(urlsplit(address).query)["state"][0]
    query = {"code": code, "state": state, "iss": provider.issuer}
    refused(thief.get("/login/oidc/callback", params=query), "invalid_grant")


def test_an_answer_of_another_provider_or_none_is_refused(made, provider) -> None:
    desk = made()
    for issuer in ({"iss": "https://evil.example"}, {}):
        browser, address = begin(desk)
        state = parse_qs(urlsplit(address).query)["state"][0]
        query = {"code": "code-0", "state": state, **issuer}
        refused(browser.get("/login/oidc/callback", params=query), "the answer is of")


def test_what_the_provider_refuses_is_told(made, provider) -> None:
    desk = made()
    browser, address = begin(desk)
    state = parse_qs(urlsplit(address).query)["state"][0]
    query = {"error": "access_denied", "error_description": "<b>no</b>", "state": state, "iss": provider.issuer}
    answer = browser.get("/login/oidc/callback", params=query)
    refused(answer, "the provider refused: &lt;b&gt;no&lt;/b&gt;")


def test_bogus_answers_from_an_address_are_slowed_down(made, provider) -> None:
    desk = made()
    browser, address = begin(desk)
    state = parse_qs(urlsplit(address).query)["state"][0]
    cookie = browser.cookies.get("agr_log_in")
    for number in range(50):
        query = {"code": f"guess-{number}", "state": state, "iss": provider.issuer}
        answer = desk.anybody().get("/login/oidc/callback", params=query, headers={"Cookie": f"agr_log_in={cookie}"})
        assert answer.status_code == 401
        assert "invalid_grant" in answer.text
    asked = len(provider.asked)
    late = desk.anybody().get("/login/oidc/callback", params=query, headers={"Cookie": f"agr_log_in={cookie}"})
    assert (late.status_code, int(late.headers["retry-after"]) > 0) == (429, True)
    assert len(provider.asked) == asked
