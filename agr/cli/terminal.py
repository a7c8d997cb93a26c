"""The terminal: where commands print results and errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from agr.domain.errors import AgrError, TableError

out, err = Console(), Console(stderr=True)
SHOWN_FAULTS = 50


@contextmanager
def in_words() -> Iterator[None]:
    """Turn an AgrError into a message and exit code 1; a bug keeps its traceback."""
    try:
        yield
    except TableError as error:
        more = len(error.faults) - SHOWN_FAULTS
        lines = str(error).splitlines()[: SHOWN_FAULTS + 1] + ([f"… and {more} more"] if more > 0 else [])
        complain("\n".join(lines))
        raise typer.Exit(1) from error
    except AgrError as error:
        complain(str(error))
        raise typer.Exit(1) from error


def complain(text: str) -> None:
    """Print a message to standard error verbatim; brackets are not markup."""
    err.print("agr:", style="red", end=" ")
    err.print(text, markup=False, highlight=False, soft_wrap=True)
