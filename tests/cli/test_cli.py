"""The commands as a user types them, in a fresh folder: what they do, and how they report faults."""

import shutil
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agr.cli.main import app
from agr.settings import load

PROJECT = Path(__file__).parents[2]
TABLES = PROJECT / "scenarios" / "small-dst-day" / "tables"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert agr("init", ".", "--domain", "agr.mine.example").exit_code == 0
    return tmp_path


def agr(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_init_writes_a_config_that_loads_and_a_private_key_for_its_owner_only(folder: Path) -> None:
    key = folder / "keys" / "agr.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert 'domain = "agr.mine.example"' in (folder / "agr.toml").read_text()


def test_init_never_overwrites(folder: Path) -> None:
    before = (folder / "keys" / "agr.key").read_bytes()
    again = agr("init", ".")
    assert again.exit_code == 1
    assert "exists already and was not overwritten" in again.stderr
    assert (folder / "keys" / "agr.key").read_bytes() == before


@pytest.mark.parametrize(
    ("there", "arguments", "said"),
    [
        ("keys/agr.key", (), "keys/agr.key: exists already and was not overwritten"),
        ("tables/prices.csv", ("--example",), "1 fault, nothing was written:\nnew/tables/prices.csv: exists already"),
        ("notes.txt", ("--domain", "Not A Domain"), "domain 'Not A Domain': expected an internet domain"),
    ],
)
def test_init_writes_all_or_nothing(
    there: str, arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "new" / there
    kept.parent.mkdir(parents=True)
    kept.write_text("kept")
    refused = agr("init", "new", *arguments)
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert "wrote" not in refused.stdout
    assert [file for file in (tmp_path / "new").rglob("*") if file.is_file()] == [kept]
    assert kept.read_text() == "kept"


def test_init_says_where_files_are_as_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert agr("init", "mine").stdout.startswith("wrote mine/agr.toml and mine/keys/agr.key\n")


def test_check_says_in_words_what_is_missing(folder: Path) -> None:
    checked = agr("check")
    assert checked.exit_code == 1
    assert "the register is empty" in checked.stderr
    assert "no CRO in [[participants]]" in checked.stderr


def test_the_profile_for_gopacs_loads_and_check_says_what_it_still_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOPACS_SECRET", raising=False)
    assert agr("init", ".", "--domain", "agr.mine.example", "--profile", "gopacs").exit_code == 0
    settings = load(tmp_path / "agr.toml")
    assert settings.gopacs is not None
    assert settings.gopacs.oauth2.client_secret_env == "GOPACS_SECRET"
    assert ".acc." in settings.gopacs.broker
    assert ".acc." in settings.gopacs.directory
    assert settings.trading.automatic
    checked = agr("check")
    assert "import a table congestion_points with the contracted connections" in checked.stderr
    assert "gopacs: the environment variable GOPACS_SECRET" in checked.stderr
    assert "no DSO in [[participants]]" not in checked.stderr


def test_check_finds_a_key_that_others_can_read(folder: Path) -> None:
    (folder / "keys" / "agr.key").chmod(0o644)
    assert "agr.key" in agr("check").stderr


def test_a_missing_config_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = agr("status")
    assert refused.exit_code == 1
    assert "there is no such file" in refused.stderr


def test_tables_come_back_as_they_went_in(folder: Path) -> None:
    assert "12 connections" in agr("import", str(TABLES)).stdout
    assert agr("export", "once").exit_code == 0
    assert agr("import", "once").exit_code == 0
    assert agr("export", "twice", "--format", "parquet").exit_code == 0
    assert agr("import", "twice").exit_code == 0
    assert agr("export", "thrice").exit_code == 0
    for table in (folder / "once").iterdir():
        assert table.read_bytes() == (folder / "thrice" / table.name).read_bytes()


def test_bad_tables_are_refused_with_every_fault_and_nothing_is_loaded(folder: Path) -> None:
    bad = folder / "bad"
    shutil.copytree(TABLES, bad)
    text = (bad / "batteries.csv").read_text().splitlines()
    cells = text[1].split(",")
    cells[text[0].split(",").index("charge_kw")] = "-5"
    (bad / "batteries.csv").write_text("\n".join([text[0], ",".join(cells), *text[2:]]) + "\n")
    with (bad / "connections.csv").open("a") as file:
        file.write("nonsense\n")
    refused = agr("import", str(bad))
    assert refused.exit_code == 1
    assert "2 faults" in refused.stderr
    assert "batteries.csv, line 2, column charge_kw" in refused.stderr
    assert "connections.csv, line 14" in refused.stderr
    assert "the register is empty" in agr("check").stderr


def test_a_folder_with_prices_only_leaves_the_register_alone(folder: Path) -> None:
    agr("import", str(TABLES))
    (folder / "prices").mkdir()
    shutil.copy(TABLES / "prices.csv", folder / "prices")
    assert agr("import", "prices").exit_code == 0
    assert "the register is empty" not in agr("check").stderr


def test_status_shows_the_timetable_of_a_day(folder: Path) -> None:
    shown = agr("status", "--period", "2027-03-28")
    assert shown.exit_code == 0
    assert "Period 2027-03-28 (92 ISPs, Europe/Amsterdam)" in shown.stdout
    assert "portfolio_query" in shown.stdout
    assert "No alarms." in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("status", "--period", "tomorrow"), "is not a Period"),
        (("plan", "--period", "2020-01-01"), "is over"),
        (("plan",), "no CRO has told us the congestion points"),
        (("explain", "2027-03-28", "ea1.x"), "there is no plan"),
        (("award", "FCR", "1,2"), "is not a capacity product"),
        (("award", "FCR", "one"), "separated by commas"),
        (("connections", "register"), "the register has no connections"),
        (("import", "nowhere"), "nowhere"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    refused = agr(*arguments)
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert "Traceback" not in refused.output


def test_connections_are_queued_for_the_cro(folder: Path) -> None:
    agr("import", str(TABLES))
    with (folder / "agr.toml").open("a") as file:
        file.write(
            '\n[[participants]]\ndomain = "cro.example"\nrole = "CRO"\nendpoint = "http://127.0.0.1:9/x"\n'
            'public_keys = ["cs1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]\n'
        )
    queued = agr("connections", "register")
    assert "queued 1 AGRPortfolioUpdate with 12 connections" in queued.stdout
