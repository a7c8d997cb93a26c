"""Keeps what directories have found over a restart: rows in a JSON file in the data folder, replaced as a whole."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """The file of one directory; `who` names the directory in the log. A fault of the file is logged, never raised."""

    file: Path
    who: str

    def keep(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Replace what the file has."""
        fresh = self.file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(rows, indent=1), encoding="utf-8")
            os.replace(fresh, self.file)  # noqa: PTH105 - atomic
        except OSError as error:
            log.warning(f"{self.who}.not_kept", file=str(self.file), why=error.strerror)

    def read(self) -> list[dict[str, str]]:
        """Return the rows, none without a file; what is no row is logged and left out."""
        try:
            read = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            self.not_read(error)
            return []
        rows = [row for row in read if isinstance(row, dict)] if isinstance(read, list) else []
        if rows != read:
            self.not_read("not every entry is an object")
        return rows

    def not_read(self, why: object) -> None:
        """Log that something in the file cannot be used."""
        log.warning(f"{self.who}.not_remembered", file=str(self.file), why=str(why))
