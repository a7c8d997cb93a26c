"""Backup and restore: what comes back is what was there, and nothing is lost on the way."""

import sqlite3
import stat
import tarfile
from pathlib import Path

import pytest

from agr.backup import backup, restore
from agr.daemon import Claim
from agr.errors import InputError
from agr.settings import Settings
from agr.store import day, register
from agr.store.engine import Store
from agr.uftp.signing import KeyPair
from tests.worlds import NOW, World


@pytest.fixture
def house(tmp_path: Path) -> tuple[Settings, Path]:
    world = World(tmp_path)
    settings = world.settings.model_copy(update={"store_url": f"sqlite:///{tmp_path / 'agr.db'}"})
    KeyPair.generate().save(settings.key_file)
    world.know_register()
    world.store.close()
    (tmp_path / "agr.toml").write_text('domain = "agr.example"\n')
    return settings, tmp_path / "agr.toml"


def connections(settings: Settings) -> list[str]:
    store = Store(settings.store_url)
    with store.transaction() as tx:
        found = [c.address for c in register.load(tx).connections]
    store.close()
    return found


def test_a_lost_folder_comes_back_as_it_was(house, tmp_path):
    settings, config = house
    file = tmp_path / "b.tar.gz"
    held = backup(settings, config, file, with_key=True)
    assert held == ("agr.db", "agr.toml", "agr.key")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before, key = connections(settings), settings.key_file.read_bytes()
    settings.key_file.unlink()
    for left in tmp_path.glob("agr.db*"):
        left.unlink()
    assert restore(settings, file, replace=False)["domain"] == "agr.example"
    assert connections(settings) == before == ["ean.1", "ean.2"]
    assert settings.key_file.read_bytes() == key
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600


def test_what_is_written_during_the_backup_does_not_tear_it(house, tmp_path):
    settings, config = house
    store = Store(settings.store_url)
    with store.transaction() as tx:  # an open transaction of the running daemon
        day.raise_alarm(tx, "kind", "subject", "not committed", NOW)
        backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    store.close()
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        archive.extract("agr.db", tmp_path / "out", filter="data")
    copy = sqlite3.connect(tmp_path / "out" / "agr.db")
    assert copy.execute("pragma integrity_check").fetchone() == ("ok",)
    assert copy.execute("select count(*) from alarms").fetchone() == (0,)
    copy.close()


def test_nothing_is_overwritten_unless_told_and_then_it_is_kept_beside(house, tmp_path):
    settings, config = house
    file = tmp_path / "b.tar.gz"
    backup(settings, config, file, with_key=True)
    with pytest.raises(InputError, match="exists already and is kept"):
        backup(settings, config, file, with_key=True)
    store = Store(settings.store_url)
    with store.transaction() as tx:
        day.raise_alarm(tx, "kind", "subject", "after the backup", NOW)
    store.close()
    with pytest.raises(InputError, match="say --replace"):
        restore(settings, file, replace=False)
    restore(settings, file, replace=True)
    store = Store(settings.store_url)
    with store.transaction() as tx:
        assert day.open_alarms(tx) == []
    store.close()
    (kept,) = tmp_path.glob("agr.db.before-*")
    old = sqlite3.connect(kept)
    assert old.execute("select text from alarms").fetchall() == [("after the backup",)]
    old.close()


def test_a_running_daemon_is_not_pulled_out_from_under(house, tmp_path):
    settings, config = house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=False)
    claim = Claim(settings.data_folder)
    assert claim.take()
    with pytest.raises(InputError, match="the daemon is running"):
        restore(settings, tmp_path / "b.tar.gz", replace=True)
    claim.release()


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "text"])
def test_a_damaged_or_foreign_file_is_refused_and_touches_nothing(house, tmp_path, damage):
    settings, config = house
    file = tmp_path / "b.tar.gz"
    backup(settings, config, file, with_key=True)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "flipped":
        with tarfile.open(file) as archive:
            archive.extractall(tmp_path / "out", filter="data")
        with (tmp_path / "out" / "agr.db").open("r+b") as db:
            db.seek(5000)
            db.write(b"\xff" * 16)
        with tarfile.open(file, "w:gz") as archive:
            for part in (tmp_path / "out").iterdir():
                archive.add(part, part.name)
    elif damage == "foreign":
        with tarfile.open(file, "w:gz") as archive:
            archive.add(config, "../agr.toml")
    else:
        file.write_text("no archive")
    before = connections(settings)
    with pytest.raises(InputError, match=r"damaged|cannot be read as a backup|not a backup of ours"):
        restore(settings, file, replace=True)
    assert connections(settings) == before
    assert list(tmp_path.glob("*.before-*")) == []


def test_a_backup_of_somebody_else_is_refused(house, tmp_path):
    settings, config = house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    with pytest.raises(InputError, match=r"the backup is of agr\.example"):
        restore(settings.model_copy(update={"domain": "other.example"}), tmp_path / "b.tar.gz", replace=True)
