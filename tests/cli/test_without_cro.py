"""A market without a CRO, as its user meets it: a table of congestion points, and `agr plan`."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.isp import Period, SystemClock, period_of

EAN = "ean.871685900012636543"
POINT = "ea1.2020-01.org.example:point-3"


def agr(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def tomorrow() -> Period:
    return period_of(SystemClock().now(), "Europe/Amsterdam").next()


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A battery at a congestion point, with tomorrow's prices: 20 EUR/MWh in the first half of the day, then 120."""
    monkeypatch.chdir(tmp_path)
    assert agr("init", ".", "--domain", "agr.mine.example").exit_code == 0
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "connections.csv").write_text(f"address,first_day\n{EAN},2026-01-01\n")
    (folder / "batteries.csv").write_text(
        f"resource,connection,charge_kw,discharge_kw,capacity_kwh,initial_kwh,end_kwh\nbattery,{EAN},10,10,20,10,10\n"
    )
    period = tomorrow()
    rows = [
        f"day_ahead_forecast,{(period.start + n * timedelta(hours=1)).isoformat()},60,{20 if n < 12 else 120}\n"
        for n in range(period.isp_count // 4)
    ]
    (folder / "prices.csv").write_text("series,start,minutes,value\n" + "".join(rows))
    return folder


def test_a_day_is_planned_with_a_table_in_the_cros_place(tables: Path) -> None:
    (tables / "congestion_points.csv").write_text(
        f"congestion_point,dso,connection,first_day\n{POINT},dso.example.org,{EAN},2026-01-01\n"
    )
    assert agr("import", "tables").exit_code == 0
    checked = agr("check")
    assert "no CRO" not in checked.stderr
    assert "table congestion_points names dso.example.org, which is not a DSO" in checked.stderr
    planned = agr("plan")
    assert planned.exit_code == 0, planned.output
    shown = agr("status", "--period", str(tomorrow()))
    assert "table congestion_points answered" in " ".join(shown.stdout.split())
    assert "1 congestion point with 1 connection, 0 in none" in " ".join(shown.stdout.split())


def test_without_a_cro_and_a_table_check_says_what_to_do_and_the_plan_says_what_it_took(tables: Path) -> None:
    assert agr("import", "tables").exit_code == 0
    assert "no CRO in [[participants]]: add one, or import a table congestion_points" in agr("check").stderr
    assert agr("plan").exit_code == 0
    shown = " ".join(agr("status", "--period", str(tomorrow())).stdout.split())
    assert "no CRO is configured" in shown
