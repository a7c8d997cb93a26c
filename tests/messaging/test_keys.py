"""Keys change without downtime: two are valid, the running daemon loads the new one, key files stay private."""

import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import InputError, SettingsError
from agr.messaging.key_file import load_key
from agr.messaging.keys import KeyRing, LiveKey
from agr.settings import Settings
from agr.uftp.signing import KeyPair
from tests.builders.worlds import NOW


class Ring:
    """A ring whose clock can be moved."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.settings = Settings(domain="agr.example", key_file=folder / "agr.key", **more)  # type: ignore[arg-type]
        self.now = datetime.now(NOW.tzinfo)
        self.first = KeyPair.generate()
        self.first.save(self.settings.key_file)
        self.keys = KeyRing(self.settings, lambda: self.now)

    def states(self) -> list[str]:
        return [entry.state for entry in self.keys.entries()]


def test_a_rotation_keeps_two_keys_valid_and_changes_the_daemons_without_a_restart(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    live = LiveKey(ring.settings, load_key(ring.settings))
    fresh = ring.keys.prepare()
    assert ring.states() == ["in force", "next"]
    assert live().public == ring.first.public
    with pytest.raises(InputError, match="others may not know it yet"):
        ring.keys.activate()
    ring.now += timedelta(hours=25)
    assert ring.keys.activate().public == fresh.public
    assert live().public == fresh.public
    assert [e.public for e in ring.keys.entries()] == [fresh.public, ring.first.public]
    with pytest.raises(InputError, match="less than a day old"):
        ring.keys.prepare()
    ring.now += timedelta(hours=25)
    ring.keys.prepare()
    assert ring.states() == ["in force", "next"]


def test_every_key_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    ring.keys.prepare()
    ring.keys.activate(at_once=True)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_key_file_that_becomes_unreadable_leaves_the_former_key_in_force(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    live = LiveKey(ring.settings, load_key(ring.settings))
    ring.settings.key_file.unlink()
    assert live().public == ring.first.public
    ring.settings.key_file.write_text("nonsense")
    assert live().public == ring.first.public


def test_an_encrypted_key_needs_its_passphrase_and_does_not_show_its_seed(tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse\n")
    ring = Ring(tmp_path, key_passphrase_file=phrase)
    fresh = ring.keys.prepare()
    ring.keys.activate(at_once=True)
    loaded = load_key(ring.settings)
    assert loaded.public == fresh.public
    assert loaded.seed.hex() not in ring.settings.key_file.read_bytes().hex()
    with pytest.raises(SettingsError, match="key_passphrase_file"):
        KeyPair.load(ring.settings.key_file)
    with pytest.raises(SettingsError, match="is this its passphrase"):
        KeyPair.load(ring.settings.key_file, b"wrong")


def test_the_dns_records_name_version_keys_and_host(tmp_path: Path) -> None:
    ring = Ring(tmp_path, public_url="https://uftp.agr.example/shapeshifter/api/v3/message")
    fresh = ring.keys.prepare()
    assert ring.keys.records() == [
        '_usef.agr.example. 3600 IN TXT "3.1.0"',
        f'_AGR._usef.agr.example. 3600 IN TXT "{ring.first.public} {fresh.public}"',
        "_http._AGR._usef.agr.example. 3600 IN CNAME uftp.agr.example.",
    ]


def test_the_commands_rotate_show_and_publish(tmp_path: Path) -> None:
    run = CliRunner()
    config = ["-c", str(tmp_path / "agr.toml")]
    assert run.invoke(app, ["init", str(tmp_path)]).exit_code == 0
    assert "next key: cs1." in run.invoke(app, ["keys", "rotate", *config]).output
    assert run.invoke(app, ["keys", "rotate", *config]).exit_code == 1
    assert "now in force" in run.invoke(app, ["keys", "rotate", "--now", *config]).output
    shown = run.invoke(app, ["keys", "show", *config]).output
    assert [line.split("  ")[0].split(" cs1")[0].strip() for line in shown.splitlines()] == ["in force", "former"]
    assert "_AGR._usef.agr.example.com. 3600 IN TXT" in run.invoke(app, ["keys", "publish", *config]).output
