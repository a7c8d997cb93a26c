"""`agr readings`, as its user types it, beside a daemon's store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.isp import period_of
from agr.domain.kinds.battery import Battery
from agr.domain.register import Connection, Register
from agr.operations import commands
from agr.settings import load, write_example
from agr.store import register

RUN = CliRunner()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    made = write_example(tmp_path, "agr.example")
    battery = Battery(
        resource="b", connection="ean.1", charge_kw=10, discharge_kw=10, capacity_kwh=20, initial_kwh=10, end_kwh=10
    )
    known = Register(
        connections=(Connection(address="ean.1", first_day=datetime.now(UTC).date()),), resources=(battery,)
    )
    with commands.open_store(load(made)).transaction() as tx:
        register.replace(tx, known)
    return made


def run(config: Path, *words: str, code: int = 0) -> str:
    done = RUN.invoke(app, [*words, "--config", str(config)])
    assert done.exit_code == code, done.output
    return done.output


def test_readings_are_imported_again_without_harm_and_faults_have_their_line(config, tmp_path):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    day = now.date().isoformat()
    lines = [f"b,{(now - timedelta(minutes=5 * m)).isoformat()},imported_kwh,{100 - m / 10}" for m in range(24)]
    file = tmp_path / "readings.csv"
    file.write_text("resource,at,quantity,value\n" + "\n".join(lines) + "\n")
    assert "24 readings stored" in run(config, "readings", "import", str(file))
    file.write_text(file.read_text() + f"b,{now.isoformat()},power_kw,9000\nb,{now.isoformat()}\nc,{day},power_kw,x\n")
    said = run(config, "readings", "import", str(file), code=1)
    assert "0 readings stored, 24 known already, 3 refused" in said
    assert "line 26: refused: 9,000 kW is more than a battery of 10 kW can do; is it in W?" in said
    assert "line 27: refused: expected 4 values" in said
    assert "line 28: refused: at: " in said
    days = {str(period_of(now - timedelta(hours=hours), "Europe/Amsterdam")) for hours in (0, 1)}
    shown = "".join(run(config, "readings", "energy", "b", "--period", one) for one in days)
    assert "+0.300" in shown
    assert "measured" in shown or "interpolated" in shown


def test_a_file_that_is_none_is_refused_whole(config, tmp_path):
    file = tmp_path / "readings.csv"
    assert "cannot be read" in run(config, "readings", "import", str(file), code=1)
    file.write_text("resource,time,kw\n")
    said = run(config, "readings", "import", str(file), code=1)
    assert "expected the columns resource,at,quantity,value, found resource,time,kw" in said
    assert "no registers of 'nobody' were read" in run(config, "readings", "energy", "nobody", code=1)
