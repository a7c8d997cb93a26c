"""backup, restore: the store, the settings and the signing key in one file."""

from pathlib import Path
from typing import Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption
from agr.cli.terminal import in_words, say


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command("backup")(backup_)
    app.command("restore")(restore_)


def backup_(
    target: Annotated[Path, typer.Argument(help="File to write, e.g. agr-backup.tar.gz.")],
    key: Annotated[bool, typer.Option(help="Include the signing key.")] = True,
    config: ConfigOption = DEFAULT,
) -> None:
    """Write store, settings and signing key to one file; the daemon may keep running."""
    from agr.operations.backup import backup
    from agr.settings import load

    with in_words():
        held = backup(load(config), config, target, with_key=key)
    say(f"wrote {target}: {', '.join(held)}" + ("; keep it as safe as the key" if key else ""))


def restore_(
    source: Annotated[Path, typer.Argument(help="File that `agr backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace existing data, which is kept aside.")] = False,
    config: ConfigOption = DEFAULT,
) -> None:
    """Restore a backup; the daemon must not run. The settings file is not changed."""
    from agr.operations.backup import restore
    from agr.settings import load

    with in_words():
        restored = restore(load(config), source, replace=replace)
    say(f"restored {restored.domain} as of {restored.made_at}; the backup's agr.toml was left in the archive")
    for path in restored.kept:
        say(f"the replaced data is kept in {path}")
