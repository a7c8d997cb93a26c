"""The terminal: where commands print results and errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console, RenderableType
from rich.measure import Measurement

from agr.domain.errors import AgrError, TableError

if TYPE_CHECKING:
    from agr.operations.action_base import Done

out, err = Console(emoji=False), Console(stderr=True, emoji=False)
SHOWN_FAULTS = 50
_ANY_WIDTH = 10_000


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


def print_whole(part: RenderableType) -> None:
    """Print a table or text without cutting words or numbers: in a pipe each row and paragraph on one line.

    A terminal that is too narrow for the longest words of a table gets it at its least width.
    """
    if isinstance(part, str):
        out.print(part, markup=False, highlight=False, soft_wrap=not out.is_terminal)
        return
    needed = Measurement.get(out, out.options.update(max_width=_ANY_WIDTH), part)
    least = needed.minimum if out.is_terminal else needed.maximum
    Console(width=max(out.width, least)).print(part)


def print_json(found: object) -> None:
    """Print a value as one JSON document, for programs; what is no number (NaN) becomes null."""
    from pydantic import TypeAdapter  # slow to import, and of no use to most commands

    typer.echo(TypeAdapter(type(found)).dump_json(found, indent=2))


def say(text: str) -> None:
    """Print a line of result verbatim: brackets and colons are no markup, and a long line stays one."""
    typer.echo(text)


def tell(text: str) -> None:
    """Print a line about the result to standard error, verbatim."""
    typer.echo(text, err=True)


def say_done(done: "Done") -> None:
    """Print what an action did, and what is doubtful about it to standard error."""
    say(done.text)
    for words in done.warnings:
        tell(f"warning: {words}")


def complain(text: str) -> None:
    """Print an error verbatim, to standard error."""
    err.print("agr:", style="red", end=" ")
    tell(text)
