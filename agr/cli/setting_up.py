"""init, check: set up a daemon's folder, and say what is still wrong."""

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

    with in_words():
        path = write_example(folder, domain, profile.value)
        settings = load(path)
        key = KeyPair.generate()
        settings.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key.save(settings.key_file)
        say(f"wrote {path} and {settings.key_file}\npublic key for your counterparties: {key.public}")
        if example:
            from agr.scenario.example import write_example_day

            period = commands.next_period(settings)
            write_example_day(folder, domain, period)
            say(
                f"wrote {folder / 'tables'}, a portfolio for {period}, and a practice day with it; play it with\n"
                f"  agr demo --scenario {folder} --once"
            )


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
