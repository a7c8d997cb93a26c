"""Back-ends are told once that setpoints have changed, and again and again until they know."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from agr.operations.configuration_check import lacking
from agr.operations.setpoint_news import NOT_ANNOUNCED, SetpointNews
from agr.settings import SetpointSettings, SetpointWebhook
from agr.store import day
from tests.builders.plans import planned
from tests.builders.web_hook import WebHook
from tests.builders.worlds import PERIOD, World

ZEROS = (0.0,) * PERIOD.isp_count
NAME = "batteries"


class Site:
    """A world with one webhook for setpoints."""

    def __init__(self, folder: Path, hook: WebHook) -> None:
        self.world, self.hook = World(folder), hook
        channel = SetpointWebhook(
            name=NAME, url=hook.url, header_env={"Authorization": "NEWS_TOKEN"}, secret_env="NEWS_SECRET"
        )
        self.settings = self.world.settings.model_copy(update={"setpoints": SetpointSettings(webhooks=(channel,))})
        self.news = self.start()

    def start(self) -> SetpointNews:
        return SetpointNews(self.world.store, self.settings, self.world.clock)

    def look(self) -> bool:
        (duty,) = self.news.duties().values()
        return duty()

    def alarms(self) -> dict[str, str]:
        with self.world.store.transaction() as tx:
            return {alarm.kind: alarm.text for alarm in day.open_alarms(tx)}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NEWS_TOKEN", "Bearer abc")
    monkeypatch.setenv("NEWS_SECRET", "a long secret")
    hook = WebHook()
    made = Site(tmp_path, hook)
    yield made
    made.news.close()
    made.world.store.close()
    hook.close()


def test_a_plan_in_force_is_announced_once_with_token_and_signature(site: Site) -> None:
    assert not site.look()
    plan = planned(site.world, ZEROS)
    assert site.look()
    (body,), headers = site.hook.bodies, {name.lower(): value for name, value in site.hook.headers[0].items()}
    revision = f"{plan.id}-{plan.created_at.timestamp():.0f}"
    assert body == {"type": "setpoints.changed", "since": "0", "revision": revision}
    assert headers["authorization"] == "Bearer abc"
    assert headers["webhook-id"] == f"agr.example.setpoints.{revision}"
    raw = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    raw += f'{{"type":"setpoints.changed","since":"0","revision":"{revision}"}}'.encode()
    signed = base64.b64encode(hmac.new(b"a long secret", raw, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{signed}"
    assert not site.look()
    site.news = site.start()  # the daemon has started again
    assert not site.look()
    planned(site.world, ZEROS)
    assert site.look()
    assert site.hook.bodies[1]["since"] == revision


def test_a_refusal_is_an_alarm_and_only_the_newest_revision_is_told_at_last(site: Site) -> None:
    site.hook.status = 503
    planned(site.world, ZEROS)
    assert not site.look()
    assert "answered HTTP 503" in site.alarms()[NOT_ANNOUNCED]
    tried = len(site.hook.headers)
    assert not site.look()  # not so soon
    assert len(site.hook.headers) == tried
    newest = planned(site.world, ZEROS)
    site.hook.status = 204
    site.world.clock.jump_to(site.world.clock.now() + timedelta(seconds=site.settings.delivery.max_delay_s))
    assert site.look()
    (body,) = site.hook.bodies
    assert body["revision"].startswith(f"{newest.id}-")
    assert NOT_ANNOUNCED not in site.alarms()


def test_a_missing_secret_is_said_by_the_check_and_by_the_alarm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEWS_TOKEN")
    planned(site.world, ZEROS)
    assert not site.look()
    assert "environment variable NEWS_TOKEN of channel batteries is not set" in site.alarms()[NOT_ANNOUNCED]
    assert lacking(site.settings) == [
        "setpoints: the environment variable NEWS_TOKEN of channel batteries is not set; give it to the daemon"
    ]
    assert not site.hook.headers


def test_channels_have_different_names() -> None:
    one = SetpointWebhook(name=NAME, url="https://a.example/x")
    with pytest.raises(ValidationError, match="several channels are called batteries"):
        SetpointSettings(webhooks=(one, one))
