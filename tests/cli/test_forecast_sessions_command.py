"""`agr forecast sessions`, as its user types it: sessions are counted, and forecast by group."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

from agr.cli.main import app
from agr.settings import write_example

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
