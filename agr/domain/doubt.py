"""A doubt about a value: it was probably meant in another unit than its column's."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A value that was probably meant in another unit."""

    table: str
    name: str  # of the resource, contract, congestion point or series
    column: str
    words: str  # with the value, and what was probably meant
    value: float | None = None  # where a name has several rows, to find the one

    def __str__(self) -> str:
        return f"{self.table}, {self.name}, column {self.column}: {self.words}"
