"""A daemon whose operators log in with an identity provider of their company."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agr.settings.oidc import Oidc
from agr.settings.operators import Operators
from agr.store import access
from tests.builders.identity_provider import IdentityProvider
from tests.builders.operators_side import Desk
from tests.builders.worlds import World

GROUPS = {"roles_claim": "groups", "roles": {"grid": "operator", "it": "admin", "all": "viewer"}}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    opened = IdentityProvider()
    yield opened
    opened.close()


@pytest.fixture
def made(tmp_path: Path, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setenv("AGR_OIDC_SECRET", provider.secret)
    desks: list[Desk] = []

    def make(**more: object) -> Desk:
        world = World(tmp_path)
        oidc = Oidc(
            issuer=provider.issuer, client_id=provider.client_id, client_secret_env="AGR_OIDC_SECRET", **more
        )  # fmt: skip
        world.settings = world.settings.model_copy(update={"operators": Operators(oidc=oidc)})
        desks.append(Desk(world))
        return desks[-1]

    yield make
    for desk in desks:
        desk.close()


def begin(desk: Desk, back: str = "/alarms") -> tuple[httpx.Client, str]:
    """Return a browser that was sent to the provider, and where to."""
    browser = desk.anybody()
    assert 'href="/login/oidc?back=' in browser.get("/login", params={"back": back}).text
    answer = browser.get("/login/oidc", params={"back": back})
    assert answer.status_code == 303, answer.text
    return browser, answer.headers["location"]


def through(desk: Desk, provider: IdentityProvider, back: str = "/alarms") -> tuple[httpx.Client, httpx.Response]:
    """Go through a whole log-in; return the browser, and our answer when it came back."""
    browser, address = begin(desk, back)
    return browser, browser.get(provider.log_in(address))


def refused(answer: httpx.Response, words: str) -> None:
    assert answer.status_code in (401, 403, 503), answer.text
    assert words in answer.text.replace("&#39;", "'").replace("&#34;", '"'), answer.text
    assert "agr_session" not in answer.headers.get("set-cookie", "")


def known(desk: Desk, name: str) -> access.Account | None:
    with desk.world.store.transaction() as tx:
        return access.account(tx, name)
