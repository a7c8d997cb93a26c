"""Faults in what a user wrote: where they are, what is wrong, and what was probably meant. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches

_NAMED = 20
"""Most names that one message lists."""


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


def unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Return why a text file cannot be read, and what to do."""
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
    return f"cannot be read ({error.strerror or error})"


def closest(given: str, known: Collection[str], *, similarity: float = 0.6) -> str | None:
    """Return the known name most like the given one; None where none is as similar (0 to 1) as asked."""
    return next(iter(get_close_matches(given, known, n=1, cutoff=similarity)), None)


def meant(given: str, known: Collection[str]) -> str:
    """Return the second half of a message about an unknown name: the name probably meant, or the known names."""
    close = closest(given, known)
    if close is not None:
        return f"did you mean {close}?"
    names = list(known)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"known are {', '.join(names[:_NAMED])}{more}" if names else "there is none"


def number_of(count: int, thing: str, things: str = "") -> str:
    """Return a count in words: 1 fault, 2 faults, 1,200 faults; `things`: the plural where it is not the thing + s."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def verb_of(count: int, one: str = "is", many: str = "are") -> str:
    """Return the verb that goes with a count: 1 of 96 ISPs is missing, 2 of 96 are."""
    return one if count == 1 else many


def counted(faults: Collection[object]) -> str:
    """Return how many faults there are, in words."""
    return number_of(len(faults), "fault")
