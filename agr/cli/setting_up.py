"""init, check: set up a daemon's folder, and say what is still wrong."""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption
from agr.cli.terminal import in_words, say, tell


class ExampleProfile(StrEnum):
    """What an example configuration is for."""

    UFTP = "uftp"
    GOPACS = "gopacs"


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command()(init)
    app.command()(check)


def init(
    folder: Annotated[Path, typer.Argument(help="Folder for agr.toml and keys/.")] = Path(),
    domain: Annotated[str, typer.Option(help="Our internet domain.")] = "agr.example.com",
    example: Annotated[
        bool, typer.Option("--example", help="Also write a small portfolio, as tables to change.")
    ] = False,
    profile: Annotated[
        ExampleProfile, typer.Option(help="gopacs: for contracts with Dutch grid operators.")
    ] = ExampleProfile.UFTP,
) -> None:
    """Write a commented example configuration and a new key pair (private key: mode 0600)."""
    from agr.operations import commands
    from agr.settings import load, write_example
    from agr.uftp.signing import KeyPair

    with in_words(), ExitStack() as undo:  # all or nothing, so that the command can be given again
        path = write_example(folder, domain, profile.value)
        undo.callback(path.unlink)
        settings = load(path)
        key, period = KeyPair.generate(), commands.next_period(settings)
        settings.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key.save(settings.key_file)
        undo.callback(settings.key_file.unlink)
        if example:
            from agr.scenario.example import write_example_day

            write_example_day(folder, domain, period)
        undo.pop_all()
        say(f"wrote {path} and {_shown(settings.key_file, folder)}\npublic key for your counterparties: {key.public}")
        if example:
            say(
                f"wrote {folder / 'tables'}, a portfolio for {period}, and a practice day with it; play it with\n"
                f"  agr demo --scenario {folder} --once"
            )


def _shown(file: Path, folder: Path) -> Path:
    """Return a file as the command was told of its folder, where it is in it."""
    inside = file.is_relative_to(folder.resolve())
    return folder / file.relative_to(folder.resolve()) if inside else file


def check(config: ConfigOption = DEFAULT) -> None:
    """Check configuration, keys and store, try feeds, endpoints and webhooks; print what is wrong and doubtful."""
    from agr.operations.configuration_check import doubtful, findings
    from agr.operations.trials import tried
    from agr.settings import load

    with in_words():
        settings = load(config)
        found = findings(settings)
        trial = tried(settings)
        found += trial.faults
        doubts = [*doubtful(settings), *trial.doubts]
    for line in doubts:
        tell(f"warning: {line}")
    for line in found:
        tell(f"- {line}")
    if found:
        raise typer.Exit(1)
    say("no faults found")
