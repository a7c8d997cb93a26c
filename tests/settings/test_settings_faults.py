"""Every fault of a configuration is named with its key, its value and what to do."""

import base64
import re

import pytest

from agr.domain.errors import SettingsError
from agr.settings import ParticipantSettings, load
from tests.settings.settings_samples import FEED, KEY, PARTICIPANT, PRODUCT, faults


def test_all_faults_are_listed_at_once_with_key_value_and_what_to_do(config):
    found = faults(
        config,
        'listen_prt = 1\nlisten_port = 99999\ntime_zone = "Mars/Olympus"\n[planning]\nthreads = 0\n'
        '[timetable]\nfirst_plan = { at = "25:00" }\nday_ahead_gate = 12\n[retention]\nplans_days = nan\n',
        domain="",
    )
    assert found == [
        "domain: is missing; add it. Our internet domain, as in SenderDomain.",
        "listen_port: 99999 should be less than or equal to 65535. Port the web server listens on; 0: any free one.",
        "time_zone: 'Mars/Olympus' is wrong: 'Mars/Olympus' is not a time zone; use an IANA name such as "
        "Europe/Amsterdam. The market's time zone (IANA name).",
        'timetable.first_plan.at: \'25:00\' is wrong: expected a local clock time "HH:MM" or "HH:MM:SS". '
        "Local market time, HH:MM or HH:MM:SS.",
        "timetable.day_ahead_gate: 12 should be a section. The day-ahead auction closes: positions are bid and fixed.",
        "planning.threads: 0 should be greater than or equal to 1. Threads of one solve.",
        "retention.plans_days: nan should be a finite number. Plans and their audits.",
        "listen_prt: is not known here; did you mean listen_port?",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("isp_minutes = 7\n", "isp_minutes is 7, which does not divide an hour; markets use 5, 15, 30 or 60"),
        (
            "isp_minutes = 30\n",
            "isp_minutes is 30 and markets.day_ahead.product_minutes is 15; product_minutes must be a multiple of "
            "isp_minutes",
        ),
        ("participants = 3\n", "participants: 3 should be a list"),
        ('time_zone = ""\n', "time_zone: '' is wrong: '' is not a time zone"),
        ('public_url = "agr.example.com"\n', "expected a web address that starts with"),
        (PARTICIPANT * 2, "participants: dso.example.org (DSO) is given twice; keep one"),
        (
            PARTICIPANT.replace("dso.example.org", "DSO"),
            "participants (entry 1).domain: 'DSO' is wrong: expected an in",
        ),
        (PARTICIPANT.replace('"DSO"', '"BRP"'), "participants (entry 1).role: 'BRP' should be 'AGR', 'CRO' or 'DSO'"),
        (
            PARTICIPANT.replace("https://", "ftp://"),
            "participants (entry 1).endpoint: 'ftp://dso.example.org/shapeshif",
        ),
        (PARTICIPANT.replace("cs1.", "cs2."), "public_keys (entry 1): 'cs2.AAAA"),
        (PARTICIPANT.replace("AA=", "="), 'expected "cs1." and the base64 of 32 bytes'),
        (PARTICIPANT.replace(KEY, "cs1.AAAA"), "this one has 3 bytes; copy the key again"),
        (PARTICIPANT.replace(f'"{KEY}"', ""), "expected one key, or two while they change; there are 0"),
        (PARTICIPANT.replace(f'"{KEY}"', f'"{KEY}", "{KEY}", "{KEY}"'), "there are 3"),
        (
            re.sub("public_keys.*", "", PARTICIPANT),
            "participants: dso.example.org (DSO) has no public_keys; add it, or set discovery.enabled to",
        ),
        (
            "[discovery]\nkeep_hours = 1e9\n",
            "discovery.keep_hours: 1000000000.0 should be less than or equal to 8760.",
        ),
        (
            '[discovery]\nresolvers = ["dns.example"]\n',
            "discovery.resolvers (entry 1): 'dns.example' is wrong: expected",
        ),
        (PARTICIPANT + 'version = "2.0.0"\n', "version: '2.0.0' should be '3.0.0' or '3.1.0'"),
        (
            PRODUCT.replace('"FCR"', '"bid/FCR"'),
            "what begins with bid/ names a bid; give it another name",
        ),
        (PRODUCT * 2, "several capacity products are called FCR; give each its own name"),
        (PRODUCT.replace("08:00", "06:59"), "FCR's gate (06:59) comes before timetable.first_plan, so no bid could"),
        (PRODUCT.replace("= 5", "= 0.5"), "max_mw (0.5) is below minimum_mw (1), so no bid is possible; raise it, or"),
        (PRODUCT + "block_hours = 5\n", "block_hours is 5, which does not divide a day of 24 hours"),
        (FEED * 2, "feeds: prices is given twice; keep one"),
        (
            FEED.replace('series = "day_ahead"', ""),
            "a feed of kind 'price' needs exactly one of series and series_field",
        ),
        (FEED + 'series_field = "s"\n', "needs exactly one of series and series_field"),
        (FEED + 'quantity = "cop"\n', "quantity has no meaning in a feed of kind 'price'; remove it"),
        (
            FEED.replace('"price"', '"forecast"'),
            "a feed of kind 'forecast' needs exactly one of resource and resource_fi",
        ),
        (FEED.replace('"price"', '"forecast"'), "series has no meaning in a feed of kind 'forecast'; remove it"),
        (
            FEED.replace('"price"', '"trade"').replace('series = "day_ahead"', ""),
            "a feed of kind 'trade' needs price_field",
        ),
        (FEED.replace('"price"', '"award"'), "series has no meaning in a feed of kind 'award'; remove it"),
        (
            FEED.replace('"price"', '"award"').replace('series = "day_ahead"', 'market = "FCR"')
            + PRODUCT.replace("FCR", "fcr"),
            "feeds: prices is for awards of 'FCR', which is not a market; known are day-ahead, fcr",
        ),
        (
            '[bids]\nlast_safe_s = 20000\n[[bids.files]]\nname = "x"\nfolder = "bids"\n',
            "bids.last_safe_s (20000) reaches back to before timetable.first_plan (07:00)",
        ),
        (FEED.replace("{period}", "{day}"), "url has the placeholder {day}; known: {period}, {start}, {end}"),
        (FEED.replace("{period}", "{}"), "url has the placeholder {}; known: "),
        (FEED.replace("{period}", "{period"), "url has a stray bracket"),
        (FEED + 'header_env = { Authorization = "Bearer abc" }\n', "the secret itself never belongs in this file"),
        (
            FEED + 'headers = { Authorization = "x" }\n',
            "feeds (entry 1).headers: is not known here; did you mean header_env?",
        ),
        ('[markets.intraday]\nbuy_series = "x"\n', "give both buy_series and sell_series, or neither"),
        ("[delivery]\nfirst_delay_s = 400\n", "first_delay_s (400) is above max_delay_s (300)"),
        (
            '[timetable]\nfirst_plan = { at = "06:55" }\n',
            "portfolio_last_call (06:55:00, 1 days before) must come befo",
        ),
        (
            '[timetable]\nfirst_plan = { at = "07:00", days_before = 0 }\n',
            "first_plan (07:00:00, 0 days before) must co",
        ),
        (
            "[timetable]\nprognosis_last_safe_start_s = 7500\n",
            "reaches back to before day_ahead_results (12:55:00, 1 da",
        ),
        (
            '[timetable]\nfirst_plan = { at = "7:00" }\n',
            "timetable.first_plan.at: '7:00' is wrong: expected a local clock",
        ),
    ],
)
def test_one_fault_is_named_where_it_is(config, text, expected):
    assert any(expected in fault for fault in faults(config, text))


@pytest.mark.parametrize(
    "text", [PARTICIPANT, PRODUCT, FEED, PRODUCT.replace("= 5", "= 0"), PARTICIPANT + PRODUCT + FEED]
)
def test_what_the_faults_are_made_from_is_itself_right(config, text):
    assert config(text).domain == "agr.example.com"


def test_a_key_may_hold_an_encryption_key_too():
    key = "cs1." + base64.b64encode(bytes(64)).decode()
    endpoint = "http://127.0.0.1:9000/shapeshifter/api/v3/message"
    participant = ParticipantSettings(domain="cro.nl", role="CRO", endpoint=endpoint, public_keys=(key, KEY))
    assert participant.public_keys == (key, KEY)


def test_the_database_s_password_is_never_repeated(config):
    (only,) = faults(config, "store_url = 12345\n")
    assert "12345" not in only
    assert only.startswith("store_url: should be a valid string")


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(SettingsError, match="there is no such file; `agr init` writes an example"):
        load(tmp_path / "agr.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "agr.toml").write_bytes(b"domain = '\xff'")
    with pytest.raises(SettingsError, match=r"is not UTF-8 text \(byte 10\)"):
        load(tmp_path / "agr.toml")
    (tmp_path / "agr.toml").write_text("domain = \n")
    with pytest.raises(SettingsError, match=r"is not valid TOML: .*line 1"):
        load(tmp_path / "agr.toml")


@pytest.mark.parametrize("name", ["", "cluster", "dask://scheduler", "tcp://scheduler:8786", "dask://a:1/b"])
def test_an_executor_nobody_knows_is_refused_with_those_there_are(config, name):
    (fault,) = faults(config, f'[compute]\nexecutor = "{name}"\n')
    assert fault.startswith("compute.executor")
    assert 'expected "local", or a Dask scheduler as "dask://host:port"' in fault
