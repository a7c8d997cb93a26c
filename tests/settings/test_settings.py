"""The configuration: what is read, from where, and what it is when nothing is said."""

import re
import tomllib
from datetime import time
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from agr.domain.errors import SettingsError
from agr.settings import CapacityProduct, FeedSection, HttpFeed, MarketTime, Settings, load, template, write_example
from agr.settings.discovery import resolver_address
from agr.settings.section import title_of
from tests.settings.settings_samples import faults

PROJECT = Path(__file__).parents[2]
DOCUMENT = (PROJECT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")


def sections(model=Settings, path=""):
    """Yield (path, model) of every section, depth first; feeds but for the HTTP one with their `api` after the path."""
    yield path, model
    for name, field in model.model_fields.items():
        for part in classes_in(field.annotation):
            api = part.model_fields["api"].default if issubclass(part, FeedSection) else "http"
            place = f"{path}.{name}" if path else name
            yield from sections(part, place if api == "http" else f"{place} {api}")


def classes_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if annotation is MarketTime else [annotation]
    return [found for part in get_args(annotation) for found in classes_in(part)]


def settings_of(model):
    """Return the fields of a section that are no sections themselves."""
    inner = {name.partition(" ")[0] for name, _ in sections(model) if name and "." not in name}
    return {name: field for name, field in model.model_fields.items() if name not in inner}


def test_the_example_loads_and_holds_the_defaults(tmp_path):
    settings = load(write_example(tmp_path / "new", "agr.mine.org"))
    folder = tmp_path / "new"
    assert settings == Settings(
        domain="agr.mine.org",
        key_file=folder / "keys/agr.key",
        data_folder=folder / "data",
        store_url=f"sqlite:///{folder}/data/agr.db",
    )


def uncommented():
    return re.sub(r"^#(?=[\[a-z])", "", template(), flags=re.MULTILINE)


def test_the_commented_parts_of_the_example_load_too(tmp_path):
    (tmp_path / "agr.toml").write_text(uncommented())
    settings = load(tmp_path / "agr.toml")
    assert settings.participants[0].role == "CRO"
    assert settings.markets.capacity[0].gate == MarketTime(at=time(8), days_before=1)
    assert settings.feeds[0].header_env == {"Authorization": "PRICES_TOKEN"}
    assert settings.markets.intraday.buy_series == "intraday_buy"


def test_the_example_shows_every_setting_but_a_feed_s_rarer_fields():
    shown = tomllib.loads(uncommented())
    for path, model in sections():
        if " " in path:  # of several kinds of feeds the example shows one
            continue
        here = shown
        for key in filter(None, path.split(".")):
            here = here[key][0] if isinstance(here[key], list) else here[key]
        rare = {name for name in HttpFeed.model_fields if name not in here} if model is HttpFeed else set()
        assert set(here) >= set(settings_of(model)) - rare
        assert not any(HttpFeed.model_fields[name].is_required() for name in rare)


def test_an_existing_configuration_is_kept(tmp_path):
    (tmp_path / "agr.toml").write_text("mine")
    with pytest.raises(SettingsError, match=r"agr.toml: exists already and was not overwritten"):
        write_example(tmp_path, "agr.example.com")
    assert (tmp_path / "agr.toml").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        write_example(tmp_path / "file" / "inside", "agr.example.com")


def documented():
    """Return heading → {setting: (default, meaning)}."""
    parts = re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    rows = {title: re.findall(r"^\| `(\w+)` \|([^|]*)\|(.*)\|$", text, flags=re.MULTILINE) for title, text in parts}
    return {
        re.sub(r"[`\[\]]", "", title): {n: (d.strip(), m.strip()) for n, d, m in found} for title, found in rows.items()
    }


def shown(field):
    """Return a default as the documentation writes it."""
    default = field.default
    if field.is_required():
        return ""
    if default is None or default in ((), {}):
        return "none"
    if isinstance(default, MarketTime):
        return f"{default.at:%H:%M}, {default.days_before}"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    if isinstance(default, tuple) and all(isinstance(one, str) for one in default):
        return ", ".join(f"`{one}`" for one in default)
    return str(default) if isinstance(default, int) else f"`{default}`" if str(default) else "empty"


@pytest.mark.parametrize(("path", "model"), [*sections(), ("A time of the market day", MarketTime)])
def test_every_setting_is_documented_with_default_and_meaning(path, model):
    rows = documented().get(path or "The daemon", {})
    expected = {name: (shown(field), field.description) for name, field in settings_of(model).items()}
    assert rows == expected


def test_every_setting_is_used_somewhere():
    words = set[str]()
    for file in (PROJECT / "agr").rglob("*.py"):
        room = file.relative_to(PROJECT).parts[1]
        if room != "client":  # in the settings themselves only what is read of them counts
            words |= set(re.findall(r"\.(\w+)" if room == "settings" else r"\w+", file.read_text(encoding="utf-8")))
    assert {name for _, model in sections() for name in settings_of(model)} - words == set()


def test_every_setting_has_a_description_and_a_title():
    for _, model in [*sections(), ("", MarketTime)]:
        for name, field in model.model_fields.items():
            assert field.description, name
        properties = model.model_json_schema()["properties"]
        assert all(part.get("title") or "$ref" in str(part) for part in properties.values())
    assert Settings.model_json_schema()["$defs"]["Planning"]["properties"]["time_limit_s"]["title"] == "Time limit (s)"


@pytest.mark.parametrize(
    ("name", "title"),
    [("max_buy_kw", "Max buy (kw)"), ("spread_eur_per_mwh", "Spread (eur per mwh)"), ("key_file", "Key file")],
)
def test_titles_name_the_unit(name, title):
    assert title_of(name) == title


def test_paths_are_relative_to_the_file(config):
    settings = config('key_file = "k/own.key"\ndata_folder = "/var/agr"\n')
    assert settings.key_file == config.folder / "k/own.key"
    assert settings.data_folder == Path("/var/agr")


def test_a_relative_configuration_file_gives_absolute_paths(config, monkeypatch):
    config("")
    monkeypatch.chdir(config.folder)
    assert load(Path("agr.toml")).data_folder == config.folder / "data"


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("sqlite:///data/agr.db", "sqlite:///{folder}/data/agr.db"),
        ("sqlite+pysqlite:///agr.db?timeout=3", "sqlite+pysqlite:///{folder}/agr.db?timeout=3"),
        ("sqlite:////var/agr.db", "sqlite:////var/agr.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql+psycopg://agr@host/agr", "postgresql+psycopg://agr@host/agr"),
        ("postgresql+psycopg:///agr", "postgresql+psycopg:///agr"),
    ],
)
def test_only_relative_sqlite_files_are_resolved(config, url, resolved):
    assert config(f'store_url = "{url}"\n').store_url == resolved.format(folder=config.folder)


def test_the_environment_wins_over_the_file_setting_by_setting(config, monkeypatch):
    monkeypatch.setenv("AGR_LISTEN_PORT", "9000")
    monkeypatch.setenv("AGR_PLANNING__THREADS", "4")
    monkeypatch.setenv("AGR_TIMETABLE__FIRST_PLAN__AT", "07:30")
    monkeypatch.setenv("AGR_MARKETS__DAY_AHEAD__MAX_BUY_KW", "5.5")
    settings = config("listen_port = 1\n[planning]\nthreads = 1\nworkers = 3\n")
    assert settings.listen_port == 9000
    assert (settings.planning.threads, settings.planning.workers) == (4, 3)
    assert settings.timetable.first_plan == MarketTime(at=time(7, 30), days_before=1)
    assert settings.markets.day_ahead.max_buy_kw == 5.5


def test_lists_come_from_the_environment_as_json(config, monkeypatch):
    monkeypatch.setenv("AGR_FEEDS", '[{"name": "p", "url": "http://a.b/", "kind": "price", "series": "s"}]')
    assert config("").feeds[0].name == "p"
    monkeypatch.setenv("AGR_FEEDS", "[")
    (only,) = faults(config, "")
    assert only.startswith("environment: ")
    assert "feeds" in only


def test_a_misspelt_variable_is_noticed_and_strange_ones_are_not(config, monkeypatch):
    monkeypatch.setenv("AGR_SOMETHING_ELSE", "1")
    monkeypatch.setenv("AGR_LISTEN_PROT", "1")
    expected = "environment variable AGR_LISTEN_PROT: no such setting; did you mean AGR_LISTEN_PORT?"
    assert faults(config, "") == [expected]
    assert faults(config, "isp_minutes = 0")[0] == expected


def test_a_fault_of_a_variable_names_it(config, monkeypatch):
    monkeypatch.setenv("AGR_PLANNING__THREADS", "none")
    monkeypatch.setenv("AGR_PLANNING__COLOUR", "red")
    assert faults(config, "") == [
        "planning.threads (set by the environment variable AGR_PLANNING__THREADS): 'none' should be a valid integer, "
        "unable to parse string as an integer. Threads of one solve.",
        "planning.colour (set by the environment variable AGR_PLANNING__COLOUR): is not known here; known are "
        "method, relative_gap, decomposed_gap, time_limit_s, threads, comfort_shortfall_eur_per_kwh, "
        "join_triggers_s, budget_s, stale_portfolio, measured_max_age_s, look_ahead_days, "
        "customers_worse_off, workers, "
        "failed_cases_folder, "
        "failed_cases_kept, rolling, sessions, promises",
    ]


def test_what_earlier_versions_wrote_and_never_read_still_opens(config):
    assert config("[dispatch]\nlead_s = 300\npause_s = 60\n").dispatch == config("[dispatch]\npause_s = 60\n").dispatch


def test_settings_are_frozen(config):
    settings = config("")
    with pytest.raises(ValidationError):
        settings.domain = "other.example.com"
    with pytest.raises(ValidationError):
        settings.planning.threads = 9


def test_moments_may_be_toml_times(config):
    assert config("[timetable]\nfirst_plan = { at = 07:15:30 }\n").timetable.first_plan.at == time(7, 15, 30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
    ],
)
def test_resolvers_are_written_with_or_without_a_port(text, expected):
    assert resolver_address(text) == expected


@pytest.mark.parametrize("name", ["local", "dask://scheduler:8786", "dask+tls://10.0.0.7:8786", "dask://[::1]:8786"])
def test_executors_are_known_by_name(config, name):
    assert config(f'[compute]\nexecutor = "{name}"\n').compute.executor == name


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("awards do not pay what was bid", {"paid": "as cleared", "award": [[0.8, 0.9]]}),
        ("a share of the expected price, above 0, and a probability", {"award": [[0.8, 1.2]]}),
        ("a share of the expected price, above 0, and a probability", {"award": [[0.0, 1.0]]}),
        ("must be in order of shares", {"award": [[0.9, 0.5], [0.8, 0.9]]}),
        ("a higher price is no likelier accepted", {"award": [[0.8, 0.5], [0.9, 0.6]]}),
    ],
)
def test_an_award_model_that_cannot_be_is_refused(words, more):
    asked = {"paid": "as bid", **more}
    with pytest.raises(ValueError, match=words):
        CapacityProduct(name="x", direction="up", series="s", max_mw=1, gate=MarketTime(at=time(8)), **asked)
