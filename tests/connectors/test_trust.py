"""Whose certificates feeds, bids and BRPs may have, and what of a web address is told to others."""

import ssl
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import httpx
import pytest
import trustme
from pydantic import ValidationError

from agr.connectors.hook import Hook
from agr.connectors.http import open_source
from agr.connectors.posting import place_of
from agr.domain.errors import DeliveryError, FeedError, SettingsError
from agr.domain.isp import Period
from agr.settings import Brp, HttpFeed
from agr.uftp.connections import tls_context
from tests.builders.http_server import Asked, HttpServer, Told

DAY = Period(date(2026, 6, 1))
AT = datetime.fromisoformat("2026-06-01T11:55:00+02:00")


class Authority:
    """An authority, its file, and a server with a certificate of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        ca = trustme.CA()
        self.file = folder / f"{name}.pem"
        ca.cert_pem.write_to_path(str(self.file))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        self.server = HttpServer(_answer, context)


def _answer(_: Asked) -> Told:
    return Told(body=b"[]")


@pytest.fixture
def authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Authority, Authority]]:
    """An authority that the system trusts, and another one."""
    system, own = Authority(tmp_path, "system"), Authority(tmp_path, "own")
    monkeypatch.setenv("SSL_CERT_FILE", str(system.file))
    yield system, own
    system.server.close()
    own.server.close()


def fetch(url: str, authorities: Path | None) -> None:
    feed = HttpFeed(name="spot", url=url + "/{period}", kind="price", series="day_ahead", attempts=1)
    open_source(feed, authorities).fetch(DAY)


def post(url: str, authorities: Path | None) -> None:
    hook = Hook("exchange", url, header_env={}, secret_env=None, timeout_s=60, authorities=authorities)
    try:
        hook.post("x", AT, b"bid", {})
    finally:
        hook.close()


@pytest.mark.parametrize(("reach", "refusal"), [(fetch, FeedError), (post, DeliveryError)])
def test_authorities_are_trusted_beside_those_of_the_system(authorities, reach, refusal) -> None:
    system, own = authorities
    reach(system.server.url, None)
    reach(system.server.url, own.file)
    reach(own.server.url, own.file)
    with pytest.raises(refusal, match="certificate verify failed"):
        reach(own.server.url, None)


def test_counterparties_have_certificates_of_the_authorities_alone(authorities) -> None:
    system, own = authorities
    with httpx.Client(verify=tls_context(own.file), timeout=60) as client:
        assert client.get(own.server.url).status_code == 200
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            client.get(system.server.url)


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(FeedError, match=r"feed spot: tls.authorities_file .*ca.pem cannot be used"):
        fetch("https://127.0.0.1:9", tmp_path / "ca.pem")
    with pytest.raises(SettingsError, match=r"tls.authorities_file .*ca.pem cannot be used"):
        post("https://127.0.0.1:9", tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://x.example/secret/path?token=a@b#c", "https://x.example"),
        ("http://user:pass@127.0.0.1:80/a", "http://127.0.0.1:80"),
        ("https://x.example?a", "https://x.example"),
        ("https://x.example", "https://x.example"),
    ],
)
def test_of_a_web_address_only_scheme_and_host_are_told(url: str, place: str) -> None:
    assert place_of(url) == place


def test_neither_a_feed_nor_a_hook_that_fails_tells_its_path() -> None:
    with pytest.raises(FeedError) as of_feed:
        fetch("http://127.0.0.1:9/secret", None)
    with pytest.raises(DeliveryError) as of_hook:
        post("http://127.0.0.1:9/secret", None)
    for caught in (of_feed, of_hook):
        assert "127.0.0.1:9" in str(caught.value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://user:pass@x.example/", "http://user@x.example", "https://a@b@x.example?q"])
def test_a_user_or_password_in_a_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="a user or password in a web address reaches logs"):
        Brp(name="one", url=url)


def test_an_at_sign_behind_the_host_is_none() -> None:
    assert Brp(name="one", url="https://x.example/@home?mail=a@b").url == "https://x.example/@home?mail=a@b"
