"""docs/reference/tables.md agrees with the code."""

import re
from datetime import time
from pathlib import Path

import pytest

from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.folder import read_folder
from agr.domain.register import ROWS

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL))


def documented(table):
    """Return column → (unit, default, meaning)."""
    rows = re.findall(r"^\| `(\w+)` \|([^|]+)\|([^|]*)\|([^|]+)\|$", SECTIONS[table], flags=re.MULTILINE)
    return {name: (unit.strip(), default.strip(), meaning.strip()) for name, unit, default, meaning in rows}


def test_every_table_of_the_register_has_its_section():
    assert list(SECTIONS) == list(ROWS)


@pytest.mark.parametrize("table", list(ROWS))
def test_every_column_is_documented_with_unit_default_and_meaning(table):
    rows = documented(table)
    assert list(rows) == [column.name for column in columns_of(table)]
    for column in columns_of(table):
        unit, default, meaning = rows[column.name]
        assert unit
        assert meaning.endswith(".")
        if column.required:
            expected = ""
        elif (table, column.name) == ("forecasts", "minutes"):
            expected = "one ISP"
        elif isinstance(column.default, time):
            expected = f"{column.default:%H:%M}"
        elif isinstance(column.default, str):
            expected = column.default
        else:
            expected = "none" if column.default is None else f"{column.default:g}"
        assert default == expected, column.name
        unit_in_name = re.search(r"(?<!_per)_(kwh?|w)$", column.name)
        assert unit_in_name is None or unit.split(",")[0].lower() == unit_in_name[1]


def test_examples_load_without_a_fault_or_warning(tmp_path):
    """All examples together are one folder; the forecasts' extract, an hour a row, is completed to a day."""
    for table, text in SECTIONS.items():
        (example,) = re.findall(r"```csv\n(.*?)```", text, flags=re.DOTALL)
        if table == "forecasts":
            example += "".join(
                f"depot-building,power_kw,2026-06-01T{hour:02}:00+02:00,60,30\n" for hour in range(2, 24)
            )
        (tmp_path / f"{table}.csv").write_text(example, encoding="utf-8")
    reading = read_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
    assert reading.warnings == ()
    assert all(reading.register.tables().values())
