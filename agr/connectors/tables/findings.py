"""Collects what is wrong with, or remarkable about, a folder of tables."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One fault or warning: where it is and what it is, in words. `line` 0: the file as a whole."""

    file: str
    line: int = 0
    column: str = ""
    words: str
    place: str = "line"  # Parquet files have rows

    def __str__(self) -> str:
        line = f", {self.place} {self.line}" if self.line else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}{line}{column}: {self.words}"


@dataclass
class Findings:
    """Faults stop the folder from being loaded, warnings do not."""

    faults: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def fault(self, file: str, words: str) -> None:
        """Note a fault of a file as a whole."""
        self.faults.append(Finding(file=file, words=words))
