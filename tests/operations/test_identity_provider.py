"""An identity provider that hangs or fails: nobody waits for somebody else, and what was known goes on serving."""

from collections.abc import Callable
from threading import Event, Thread

import pytest

from agr.domain.errors import AccessError
from agr.operations.accounts import identity_provider
from agr.operations.accounts.identity_provider import IdentityProvider, _Kept, begin_attempt
from agr.settings.oidc import Oidc
from tests.builders.http_server import Asked, HttpServer, Told


def refuse(words: str) -> Callable[[], str]:
    def ask() -> str:
        raise AccessError(words, status=503)

    return ask


def never() -> str:
    raise AssertionError("asked again")


def test_while_one_waits_nobody_else_does() -> None:
    kept: _Kept[str] = _Kept()
    began, answered = Event(), Event()

    def slow() -> str:
        began.set()
        assert answered.wait(30)
        return "found"

    told: list[str] = []
    first = Thread(target=lambda: told.append(kept.get(slow)))
    first.start()
    assert began.wait(30)
    with pytest.raises(AccessError, match="somebody else waits"):
        kept.get(never)
    answered.set()
    first.join(30)
    assert told == ["found"]
    assert kept.get(never) == "found"


def test_a_failure_is_remembered_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: _Kept[str] = _Kept()
    with pytest.raises(AccessError, match="hangs"):
        kept.get(refuse("it hangs"))
    with pytest.raises(AccessError, match="hangs"):
        kept.get(never)
    monkeypatch.setattr(identity_provider, "_FAILED_S", -1.0)
    assert kept.get(lambda: "found") == "found"


def test_what_was_known_serves_while_asking_again_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: _Kept[str] = _Kept()
    kept.get(lambda: "old")
    monkeypatch.setattr(identity_provider, "_KEPT_S", -1.0)
    assert kept.get(refuse("it hangs")) == "old"
    assert kept.get(never) == "old", "not asked again at once"
    monkeypatch.setattr(identity_provider, "_FAILED_S", -1.0)
    assert kept.get(lambda: "new") == "new"


def test_a_provider_that_hangs_takes_few_threads_of_the_page() -> None:
    hung, go_on = Event(), Event()

    def answer(_asked: Asked) -> Told | None:
        hung.set()
        assert go_on.wait(30)
        return None

    server = HttpServer(answer)
    provider = IdentityProvider(Oidc(issuer=server.url, client_id="agr"))

    def wait() -> None:
        with pytest.raises(AccessError, match="does not answer"):
            provider.address(begin_attempt("/"), "http://x/")

    first = Thread(target=wait)
    try:
        first.start()
        assert hung.wait(30)
        for _ in range(3):
            with pytest.raises(AccessError, match="somebody else waits"):
                provider.address(begin_attempt("/"), "http://x/")
    finally:
        go_on.set()
        first.join(30)
        provider.close()
        server.close()
