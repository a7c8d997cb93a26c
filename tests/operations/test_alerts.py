"""Alarms outside the page: a real HTTP server and a real SMTP conversation on the other side."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.operations.alerts.notifier import Notifier
from agr.settings import Alarms, Email, Webhook
from agr.store import day
from tests.builders.mailbox import Mailbox
from tests.builders.web_hook import WebHook
from tests.builders.worlds import World


@pytest.fixture
def hook() -> Iterator[WebHook]:
    opened = WebHook()
    yield opened
    opened.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    opened = Mailbox()
    yield opened
    opened.close()


class Watch:
    """A store with alarms, and a teller."""

    def __init__(self, folder: Path, alarms: Alarms) -> None:
        self.world = World(folder)
        settings = self.world.settings.model_copy(update={"alarms": alarms})
        self.teller = Notifier(self.world.store, settings, self.world.clock, lambda: "https://agr.example/")

    def raise_(self, kind: str, subject: str, text: str = "text") -> None:
        with self.world.store.transaction() as tx:
            day.raise_alarm(tx, kind, subject, text, self.world.clock.now())

    def recover(self, kind: str, subject: str) -> None:
        with self.world.store.transaction() as tx:
            day.recover(tx, kind, subject, self.world.clock.now())

    def later(self, seconds: float) -> int:
        self.world.clock.jump_to(self.world.clock.now() + timedelta(seconds=seconds))
        return self.teller.tell()

    def open_kinds(self) -> list[str]:
        with self.world.store.transaction() as tx:
            return [a.kind for a in day.open_alarms(tx)]


@pytest.fixture
def watch(tmp_path: Path, hook: WebHook) -> Iterator[Watch]:
    opened = Watch(tmp_path, Alarms(settle_s=30, repeat_s=900, webhooks=(Webhook(name="hook", url=hook.url),)))
    yield opened
    opened.teller.close()
    opened.world.store.close()


def test_an_alarm_is_told_once_when_it_has_stood_and_once_when_it_is_over(watch, hook):
    watch.raise_("delivery", "dso.example", "HTTP 500")
    assert watch.later(10) == 0, "it may recover by itself"
    assert watch.later(25) == 1
    (told,) = hook.bodies
    assert [(a["kind"], a["subject"], a["text"]) for a in told["raised"]] == [("delivery", "dso.example", "HTTP 500")]
    assert told["recovered"] == []
    assert told["url"] == "https://agr.example"
    watch.raise_("delivery", "dso.example", "HTTP 500 again")
    assert watch.later(3600) == 0, "it is the same alarm"
    watch.recover("delivery", "dso.example")
    assert watch.later(1) == 1
    assert [a["subject"] for a in hook.bodies[1]["recovered"]] == ["dso.example"]
    assert watch.later(3600) == 0
    assert len(hook.bodies) == 2


def test_what_recovers_at_once_is_never_told(watch, hook):
    watch.raise_("delivery", "dso.example")
    watch.later(10)
    watch.recover("delivery", "dso.example")
    assert watch.later(60) == 0
    assert hook.bodies == []


def test_a_hundred_alarms_are_one_notice(watch, hook):
    for number in range(100):
        watch.raise_("prognosis not accepted", f"cp-{number}")
    assert watch.later(31) == 1
    assert len(hook.bodies[0]["raised"]) == 100
    assert hook.bodies[0]["summary"] == "AGR agr.example: prognosis not accepted: cp-0 and 99 more"


def test_an_alarm_that_comes_and_goes_is_not_told_each_time(watch, hook):
    for _ in range(5):
        watch.raise_("feed failed", "weather")
        watch.later(31)
        watch.recover("feed failed", "weather")
        watch.later(31)
    assert [len(b["raised"]) for b in hook.bodies].count(1) == 1
    watch.raise_("feed failed", "weather")
    assert watch.later(900) == 1
    assert len(hook.bodies[-1]["raised"]) == 1


def test_a_channel_that_fails_is_an_alarm_and_tried_again_and_loses_nothing(watch, hook):
    hook.status = 503
    watch.raise_("delivery", "dso.example")
    assert watch.later(31) == 0
    assert set(watch.open_kinds()) == {"delivery", "notice failed"}
    assert watch.later(5) == 0
    assert len(hook.headers) == 1, "it waits before it tries again"
    hook.status = 200
    assert watch.later(15) == 1
    assert [a["kind"] for a in hook.bodies[0]["raised"]] == ["delivery"], "about itself a channel is not told"
    assert watch.open_kinds() == ["delivery"]


def test_what_was_told_is_not_told_again_after_a_restart(watch, hook, tmp_path):
    watch.raise_("delivery", "dso.example")
    watch.later(31)
    again = Notifier(
        watch.world.store,
        watch.world.settings.model_copy(update={"alarms": Alarms(webhooks=(Webhook(name="hook", url=hook.url),))}),
        watch.world.clock,
        lambda: "",
    )
    watch.world.clock.jump_to(watch.world.clock.now() + timedelta(hours=2))
    assert again.tell() == 0
    again.close()


def test_a_webhook_s_template_header_and_kinds_are_the_operator_s(tmp_path, hook, monkeypatch):
    monkeypatch.setenv("HOOK_TOKEN", "Bearer secret")
    channel = Webhook(
        name="chat", url=hook.url, kinds=("no plan",), header_env={"Authorization": "HOOK_TOKEN"},
        template='{"text": {{ summary|tojson }}, "n": {{ raised|length }}}',
    )  # fmt: skip
    watch = Watch(tmp_path, Alarms(settle_s=0, webhooks=(channel,)))
    watch.raise_("delivery", "dso.example")
    watch.raise_("no plan", '2026-03-29 "quoted"')
    watch.later(1)
    assert hook.bodies == [{"text": 'AGR agr.example: no plan: 2026-03-29 "quoted"', "n": 1}]
    assert hook.headers[0]["authorization"] == "Bearer secret"
    watch.teller.close()
    watch.world.store.close()


def test_a_secret_that_http_cannot_carry_is_said_and_silences_nobody_else(tmp_path, hook, monkeypatch):
    monkeypatch.setenv("HOOK_TOKEN", "Bearer schlüssel")
    first = Webhook(name="chat", url=hook.url, header_env={"Authorization": "HOOK_TOKEN"})
    watch = Watch(tmp_path, Alarms(settle_s=0, webhooks=(first, Webhook(name="other", url=hook.url))))
    watch.raise_("no plan", "x")
    watch.later(1)
    with watch.world.store.transaction() as tx:
        text = next(a.text for a in day.open_alarms(tx) if a.kind == "notice failed")
    assert "only ASCII in url and in the values of header_env" in text
    assert "schl" not in text
    assert len(hook.headers) == 1, "the other channel told it"
    watch.teller.close()
    watch.world.store.close()


def test_a_template_cannot_reach_into_the_program_and_its_fault_is_said(tmp_path, hook):
    channel = Webhook(name="chat", url=hook.url, template="{{ raised.__class__.__mro__ }}")
    watch = Watch(tmp_path, Alarms(settle_s=0, webhooks=(channel,)))
    watch.raise_("no plan", "x")
    watch.later(1)
    with watch.world.store.transaction() as tx:
        text = next(a.text for a in day.open_alarms(tx) if a.kind == "notice failed")
    assert "the template of this channel fails" in text
    assert hook.headers == []
    watch.teller.close()
    watch.world.store.close()


def test_a_mail_says_what_happened_and_when_it_is_over(tmp_path, mailbox):
    channel = Email(
        name="operators", host="127.0.0.1", port=mailbox.port, security="none", sender="agr@agr.example",
        recipients=("anna@agr.example", "olga@agr.example"),
    )  # fmt: skip
    watch = Watch(tmp_path, Alarms(settle_s=0, emails=(channel,)))
    watch.raise_("audit failed", "2026-03-29", "balance is off by 3 kW in ISP 12\nBcc: nobody@evil.example")
    watch.later(1)
    watch.recover("audit failed", "2026-03-29")
    watch.later(1)
    first, second = mailbox.mails
    assert first["Subject"] == "AGR agr.example: audit failed: 2026-03-29"
    assert first["To"] == "anna@agr.example, olga@agr.example"
    assert first["Bcc"] is None
    assert "balance is off by 3 kW in ISP 12" in first.get_content()
    assert "https://agr.example/alarms" in first.get_content()
    assert "recovered: audit failed" in second["Subject"]
    watch.teller.close()
    watch.world.store.close()


def test_a_mail_server_that_is_away_is_an_alarm(tmp_path, mailbox):
    mailbox.close()
    channel = Email(
        name="operators",
        host="127.0.0.1",
        port=mailbox.port,
        security="none",
        sender="a@b.example",
        recipients=("c@d",),
    )
    watch = Watch(tmp_path, Alarms(settle_s=0, emails=(channel,)))
    watch.raise_("no plan", "x")
    assert watch.later(1) == 0
    assert "notice failed" in watch.open_kinds()
    mailbox.server.server_close()
    watch.teller.close()
    watch.world.store.close()
