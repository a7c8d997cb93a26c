"""Ranges of days in words, files and notebooks."""

import csv
import io
from datetime import date, timedelta

import pytest

from agr.domain.errors import InputError
from agr.history import files, read
from agr.history.days import DayHistory
from agr.history.facts import connections_eur
from agr.history.reading import read_history
from agr.history.tables import BYS, Table
from agr.scenario.day import Step, in_force
from tests.history.conftest import DAYS, FIRST, Stored

LAST = FIRST + timedelta(days=DAYS - 1)


def final(stored: Stored) -> dict[date, Step]:
    """Return Period → the step in force, without our own code of history."""
    days = sorted({step.period for step in stored.steps})
    return {day.day: in_force([step for step in stored.steps if step.period == day]) for day in days}


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_a_name_in_a_csv_file_is_no_formula_and_numbers_stay_numbers(name: str) -> None:
    given = Table(by="connection", columns=("connection", "paid_eur", "n"), rows=((name, -1.5, -2), ("a=1", None, 0)))
    (first, second) = csv.DictReader(io.StringIO(files.csv_text(given), newline=""))
    assert first == {"connection": f"'{name}", "paid_eur": "-1.5", "n": "-2"}
    assert second == {"connection": "a=1", "paid_eur": "", "n": "0"}


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [(LAST, FIRST, "is before the first"), (date(2020, 1, 1), LAST, "more than 1100 days")],
)
def test_impossible_ranges_are_refused(stored: Stored, first: date, last: date, words: str) -> None:
    with pytest.raises(InputError, match=words):
        DayHistory(stored.store, stored.settings).between(first, last)


def test_a_range_without_plans_is_empty_in_every_form(stored: Stored) -> None:
    found = read_history(stored.store, stored.settings, date(2025, 1, 1), date(2025, 1, 9), connections=True)
    assert [found.rows(by).rows for by in BYS] == [()] * len(BYS)
    assert "0 days with a plan" in found.html()
    assert files.parquet_table(found.rows("day")).num_rows == 0


def test_notebooks_read_it_by_the_settings_file(stored: Stored, tmp_path) -> None:
    config = tmp_path / "agr.toml"
    config.write_text(
        f'domain = "agr.example"\nisp_minutes = 60\nstore_url = "{stored.settings.store_url}"\nkey_file = "k"\n'
        "[markets.day_ahead]\nproduct_minutes = 60\n"
    )
    found = read(config, str(LAST), LAST)
    assert found.table("day")["day"].tolist() == [str(LAST)]
    with pytest.raises(InputError, match="were not read"):
        found.table("connection")
    with pytest.raises(InputError, match="did you mean market"):
        found.table("markets")
    with pytest.raises(InputError, match="is not a day"):
        read(config, "yesterday", LAST)


def test_connections_that_nobody_knows_are_left_to_the_portfolio(stored: Stored) -> None:
    solved = final(stored)[FIRST].solved
    found = connections_eur(solved, {})
    assert {connection for connection, _, _ in found} == {""}
    assert sum(found.values()) == pytest.approx(solved.outcome.objective_eur, abs=1e-6)
