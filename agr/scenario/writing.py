"""Writes a register as CSV tables, one per kind, and a CRO's list as JSON. Reproducible to the byte."""

import argparse
import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet

from agr.domain.register import CongestionPoint, Forecast, Register


def _cell(value: object, tz: ZoneInfo) -> str:
    """Return a field as text: numbers without trailing zeros, instants in local time with offset, None as empty."""
    if value is None:
        return ""
    if isinstance(value, float):
        return format(value, ".12g")
    if isinstance(value, datetime):
        return value.astimezone(tz).isoformat(timespec="seconds")
    if isinstance(value, time):
        return value.isoformat(timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(_cell(v, tz) for v in value)
    return str(value)


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]], tz: ZoneInfo) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_cell(value, tz) for value in row] for row in rows])
    return text.getvalue().encode()


def utc(moment: datetime) -> str:
    """Return an instant as histories have it: UTC, to the minute."""
    return moment.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")


def plain_csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Return a history as CSV, of cells that are texts already."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def forecast_rows(forecast: Forecast) -> list[tuple[object, ...]]:
    """Return one row per hour whose ISPs are equal, else one per ISP: resource, quantity, start, minutes, value."""
    period = forecast.period
    per_hour = max(60 // period.isp_minutes, 1)
    rows: list[tuple[object, ...]] = []
    for first in range(0, period.isp_count, per_hour):
        hour = forecast.values[first : first + per_hour]
        groups = [hour] if len(set(hour)) == 1 else [hour[i : i + 1] for i in range(len(hour))]
        for i, group in enumerate(groups):
            start = period.isp_start(first + i + 1)
            minutes = len(group) * period.isp_minutes
            rows.append((forecast.resource, forecast.quantity, start, minutes, group[0]))
    return rows


FORECASTS = ("resource", "quantity", "start", "minutes", "value")


def _parquet(rows: Sequence[tuple[object, ...]]) -> bytes:
    """Return the forecasts as a Parquet file, a hundredth of the CSV's size."""
    kinds = (pa.string(), pa.string(), pa.timestamp("s", tz="UTC"), pa.int64(), pa.float64())
    columns = zip(FORECASTS, zip(*rows, strict=True), kinds, strict=True)
    buffer = io.BytesIO()
    whole = pa.table({name: pa.array(cells, kind) for name, cells, kind in columns})
    pa.parquet.write_table(whole, buffer, compression="zstd")
    return buffer.getvalue()


def tables(register: Register, tz: ZoneInfo, *, parquet: bool = False) -> dict[str, bytes]:
    """Return file name → content for every kind that the register has rows of."""
    files = {}
    for table, values in register.tables().items():
        if not values:
            continue
        if table == "forecasts":
            rows = [row for forecast in values for row in forecast_rows(forecast)]
            if parquet:
                files["forecasts.parquet"] = _parquet(rows)
            else:
                files["forecasts.csv"] = _csv(FORECASTS, rows, tz)
            continue
        header = [column.name for column in fields(values[0])]
        files[f"{table}.csv"] = _csv(header, [[getattr(v, name) for name in header] for v in values], tz)
    return files


def cro_json(points: Sequence[CongestionPoint], free_connections: Sequence[str]) -> bytes:
    """Return the CRO's connection list in the form that agr/demo/parties/counterparty.py reads."""
    listed = [
        {
            "address": p.address,
            "dso": p.dso,
            "mutex_offers": p.mutex_offers,
            "day_ahead_redispatch_by": p.day_ahead_redispatch_by,
            "intraday_redispatch_by": p.intraday_redispatch_by,
            "connections": list(p.connections),
        }
        for p in points
    ]
    text = json.dumps({"congestion_points": listed, "free_connections": list(free_connections)}, indent=1)
    return text.encode() + b"\n"


def write_generated(
    name: str, doc: str | None, files: Callable[[Path], dict[str, bytes]], words: Sequence[str] | None
) -> None:
    """Write what `files` makes of day-ahead prices: the command of the module that generates a shipped scenario."""
    parser = argparse.ArgumentParser(prog=f"python -m agr.scenario.{name}", description=doc)
    parser.add_argument("--out", type=Path, required=True, help="folder of the scenario")
    parser.add_argument("--prices", type=Path, required=True, help="table with the Dutch day-ahead prices")
    given = parser.parse_args(words)
    write(given.out, files(given.prices))


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files, making folders as needed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
