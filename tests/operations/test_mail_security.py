"""Alarms by e-mail over TLS: certificates of a real authority, log-ins, and nothing in clear text when TLS fails."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from agr.domain.errors import SettingsError
from agr.operations.alerts.notifier import Notifier
from agr.settings import Alarms, Email, load
from agr.store import day
from tests.builders.mailbox import Mailbox
from tests.builders.worlds import World

USER, PASSWORD, VARIABLE = "agr", "s3cret w0rds", "AGR_TEST_MAIL_PASSWORD"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def shown(authority: trustme.CA, *names: str, until: datetime | None = None) -> ssl.SSLContext:
    """Return what a server shows: a certificate of an authority for some names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost",)), not_after=until).configure_cert(context)
    return context


class Post:
    """A daemon's notifier with one e-mail channel to a server on this machine."""

    def __init__(self, folder: Path, box: Mailbox, authority: trustme.CA | None, **channel: object) -> None:
        values = {
            "name": "operators", "host": "localhost", "port": box.port, "sender": "AGR <agr@agr.example>",
            "recipients": ("anna@agr.example", "olga@agr.example"), "user": USER, "password_env": VARIABLE,
        } | channel  # fmt: skip
        trusted = folder / "authority.pem" if authority is not None else None
        if authority is not None:
            authority.cert_pem.write_to_path(str(trusted))
        self.world = World(folder)
        alarms = Alarms(settle_s=0, authorities_file=trusted, emails=(Email.model_validate(values),))
        self.notifier = Notifier(
            self.world.store, self.world.settings.model_copy(update={"alarms": alarms}), self.world.clock, lambda: ""
        )

    def tell(self) -> tuple[int, str]:
        """Raise an alarm and tell it: (how many notices left, what the page says of the channel)."""
        with self.world.store.transaction() as tx:
            day.raise_alarm(tx, "no plan", "2026-03-29", "text", self.world.clock.now())
        told = self.notifier.tell()
        with self.world.store.transaction() as tx:
            said = [a.text for a in day.open_alarms(tx) if a.kind == "notice failed"]
        return told, "".join(said)

    def close(self) -> None:
        self.notifier.close()
        self.world.store.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Mailbox | Post]]:
    """What a test has opened; closed in the end."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    things: list[Mailbox | Post] = []
    yield things
    for thing in reversed(things):
        thing.close()


def in_clear(box: Mailbox) -> set[bytes]:
    return {line.split()[0].upper() for line in box.heard}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_leaves_sealed_and_logged_in(tmp_path, authority, opened, security):
    box = Mailbox(shown(authority), implicit=security == "tls", accounts={USER: PASSWORD})
    post = Post(tmp_path, box, authority, security=security)
    opened += [box, post]
    assert post.tell() == (1, "")
    assert [m["Subject"] for m in box.mails] == ["AGR agr.example: no plan: 2026-03-29"]
    assert box.recipients == [["anna@agr.example", "olga@agr.example"]]
    assert box.users == [USER]
    assert in_clear(box) <= {b"EHLO", b"STARTTLS"}


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("fault", ["unknown authority", "other name", "expired"])
def test_a_certificate_that_is_not_good_gets_nothing(tmp_path, authority, opened, security, fault):
    past = datetime(2020, 1, 1, tzinfo=UTC)
    context = shown(authority, "mail.example") if fault == "other name" else shown(
        authority, until=past if fault == "expired" else None
    )  # fmt: skip
    box = Mailbox(context, implicit=security == "tls", accounts={USER: PASSWORD})
    post = Post(tmp_path, box, None if fault == "unknown authority" else authority, security=security)
    opened += [box, post]
    told, said = post.tell()
    assert told == 0
    words = {"unknown authority": "unable to get", "other name": "mismatch", "expired": "certificate has expired"}
    assert words[fault] in said
    assert "alarms.authorities_file" in said, "it says what to do"
    assert (box.mails, box.users) == ([], [])
    assert in_clear(box) <= {b"EHLO", b"STARTTLS"}, "neither mail nor password in clear"


def test_a_server_without_starttls_gets_neither_password_nor_mail(tmp_path, authority, opened):
    box = Mailbox(accounts={USER: PASSWORD})  # or somebody in between who cut the offer out
    post = Post(tmp_path, box, authority)
    opened += [box, post]
    told, said = post.tell()
    assert told == 0
    assert "STARTTLS extension not supported by server" in said
    assert in_clear(box) <= {b"EHLO", b"QUIT"}


def test_tls_at_a_server_that_speaks_in_clear_is_said_in_words(tmp_path, authority, opened):
    box = Mailbox()
    post = Post(tmp_path, box, authority, security="tls")
    opened += [box, post]
    told, said = post.tell()
    assert told == 0
    assert "tls is mostly 465, starttls 587" in said


def test_a_refused_log_in_is_an_alarm_without_the_password(tmp_path, authority, opened):
    box = Mailbox(shown(authority), accounts={USER: "changed"})
    post = Post(tmp_path, box, authority)
    opened += [box, post]
    told, said = post.tell()
    assert told == 0
    assert "the log-in was refused: 535 5.7.8 wrong name or password; check user and password_env" in said
    assert PASSWORD not in said
    assert box.mails == []


def test_a_password_that_smtp_cannot_carry_is_an_alarm_without_it(tmp_path, authority, opened, monkeypatch):
    monkeypatch.setenv(VARIABLE, "schlüssel")
    box = Mailbox(shown(authority), accounts={USER: "schlüssel"})
    post = Post(tmp_path, box, authority)
    opened += [box, post]
    told, said = post.tell()
    assert told == 0
    assert "only ASCII in user and password" in said
    assert "schl" not in said


def test_a_host_that_is_no_name_is_an_alarm(tmp_path, authority, opened):
    box = Mailbox(shown(authority), accounts={USER: PASSWORD})
    post = Post(tmp_path, box, authority, host=f"{'m' * 64}.example")
    opened += [box, post]
    told, said = post.tell()
    assert told == 0
    assert "host is not a valid name in the DNS; check host" in said


def test_a_refused_recipient_keeps_nobody_else_from_the_mail(tmp_path, authority, opened):
    box = Mailbox(shown(authority), accounts={USER: PASSWORD})
    box.refuses = {"anna@agr.example"}
    post = Post(tmp_path, box, authority)
    opened += [box, post]
    told, said = post.tell()
    assert told == 1, "it is not sent to the others again and again"
    assert box.recipients == [["olga@agr.example"]]
    assert "anna@agr.example was refused: 550 5.1.1 no such mailbox; others got it" in said
    box.refuses = set()
    with post.world.store.transaction() as tx:
        day.recover(tx, "no plan", "2026-03-29", post.world.clock.now())
    post.notifier.tell()
    with post.world.store.transaction() as tx:
        assert day.open_alarms(tx) == [], "the next mail that all get ends it"


def test_nobody_known_is_said_with_their_names(tmp_path, authority, opened):
    box = Mailbox(shown(authority), accounts={USER: PASSWORD})
    box.refuses = {"anna@agr.example", "olga@agr.example"}
    post = Post(tmp_path, box, authority)
    opened += [box, post]
    told, said = post.tell()
    assert told == 0
    assert "olga@agr.example was refused: 550 5.1.1 no such mailbox" in said


def test_an_authority_that_cannot_be_read_stops_the_start(tmp_path, opened):
    (tmp_path / "agr.toml").write_text('domain = "agr.example"\n[alarms]\nauthorities_file = "tls/ca.pem"\n')
    settings = load(tmp_path / "agr.toml")
    assert settings.alarms.authorities_file == tmp_path / "tls" / "ca.pem", "relative to the settings file"
    world = World(tmp_path)
    with pytest.raises(SettingsError, match=r"alarms\.authorities_file .*ca\.pem cannot be used"):
        Notifier(world.store, settings, world.clock, lambda: "")
    world.store.close()


@pytest.mark.parametrize(
    "address", ["anna", "anna@", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example", ""]
)
def test_what_is_no_mail_address_is_refused_with_the_settings(address):
    with pytest.raises(ValidationError, match="expected one mail address"):
        Email(name="x", host="mail.example", sender=address, recipients=("a@b.example",))
