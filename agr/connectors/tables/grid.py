"""Opens a CSV or Parquet file as columns of raw cells, and remembers the line of each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from agr.domain.faults import Finding, Findings

_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""Separators other than the comma that files have by mistake → their names in messages."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RawTable:
    """A table's raw cells. In a CSV file lines are counted with header and comments, in Parquet rows from 1."""

    table: str
    file: str
    place: str  # "line" or "row"
    lines: Sequence[int]
    data: pa.Table

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        return list(self.data.column_names)

    def cells(self, column: str) -> list[object]:
        """Return the column's cells; empty ones are None."""
        found: list[object] = self.data.column(column).to_pylist()
        return [None if isinstance(cell, str) and not cell.strip() else cell for cell in found]

    def coded(self, column: str) -> tuple[NDArray[np.int64], list[object]]:
        """Return for each row the index of its distinct cell (-1: empty), and the distinct cells."""
        column_data = self.data.column(column).combine_chunks()
        if pa.types.is_nested(column_data.type):  # no table has nested columns; their cells are refused as text
            column_data = pa.array(
                [None if cell is None else str(cell) for cell in column_data.to_pylist()], pa.string()
            )
        coded = pc.dictionary_encode(column_data)
        codes = np.asarray(pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
        return codes, coded.dictionary.to_pylist()

    def finding(self, row: int, column: str, words: str) -> Finding:
        """Return a finding at a row (from 0)."""
        return Finding(file=self.file, line=int(self.lines[row]), column=column, words=words, place=self.place)


def open_grid(path: Path, found: Findings) -> RawTable | None:
    """Return the file's cells; None, and a noted fault, when it cannot be read."""
    try:
        return _parquet(path) if path.suffix == ".parquet" else _csv(path, found)
    except UnicodeDecodeError as error:
        found.fault(path.name, f"is not UTF-8 text (byte {error.start}); save it as UTF-8")
    except (OSError, pa.ArrowException) as error:
        found.fault(path.name, f"cannot be read: {error}")
    return None


def _parquet(path: Path) -> RawTable:
    data = pa.parquet.read_table(path, partitioning=None)
    for position, kind in enumerate(data.schema.types):
        plain = _plain(kind)
        if plain != kind:
            cast = pc.cast(data.column(position), plain, safe=False)
            data = data.set_column(position, data.column_names[position], cast)
    return RawTable(table=path.stem, file=path.name, place="row", lines=range(1, data.num_rows + 1), data=data)


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type to read a column as: no dictionaries, and no nanoseconds, which Python cannot represent."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if pa.types.is_time(kind) else kind


def _csv(path: Path, found: Findings) -> RawTable | None:
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    numbers = [n for n, line in enumerate(lines, start=1) if line and line[0] != "#" and not line.isspace()]
    if not numbers:
        found.fault(path.name, "is empty; write at least a header line with the column names")
        return None
    texts = [lines[n - 1] for n in numbers]
    separator = next((name for sign, name in _OTHERS.items() if sign in texts[0]), "")
    if texts[0].strip().strip('"').lower().startswith("sep="):
        found.fault(path.name, "begins with a line that names the separator; delete it, and save the table with commas")
        return None
    if "," not in texts[0] and separator:
        found.fault(path.name, f"separates columns by {separator}; save it with commas and decimal points")
        return None
    unclosed = [n for n, text in zip(numbers, texts, strict=True) if text.count('"') % 2]
    for number in unclosed:
        words = "a quotation mark is not closed; a value cannot span several lines"
        found.faults.append(Finding(file=path.name, line=number, words=words))
    if unclosed:
        return None
    data, wrong = _parse("\n".join(texts))
    for line, words in wrong:
        found.faults.append(Finding(file=path.name, line=numbers[line - 1], words=words))
    bad = {line for line, _ in wrong}
    kept = [number for line, number in enumerate(numbers, start=1) if line > 1 and line not in bad]
    return RawTable(table=path.stem, file=path.name, place="line", lines=kept, data=data)


def _parse(text: str) -> tuple[pa.Table, list[tuple[int, str]]]:
    """Return all cells as text, and (line, fault) of lines with too many or too few values."""
    wrong: list[tuple[int, str]] = []

    def skip(row: "pa.csv.InvalidRow") -> str:
        words = f"has {row.actual_columns} values, the header has {row.expected_columns} columns"
        wrong.append((row.number, words))
        return "skip"

    raw = text.encode()
    header = text.partition("\n")[0]
    names = pa.csv.read_csv(pa.BufferReader((header + "\n").encode())).column_names
    unique = [f"{position}" for position in range(len(names))]
    data = (
        pa.csv.read_csv(
            pa.BufferReader(raw),
            read_options=pa.csv.ReadOptions(use_threads=False, skip_rows=1, column_names=unique, block_size=1 << 24),
            parse_options=pa.csv.ParseOptions(invalid_row_handler=skip),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(unique, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
        if "\n" in text
        else pa.table({name: pa.array([], pa.string()) for name in unique})
    )
    return data.rename_columns([name.strip() for name in names]), wrong
