"""`agr check` tries what a configuration names: feeds and series over real HTTP, keys, endpoints."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agr.cli.main import app
from agr.domain.isp import SystemClock, period_of
from agr.uftp.signing import KeyPair
from tests.builders.http_server import Asked, Told, serving


def hourly(asked: Asked) -> Told:
    """Tell the hourly prices around today, for midnight may come: 80 at /mwh, 0.08 at /kwh, none at /empty.

    At /secret ask for a token.
    """
    if asked.path == "/secret" and asked.headers.get("x-token") != "let-me-in":
        return Told(status=403)
    value = {"/mwh": 80.0, "/kwh": 0.08, "/secret": 80.0}.get(asked.path)
    today = period_of(SystemClock().now(), "Europe/Amsterdam")
    hours = [today.start + n * timedelta(hours=1) for n in range(-25, 50)]
    rows = [{"start": hour.isoformat(), "value": value} for hour in hours] if value else []
    return Told(body=json.dumps(rows).encode())


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    with serving(hourly) as url:
        yield url


@pytest.fixture
def check(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `agr check` with two good feeds, or others in their place."""
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init", "."]).exit_code == 0

    def run(*feeds: str, key: str = "", endpoint: str = "", markets: str = "") -> Result:
        given = feeds or (feed(source, "day_ahead"), feed(source, "day_ahead_forecast"))
        (tmp_path / "agr.toml").write_text(
            'domain = "agr.example.com"\nkey_file = "keys/agr.key"\ndata_folder = "data"\n'
            f'store_url = "sqlite:///data/agr.db"\n{markets}\n'
            f'[[participants]]\ndomain = "dso.example"\nrole = "DSO"\nendpoint = "{endpoint or source}"\n'
            f'public_keys = ["{key or KeyPair.generate().public}"]\n' + "\n".join(given)
        )
        return CliRunner().invoke(app, ["check"])

    return run


def feed(source: str, series: str, path: str = "/mwh?from={start}", more: str = "") -> str:
    return (
        f'[[feeds]]\nname = "{series} prices"\nkind = "price"\nseries = "{series}"\nminutes = 60\n'
        f'url = "{source}{path}"\n{more}\n'
    )


def both(source: str, path: str, more: str = "") -> tuple[str, str]:
    return feed(source, "day_ahead", path, more), feed(source, "day_ahead_forecast")


def said(result: Result) -> str:
    return " ".join(result.stderr.split())


def test_good_feeds_keys_and_endpoints_are_no_fault_and_no_doubt(check: Callable[..., Result]) -> None:
    lines = check().stderr.splitlines()
    assert [line for line in lines if "feed" in line or "series" in line or "dso.example" in line] == []


def test_a_series_that_no_feed_delivers_is_a_fault_that_names_what_there_is(
    check: Callable[..., Result], source: str
) -> None:
    result = check(feed(source, "day_ahed"), feed(source, "day_ahead_forecast"))
    assert result.exit_code == 1
    assert "no feed delivers the price series 'day_ahead' of markets.day_ahead.series" in said(result)
    assert "day_ahed" in said(result)


def test_a_capacity_product_without_prices_is_a_fault(check: Callable[..., Result]) -> None:
    product = (
        '[[markets.capacity]]\nname = "FCR"\ndirection = "symmetric"\nseries = "fcr_capacity"\nmax_mw = 2\n'
        'gate = { at = "08:00", days_before = 1 }'
    )
    assert "'fcr_capacity' of markets.capacity FCR" in said(check(markets=product))


def test_a_forgotten_factor_is_doubted_with_the_factor(check: Callable[..., Result], source: str) -> None:
    result = check(*both(source, "/kwh?from={start}"))
    assert "warning: feed day_ahead prices: day_ahead: 0.08 EUR/MWh is its highest price" in said(result)
    assert "factor = 1000" in said(result)
    assert "factor" not in said(check(*both(source, "/kwh?from={start}", "factor = 1000")))


def test_a_header_s_variable_that_is_not_set_is_a_fault(
    check: Callable[..., Result], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds = both(source, "/secret?from={start}", 'header_env = { "X-Token" = "PRICES_TOKEN" }')
    monkeypatch.delenv("PRICES_TOKEN", raising=False)
    assert "the environment variable PRICES_TOKEN is not set" in said(check(*feeds))
    monkeypatch.setenv("PRICES_TOKEN", "wrong")
    assert "answered 403" in said(check(*feeds))
    monkeypatch.setenv("PRICES_TOKEN", "let-me-in")
    assert "feed" not in said(check(*feeds))


def test_a_feed_at_a_dead_port_and_one_with_nothing_are_faults(check: Callable[..., Result], source: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    result = check(feed(dead, "day_ahead"), feed(source, "day_ahead_forecast", "/empty?from={start}"))
    assert result.exit_code == 1
    assert f"feed day_ahead prices: {dead} cannot be reached" in said(result)
    assert "feed day_ahead_forecast prices: it answers, but has nothing for" in said(result)


def test_an_address_that_names_no_day_is_doubted(check: Callable[..., Result], source: str) -> None:
    assert "url has neither {start} nor {period}" in said(check(*both(source, "/mwh")))
    assert "neither" not in said(check(*both(source, "/mwh?day={period}")))


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_a_public_key_that_lost_letters_is_a_fault(check: Callable[..., Result], lost: int) -> None:
    whole = KeyPair.generate().public
    result = check(key=whole[:-lost])
    assert result.exit_code == 1
    assert whole[:-lost] in said(result)


def test_a_public_key_with_a_wrong_letter_is_a_fault(check: Callable[..., Result]) -> None:
    no_point = "cs1.MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="
    assert "is not an Ed25519 key" in said(check(key=no_point))


def test_an_endpoint_that_does_not_answer_is_doubted(check: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/message"
    assert f"warning: dso.example (DSO): endpoint {dead} cannot be reached now" in said(check(endpoint=dead))


def test_what_is_posted_to_and_where_people_log_in_is_tried(
    check: Callable[..., Result], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    named = '"{0}"\nurl = "{1}/secret-path"'
    hooks = "".join(
        f"[[{table}]]\nname = {named.format(name, url)}\n"
        for table in ("bids.webhooks", "setpoints.webhooks", "brps")
        for name, url in (("far", dead), ("near", source))
    )
    oidc = f'[operators.oidc]\nissuer = "{dead}"\nclient_id = "agr"\nclient_secret_env = "AGR_OIDC_SECRET"\n'
    monkeypatch.delenv("AGR_OIDC_SECRET", raising=False)
    result = check(markets=hooks + oidc)
    assert "variable AGR_OIDC_SECRET of operators.oidc.client_secret_env is not set" in said(result)
    for who in ("bids: channel", "setpoints: channel", "brps: BRP"):
        assert f"warning: {who} far: {dead} cannot be reached now" in said(result)
        assert f"{who} near" not in said(result)
    assert f"warning: operators.oidc: the identity provider cannot be used: {dead}/.well-known" in said(result)
    assert "secret-path" not in said(result)
    assert result.stdout == ""
    monkeypatch.setenv("AGR_OIDC_SECRET", "between us")
    assert "AGR_OIDC_SECRET" not in said(check(markets=oidc))


def test_folders_that_cannot_be_written_are_faults(check: Callable[..., Result]) -> None:
    Path("a file").write_text("in the way")
    for table, whose in (("bids.files", "channel one"), ("brps", "BRP one")):
        result = check(markets=f'[[{table}]]\nname = "one"\nfolder = "a file/below"\n')
        assert result.exit_code == 1
        assert f"a file/below of {whose} cannot be written; check" in said(result)
        assert "cannot be written" not in said(check(markets=f'[[{table}]]\nname = "one"\nfolder = "new/below"\n'))


def test_a_data_folder_that_is_open_to_everybody_is_doubted(check: Callable[..., Result]) -> None:
    check()
    data = Path("data")
    assert "open to everybody" not in said(check())
    data.chmod(0o755)
    assert f"data_folder {data} is open to everybody (mode 0755)" in said(check()).replace(str(Path.cwd()) + "/", "")
