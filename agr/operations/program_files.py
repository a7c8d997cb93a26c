"""Programs of resources as files: CSV with a row per resource and ISP, Parquet with a row per resource."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agr.operations.resource_programs import ResourcePrograms

if TYPE_CHECKING:  # takes 40 MB, which a daemon that writes no Parquet need not load
    import pyarrow as pa

Format = Literal["csv", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "parquet")
_HEADER = ("resource", "kind", "connection", "congestion_point", "isp", "start", "power_kw", "stored_kwh")
_AT_ONCE = 500


def csv_lines(programs: ResourcePrograms) -> Iterator[str]:
    """Yield the text of a CSV file in parts: its header, then some hundred resources each."""
    starts = [start.astimezone(programs.period.tz).isoformat() for start in programs.period.starts()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for place, program in enumerate(programs):
        names = (program.resource, program.kind, program.connection, program.congestion_point)
        stored = [""] * len(starts) if program.stored_kwh is None else program.stored_kwh.tolist()
        rows = zip(starts, program.power_kw.tolist(), stored, strict=True)
        writer.writerows((*names, isp, *row) for isp, row in enumerate(rows, start=1))
        if place % _AT_ONCE == _AT_ONCE - 1:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def parquet_table(programs: ResourcePrograms) -> "pa.Table":
    """Return a row per resource with lists of T values; plan, Period and its first instant stand in the metadata."""
    import pyarrow as pa

    period = programs.period
    head = {
        "plan": str(programs.plan), "period": str(period), "start": period.start.isoformat(),
        "isp_minutes": str(period.isp_minutes), "time_zone": period.zone_name,
    }  # fmt: skip
    isps = programs.power_kw.shape[1]

    def lists(values: "pa.Array") -> "pa.Array":
        return pa.FixedSizeListArray.from_arrays(values, isps)

    columns = {
        "resource": pa.array(programs.resource, pa.string()),
        "kind": pa.array(programs.kind, pa.string()),
        "connection": pa.array(programs.connection, pa.string()),
        "congestion_point": pa.array(programs.congestion_point, pa.string()),
        "power_kw": lists(pa.array(programs.power_kw.reshape(-1))),
        "stored_kwh": lists(pa.array(programs.stored_kwh.reshape(-1), from_pandas=True)),
    }
    return pa.table(columns).replace_schema_metadata(head)


def parquet_bytes(programs: ResourcePrograms) -> bytes:
    """Return a Parquet file."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(parquet_table(programs), sink)
    return sink.getvalue()


def write(programs: ResourcePrograms, path: Path, kind: Format) -> None:
    """Write a file as a whole or not at all: readers never see a part of it. Raises OSError."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if kind == "parquet":
            pq.write_table(parquet_table(programs), partial)
        else:
            with partial.open("w", encoding="utf-8") as file:
                file.writelines(csv_lines(programs))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
