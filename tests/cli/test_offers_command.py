"""`agr offers`, as its user types it, beside a daemon's store."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.flexibility import Disposition, FlexOffer, FlexRequest, OfferOption, Quote, RequestedIsp
from agr.domain.isp import SystemClock, period_of
from agr.operations import commands
from agr.settings import load, write_example
from agr.store import flex_offers, flex_requests, outbox
from agr.trading.metering import profile_of
from agr.uftp import messages as m
from agr.uftp.codec import encode

RUN = CliRunner()
POINT = "ea1.2024-01.example.dso:p1"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_example(tmp_path, "agr.example")


def run(config: Path, *words: str, code: int = 0) -> str:
    done = RUN.invoke(app, [*words, "--config", str(config)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def test_offers_are_listed_shown_and_discarded(config: Path) -> None:
    settings, now = load(config), SystemClock().now()
    period = period_of(now, settings.time_zone, settings.isp_minutes).next().next()
    request = FlexRequest(
        message_id="11111111-2222-4333-8444-555555555555", conversation_id="c", dso="dso.example",
        congestion_point=POINT, period=period, revision=3, expires_at=now + timedelta(hours=2), received_at=now,
        isps=(RequestedIsp(isp=40, disposition=Disposition.REQUESTED, min_w=-5000, max_w=0),),
    )  # fmt: skip
    power = tuple(-4000 if isp == 40 else None for isp in range(1, period.isp_count + 1))
    option = OfferOption(reference="1", power_w=power, price=Decimal("2.50"), min_activation_factor=Decimal("0.01"))
    offer = FlexOffer(
        message_id="abcdef01-2222-4333-8444-555555555555", conversation_id="c", dso="dso.example",
        congestion_point=POINT, period=period, expires_at=now + timedelta(hours=2), options=(option,),
        request_message_id=request.message_id,
    )  # fmt: skip
    quote = Quote(
        options=(option,), baseline_w=(0,) * period.isp_count, prognosis_message_id=None, plan=7,
        costs=(("wear", 2.0), ("margin", 0.5)), limits=("battery: power",),
    )  # fmt: skip
    assert "Requests of" in run(config, "offers", "list", "--period", str(period))
    with commands.open_store(settings).transaction() as tx:
        flex_requests.put(tx, request)
        flex_requests.put(tx, replace(request, message_id="2" * 36, contract_id="FO-1"))
        flex_offers.put(tx, offer, quote, now)
    listed = run(config, "offers", "list", "--period", str(period))
    assert all(part in listed for part in ("abcdef01", "2.50 EUR", "priced", "FO-1", "free market", "−4,000"))
    shown = run(config, "offers", "show", "abcdef")
    assert all(
        part in shown
        for part in ("40: −4,000 W", "any part from 0.01", "wear +2.00, margin +0.50", "limited by battery")
    )
    assert "dso.example is not among our participants" in run(config, "offers", "send", "abcdef", code=1)
    assert "is discarded" in run(config, "offers", "discard", "abcdef", "--why", "too cheap")
    assert "only an open one can be revoked" in run(config, "offers", "revoke", "abcdef", "--why", "x y z", code=1)
    assert "there is no offer 'zzz'" in run(config, "offers", "show", "zzz", code=1)


def test_what_dsos_were_told_of_measurements_is_listed(config: Path) -> None:
    settings, now = load(config), SystemClock().now()
    period = period_of(now, settings.time_zone, settings.isp_minutes).previous()
    assert f"Measured on {period}" in run(config, "offers", "metering")
    message = m.Metering(
        version="3.1.0", sender_domain="agr.example", recipient_domain="dso.example", time_stamp=now,
        message_id="1" * 8 + "-2222-4333-8444-555555555555", conversation_id="1" * 8 + "-2222-4333-8444-555555555555",
        time_zone=settings.time_zone, period=period.day, isp_duration=period.isp_length, revision=3,
        ean="E871685900012636543", profiles=(profile_of({1: 6000, 2: 4000}),),
    )  # fmt: skip
    with commands.open_store(settings).transaction() as tx:
        outbox.put(
            tx, message_id=message.message_id, conversation_id=message.conversation_id, kind="Metering",
            recipient_domain="dso.example", recipient_role="DSO", xml=encode(message), at=now, period=period.day,
            subject="ean.871685900012636543",
        )  # fmt: skip
    listed = run(config, "offers", "metering")
    assert all(part in listed for part in ("dso.example", "3 │ 2 │ 2.5", "queued"))
