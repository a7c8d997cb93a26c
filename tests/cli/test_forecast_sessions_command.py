"""`agr forecast sessions` and `run`, as users type them: sessions are counted, and groups and homes are forecast."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Connection, Register
from agr.operations import commands
from agr.settings import load, write_example
from agr.store import register

RUN = CliRunner()


def test_past_sessions_are_counted_and_forecast_and_refused_ones_are_named(tmp_path: Path) -> None:
    config = write_example(tmp_path, "agr.example")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = ["group,arrival,departure,energy_kwh"]
    for back in range(40, 2, -1):
        arrival = today - timedelta(days=back) + timedelta(hours=12)
        rows.append(f"street,{arrival.isoformat()},{(arrival + timedelta(hours=3)).isoformat()},9")
    table = tmp_path / "sessions.csv"

    def run(*words: str, code: int = 0) -> str:
        done = RUN.invoke(app, ["forecast", *words, "--config", str(config)])
        assert done.exit_code == code, done.output
        return done.output

    table.write_text("\n".join(rows), encoding="utf-8")
    first = run("sessions", str(table))
    assert " values stored, 0 known before, 0 refused" in first
    count = first.split()[0].replace(",", "")
    table.write_text("\n".join([*rows, rows[-1]]), encoding="utf-8")
    again = run("sessions", str(table), code=1)
    assert f"{table}, line 40: refused: line 39 has the same session" in again.replace("\n", " ")
    assert f"0 values stored, {count} known before, 1 refused" in again
    assert "ev_arrivals street: forecast 1 by alike days" in run("run", "--series", "ev_arrivals street")
    assert "the whole day: 1 cars, 1 to 1 with 80 %" in run("show", "--series", "ev_arrivals street")


def test_homes_that_were_never_measured_are_forecast_by_their_profile(tmp_path: Path) -> None:
    config = write_example(tmp_path, "agr.example")
    site = '[[forecasts.loads]]\nresources = "home-*"\nprofile = "H25"\nkwh_per_year = 3500\n'
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("\n[readings]", f"\n{site}\n[readings]", 1), encoding="utf-8")
    store = commands.open_store(load(config))
    homes = tuple(FixedLoad(resource=f"home-{n}", connection="a") for n in range(3))
    with store.transaction() as tx:
        register.replace(
            tx, Register(connections=(Connection(address="a", first_day=date(2024, 1, 1)),), resources=homes)
        )
    store.close()
    done = RUN.invoke(app, ["forecast", "run", "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "3 loads and generators and 0 heat pumps forecast" in done.output
    shown = RUN.invoke(app, ["forecast", "show", "--series", "power_kw home-1", "--config", str(config)])
    assert "by standard profile H25" in shown.output
    assert "H25 at 3,500 kWh a year stands in: it was not measured yet" in shown.output
