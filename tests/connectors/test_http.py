"""Feeds against a real local web server."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from agr.connectors.http import HttpSource
from agr.connectors.ports import open_source
from agr.domain.errors import FeedError
from agr.domain.isp import Period
from agr.domain.register import Price
from agr.settings import HttpFeed
from tests.builders.http_server import Told, serving

DAY = Period(date(2026, 6, 1))
AUTUMN = Period(date(2026, 10, 25))


@contextmanager
def source(*answers):
    """Serve the answers (status, body or None to hang up) one after the other, the last for ever."""
    asked = []

    def answer(request):
        status, body = answers[min(len(asked), len(answers) - 1)]
        asked.append((request.target, request.headers))
        if body is None:
            return None
        payload = body if isinstance(body, bytes) else body.encode()
        return Told(status=status, body=payload, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    with serving(answer) as url:
        yield url, asked


def price_feed(url, **changes):
    return HttpFeed(**{"name": "prices", "url": url, "kind": "price", "series": "day_ahead", "minutes": 60} | changes)


def hours(period, count=None):
    count = count or period.isp_count // 4
    return [
        {"start": (period.start + timedelta(hours=h)).isoformat(), "value": h + 0.5, "who": "pv-1"}
        for h in range(count)
    ]


def ask(feed, period=DAY):
    series = open_source(feed).fetch(period)
    assert not (series.prices and series.forecasts)
    return series.prices or series.forecasts


def failure(answer, **changes):
    with source(answer) as (url, asked):
        feed = price_feed(url, **({"attempts": 2} | changes))
        with pytest.raises(FeedError) as caught:
            ask(feed)
        return str(caught.value), len(asked)


def test_json_prices_are_read_with_their_own_resolution():
    with source((200, json.dumps({"data": {"prices": hours(DAY)}}))) as (url, _):
        prices = ask(price_feed(url, records="data.prices", factor=1000))
    assert prices[0] == Price(series="day_ahead", start=DAY.start, minutes=60, value=500.0)
    assert [p.value for p in prices] == [1000 * (h + 0.5) for h in range(24)]


def test_csv_prices_take_series_and_length_from_fields():
    body = "at,len,what,eur\n1780264800,30,intraday,-5.5\n1780266600,30,intraday,7\n"  # 2026-05-31T22:00Z
    mapping = {
        "format": "csv", "start_field": "at", "time_format": "unix_s", "minutes_field": "len", "value_field": "eur",
        "series": None, "series_field": "what",
    }  # fmt: skip
    with source((200, body)) as (url, _):
        prices = ask(price_feed(url, **mapping))
    start = datetime(2026, 5, 31, 22, tzinfo=UTC)
    assert prices == (
        Price(series="intraday", start=start, minutes=30, value=-5.5),
        Price(series="intraday", start=start + timedelta(minutes=30), minutes=30, value=7.0),
    )


def test_a_price_that_is_told_twice_counts_once():
    rows = hours(DAY, 2)
    with source((200, json.dumps([*rows, rows[0]]))) as (url, _):
        assert [p.value for p in ask(price_feed(url))] == [0.5, 1.5]


def test_milliseconds_since_1970_are_understood():
    with source((200, '[{"start": 1780264800000, "value": 1}]')) as (url, _):
        assert ask(price_feed(url, time_format="unix_ms"))[0].start == DAY.start


def test_prices_of_other_days_are_left_out_and_none_yet_is_no_failure():
    rows = [*hours(DAY.previous()), *hours(DAY, 2), *hours(DAY.next())]
    with source((200, json.dumps(rows)), (200, "[]")) as (url, _):
        assert [p.value for p in ask(price_feed(url))] == [0.5, 1.5]
        assert ask(price_feed(url)) == ()


def test_placeholders_and_secret_headers_reach_the_source(monkeypatch):
    monkeypatch.setenv("PRICES_TOKEN", "Bearer secret")
    with source((200, "[]")) as (url, asked):
        feed = price_feed(url + "/v1/{period}?from={start}&to={end}", header_env={"Authorization": "PRICES_TOKEN"})
        ask(feed)
    path, headers = asked[0]
    assert path == "/v1/2026-06-01?from=2026-05-31T22:00:00Z&to=2026-06-01T22:00:00Z"
    assert headers["authorization"] == "Bearer secret"


def test_secret_that_is_not_set_is_named_before_anything_is_sent():
    with source((200, "[]")) as (url, asked):
        with pytest.raises(FeedError, match="environment variable NO_SUCH_TOKEN is not set"):
            ask(price_feed(url, header_env={"Authorization": "NO_SUCH_TOKEN"}))
        assert asked == []


def test_a_source_that_fails_twice_is_asked_a_third_time():
    with source((503, "later"), (0, None), (200, json.dumps(hours(DAY)))) as (url, asked):
        assert len(ask(price_feed(url, attempts=3))) == 24
    assert len(asked) == 3


@pytest.mark.parametrize("status", [429, 500, 502, 504, 408])
def test_a_source_that_keeps_failing_is_given_up_in_words(status):
    words, asked = failure((status, "no"))
    assert f"answered {status}" in words
    assert "gave up after 2 attempts" in words
    assert asked == 2


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404])
def test_a_refusal_is_final(status):
    words, asked = failure((status, "no"))
    assert f"answered {status}" in words
    assert "check url and headers" in words
    assert asked == 1


def test_nobody_listening_is_said():
    with source((200, "[]")) as (url, _):
        pass
    with pytest.raises(FeedError, match=r"cannot be reached .* gave up after 1 attempts"):
        ask(price_feed(url, attempts=1))


def test_a_source_that_hangs_is_given_up_after_its_time():
    answered = threading.Event()

    class Slow(httpx.BaseTransport):
        def handle_request(self, request):
            answered.set()
            raise httpx.ReadTimeout("slow", request=request)

    feed = price_feed("http://prices.example.org", timeout_s=3, attempts=1)
    with pytest.raises(FeedError, match="did not answer within 3 s"):
        HttpSource(feed=feed, transport=Slow()).fetch(DAY)
    assert answered.is_set()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>maintenance</html>", "is not JSON .* begins '<html>"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "not a list of records"),
        ('["a"]', "not a list of records"),
        ('[{"value": 1}]', "record 1: field start: None is not an instant"),
        ('[{"start": "2026-06-01T00:00:00", "value": 1}]', "has no UTC offset"),
        ('[{"start": "yesterday", "value": 1}]', "'yesterday' is not an instant"),
        ('[{"start": "2026-06-01T00:00Z", "value": null}]', "field value: None is not a number"),
        ('[{"start": "2026-06-01T00:00Z", "value": NaN}]', "field value: nan is not a finite number"),
        ('[{"start": "2026-06-01T00:00Z", "value": "1,5"}]', "write a decimal point"),
        ('[{"start": "2026-06-01T00:00Z", "value": 1' + "0" * 400 + "}]", "is too large a number"),
    ],
)
def test_garbage_is_refused_in_words(body, words):
    with source((200, body)) as (url, _), pytest.raises(FeedError, match=words):
        ask(price_feed(url))


@pytest.mark.parametrize(
    ("body", "changes", "words"),
    [
        ('{"a": {}}', {"records": "a.b"}, "has no 'a.b' \\('b' is missing\\)"),
        ('{"a": 1}', {"records": "a"}, "'a' is not a list of records"),
        ("when,value\n1,2\n", {"format": "csv"}, "no column 'start'; it begins with 'when, value'"),
        ("", {"format": "csv"}, "no column 'start'"),
        ('start,value\n"1,2\n', {"format": "csv"}, "is not CSV"),
        ("start,value\n2026-06-01T00:00Z\n", {"format": "csv"}, "field value: '' is not a number"),
        ("start,value\n2026-06-01T00:00Z,50,25\n", {"format": "csv"}, "line 2 of the answer has more values"),
        ("start,value\n2026-06-01T00:00Z,5\n2026-06-01T00:00Z,6\n", {"format": "csv"}, "2: .* overlaps record 1"),
        ("start,value\n2026-06-01T00:30Z,5\n2026-06-01T00:00Z,5\n", {"format": "csv"}, "1: .* overlaps record 2"),
        ('[{"start": "2026-06-01T00:00Z", "value": 1}]', {"minutes_field": "len"}, "field len: None is not a number"),
        ('[{"start": "2026-06-01T00:00Z", "value": 1, "len": 0}]', {"minutes_field": "len"}, "is not an interval"),
        ('[{"start": 1e300, "value": 1}]', {"time_format": "unix_s"}, "lies outside the calendar"),
        ('[{"start": "0001-01-01T00:00+14:00", "value": 1}]', {}, "lies outside the calendar"),
        ('[{"start": "2026-06-01T00:00Z", "value": 1}]', {"series": None, "series_field": "s"}, "field s is missing"),
        ('[{"start": "2026-06-01T00:00Z", "value": 1, "s": ""}]', {"series": None, "series_field": "s"}, "not a name"),
        ('[{"start": "2026-06-01T00:00Z", "value": 1e308}]', {"factor": 10}, "is not a finite number"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_the_settings_is_refused_in_words(body, changes, words):
    with source((200, body)) as (url, _), pytest.raises(FeedError, match=words):
        ask(price_feed(url, **changes))


@pytest.mark.parametrize("url", ["http://127.0.0.1:x/", "http://[::1/"])
def test_an_address_nobody_can_ask_is_refused_in_words(url):
    with pytest.raises(FeedError, match=r"no request can be sent to .*; check url and headers"):
        ask(price_feed(url))


@pytest.mark.parametrize("secret", ["abc\ndef", "gehört-mir"])
def test_a_secret_no_header_can_hold_is_refused_without_repeating_it(monkeypatch, secret):
    monkeypatch.setenv("PRICES_TOKEN", secret)
    with source((200, "[]")) as (url, asked):
        with pytest.raises(FeedError, match=r"no request can be sent to .*; check url and headers") as caught:
            ask(price_feed(url, header_env={"X-Key": "PRICES_TOKEN"}))
        assert asked == []
    assert secret[:3] not in str(caught.value)


def test_an_answer_that_cannot_be_decoded_is_refused_in_words():
    class Broken(httpx.BaseTransport):
        def handle_request(self, request):
            return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip"))

    with pytest.raises(FeedError, match="cannot be read"):
        HttpSource(feed=price_feed("http://prices.example.org"), transport=Broken()).fetch(DAY)


def forecast_feed(url, **changes):
    values = {
        "name": "pv", "url": url, "kind": "forecast", "resource": "pv-1", "quantity": "power_kw", "minutes": 60,
    }  # fmt: skip
    return HttpFeed(**(values | changes))


@pytest.mark.parametrize("period", [DAY, AUTUMN])
def test_hourly_forecasts_are_repeated_for_each_isp(period):
    with source((200, json.dumps(hours(period)))) as (url, _):
        (forecast,) = ask(forecast_feed(url), period)
    assert (forecast.resource, forecast.quantity, forecast.period) == ("pv-1", "power_kw", period)
    assert forecast.values == tuple(isp // 4 + 0.5 for isp in range(period.isp_count))


def test_forecasts_of_several_resources_come_in_one_answer():
    rows = [row | {"who": who, "what": "cop"} for row in hours(DAY) for who in ("hp-1", "hp-2")]
    names = {"resource": None, "resource_field": "who", "quantity": None, "quantity_field": "what"}
    with source((200, json.dumps([*rows, *hours(DAY.next(), 1)]))) as (url, _):
        forecasts = ask(forecast_feed(url, **names))
    assert [(f.resource, f.quantity) for f in forecasts] == [("hp-1", "cop"), ("hp-2", "cop")]
    assert forecasts[0].values == forecasts[1].values


@pytest.mark.parametrize(
    ("rows", "changes", "words"),
    [
        (hours(DAY)[:-1], {}, "4 of 96 ISPs of 2026-06-01 are missing for pv-1, first 23:00"),
        ([*hours(DAY), hours(DAY)[0]], {}, "record 25: pv-1, power_kw: 00:00 appears twice"),
        (hours(DAY), {"minutes": 20}, "does not begin and end with an ISP"),
        ([{"start": "2026-06-01T00:05:00Z", "value": 1}], {}, "does not begin and end with an ISP"),
        (hours(DAY), {"quantity": None, "quantity_field": "who"}, "'pv-1' is not a quantity"),
    ],
)
def test_a_forecast_that_does_not_cover_the_day_is_refused(rows, changes, words):
    with source((200, json.dumps(rows))) as (url, _), pytest.raises(FeedError, match=words):
        ask(forecast_feed(url, **changes))


def test_no_forecast_at_all_is_none():
    with source((200, "[]")) as (url, _):
        assert ask(forecast_feed(url)) == ()
