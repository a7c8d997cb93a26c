"""Backup and restore: everything comes back unchanged."""

import os
import sqlite3
import stat
import subprocess
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from agr.domain.errors import AgrError, InputError, StoreError
from agr.domain.isp import SystemClock
from agr.operations.backup import backup, restore
from agr.settings import Settings
from agr.store import day
from agr.store.data_lock import DataLock
from agr.store.leadership import Elected
from agr.store.tables import leaders
from agr.uftp.signing import KeyPair
from tests.builders.worlds import NOW
from tests.operations.furnished_house import alarm, alarms, connections, file_house, house, lose, opened, server_house

__all__ = ["file_house", "house", "server_house"]


def test_a_lost_folder_comes_back_as_it_was(house, tmp_path):
    settings, config = house
    file = tmp_path / "b.tar.gz"
    held = backup(settings, config, file, with_key=True)
    assert held in {("agr.db", "agr.toml", "agr.key"), ("agr.dump", "agr.toml", "agr.key")}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before, key = connections(settings), settings.key_file.read_bytes()
    lose(settings)
    said = restore(settings, file, replace=False)
    assert (said.domain, said.kept) == ("agr.example", ())
    assert connections(settings) == before == ["ean.1", "ean.2"]
    assert settings.key_file.read_bytes() == key
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    alarm(settings, "numbers go on counting where they were")
    assert len(alarms(settings)) == 1


def test_what_is_written_during_the_backup_does_not_tear_it(house, tmp_path):
    settings, config = house
    with opened(settings) as store, store.transaction() as tx:  # an open transaction of the running daemon
        day.raise_alarm(tx, "kind", "subject", "not committed", NOW)
        backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    assert alarms(settings) == ["not committed"]
    restore(settings, tmp_path / "b.tar.gz", replace=True)
    assert alarms(settings) == []
    assert connections(settings) == ["ean.1", "ean.2"]


def test_nothing_is_overwritten_unless_told_and_then_it_is_kept(house, tmp_path):
    settings, config = house
    file = tmp_path / "b.tar.gz"
    backup(settings, config, file, with_key=True)
    with pytest.raises(InputError, match="exists already and was not overwritten"):
        backup(settings, config, file, with_key=True)
    alarm(settings, "after the backup")
    with pytest.raises(InputError, match="say --replace"):
        restore(settings, file, replace=False)
    assert alarms(settings) == ["after the backup"]
    (kept,) = restore(settings, file, replace=True).kept
    assert alarms(settings) == []
    assert "after the backup" in kept_text(kept)


def kept_text(kept: Path) -> str:
    if "agr.dump" in kept.name:
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        command = ["pg_restore", "--data-only", "--table=alarms", "--file=-", str(kept)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    with closing(sqlite3.connect(kept)) as old:
        return str(old.execute("select text from alarms").fetchall())


def test_a_next_key_that_others_know_already_comes_back_with_its_age(file_house, tmp_path):
    settings, config = file_house
    following = settings.key_file.with_name("agr.key.next")
    KeyPair.generate().save(following)
    os.utime(following, (1_000_000, 1_000_000))
    saved = following.read_bytes()
    assert "agr.key.next" in backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    lose(settings)
    following.unlink()
    restore(settings, tmp_path / "b.tar.gz", replace=False)
    assert following.read_bytes() == saved
    assert following.stat().st_mtime == 1_000_000, "its day of waiting goes on"


def test_another_key_is_not_overwritten_and_then_nothing_is(file_house, tmp_path):
    settings, config = file_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    lose(settings)
    KeyPair.generate().save(settings.key_file)
    other = settings.key_file.read_bytes()
    with pytest.raises(InputError, match="another key than the backup's"):
        restore(settings, tmp_path / "b.tar.gz", replace=False)
    assert not (tmp_path / "agr.db").exists(), "everything is checked before anything is touched"
    (kept,) = restore(settings, tmp_path / "b.tar.gz", replace=True).kept
    assert kept.read_bytes() == other


def test_a_daemon_on_another_machine_is_not_pulled_out_from_under(server_house, tmp_path):
    settings, config = server_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    with opened(settings) as store:
        leader = Elected(store, SystemClock())
        assert leader.take()
        with pytest.raises(InputError, match="a daemon leads on this store"):
            restore(settings, tmp_path / "b.tar.gz", replace=True)
        leader.release()
        restore(settings, tmp_path / "b.tar.gz", replace=True)
        assert leader.take()
        with store.transaction() as tx:
            newest = tx.execute(sa.select(sa.func.max(leaders.c.epoch))).scalar()
        leader.release()
    assert newest == 3, "1 led before, 2 is the restore: work of 1 can no longer be committed"


def test_a_restore_that_fails_half_way_changes_nothing(server_house, tmp_path):
    settings, config = server_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    alarm(settings, "after the backup")
    with opened(settings) as store, store.transaction() as tx:  # a report of somebody's that needs one of our tables
        tx.execute(sa.text("create view report as select * from alarms"))
    with pytest.raises(AgrError, match="view report depends on table alarms"):
        restore(settings, tmp_path / "b.tar.gz", replace=True)
    assert alarms(settings) == ["after the backup"]
    assert connections(settings) == ["ean.1", "ean.2"]


def test_other_people_s_tables_stay_out_of_it(server_house, tmp_path):
    settings, config = server_house
    with opened(settings) as store, store.transaction() as tx:
        tx.execute(sa.text("create table theirs as select 1 as one"))
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    with opened(settings) as store, store.transaction() as tx:
        tx.execute(sa.text("update theirs set one = 2"))
    restore(settings, tmp_path / "b.tar.gz", replace=True)
    with opened(settings) as store, store.transaction() as tx:
        assert tx.execute(sa.text("select one from theirs")).scalar() == 2


def test_a_store_of_a_newer_program_is_not_replaced(server_house, tmp_path):
    settings, config = server_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    newer_schema(settings)
    with pytest.raises(StoreError, match="schema 9999, newer than this program"):
        restore(settings, tmp_path / "b.tar.gz", replace=True)


def newer_schema(settings: Settings) -> str:
    with opened(settings) as store, store.transaction() as tx:
        before = str(tx.execute(sa.text("select version_num from alembic_version")).scalar())
        tx.execute(sa.text("update alembic_version set version_num = '9999'"))
    return before


def test_a_backup_of_a_newer_program_is_refused_before_anything_is_touched(house, tmp_path):
    settings, config = house
    before = newer_schema(settings)
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    with opened(settings) as store, store.transaction() as tx:
        tx.execute(sa.text("update alembic_version set version_num = :before"), {"before": before})
    alarm(settings, "after the backup")
    with pytest.raises(InputError, match="the backup has schema 9999, newer than this program; update agr"):
        restore(settings, tmp_path / "b.tar.gz", replace=True)
    assert alarms(settings) == ["after the backup"]
    assert list(tmp_path.rglob("*.before-*")) == []


def test_a_server_s_password_is_never_shown(server_house, tmp_path):
    settings, config = server_house
    url = sa.make_url(settings.store_url)
    wrong = url.set(password="wr0ng").render_as_string(hide_password=False)
    with pytest.raises(AgrError, match="password authentication failed") as caught:
        backup(settings.model_copy(update={"store_url": wrong}), config, tmp_path / "b.tar.gz", with_key=True)
    assert "wr0ng" not in str(caught.value)


def test_a_running_daemon_is_not_pulled_out_from_under(file_house, tmp_path):
    settings, config = file_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=False)
    claim = DataLock(settings.data_folder)
    assert claim.take()
    with pytest.raises(InputError, match="the daemon is running"):
        restore(settings, tmp_path / "b.tar.gz", replace=True)
    claim.release()


def test_a_damaged_store_is_replaced_and_kept_with_its_log(file_house, tmp_path):
    settings, config = file_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    (tmp_path / "agr.db").write_bytes(b"no database" * 1000)
    (tmp_path / "agr.db-wal").write_bytes(b"what was written last")
    (kept,) = restore(settings, tmp_path / "b.tar.gz", replace=True).kept
    assert connections(settings) == ["ean.1", "ean.2"]
    assert kept.read_bytes() == b"no database" * 1000
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"what was written last"


def test_what_a_reader_keeps_from_the_main_file_is_kept_too(file_house, tmp_path):
    settings, config = file_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    with closing(sqlite3.connect(tmp_path / "agr.db")) as reader:
        reader.execute("begin")
        reader.execute("select * from alarms").fetchall()
        alarm(settings, "after the backup")
        (kept,) = restore(settings, tmp_path / "b.tar.gz", replace=True).kept
    assert alarms(settings) == []
    assert "after the backup" in kept_text(kept)


def test_a_copy_that_fails_leaves_the_store_as_it_was(file_house, tmp_path):
    settings, config = file_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    alarm(settings, "after the backup")
    (tmp_path / "agr.db.half").mkdir()  # stands for a full disk: the copy cannot be written
    with pytest.raises(AgrError, match=r"nothing has changed"):
        restore(settings, tmp_path / "b.tar.gz", replace=True)
    assert alarms(settings) == ["after the backup"]
    assert list(tmp_path.glob("*.before-*")) == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "text"])
def test_a_damaged_or_foreign_file_is_refused_and_touches_nothing(file_house, tmp_path, damage):
    settings, config = file_house
    file = tmp_path / "b.tar.gz"
    backup(settings, config, file, with_key=True)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "flipped":
        with tarfile.open(file) as archive:
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # since 3.11.4
            archive.extractall(tmp_path / "out", **safely)
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


def test_a_backup_of_somebody_else_is_refused(file_house, tmp_path):
    settings, config = file_house
    backup(settings, config, tmp_path / "b.tar.gz", with_key=True)
    with pytest.raises(InputError, match=r"the backup is of agr\.example"):
        restore(settings.model_copy(update={"domain": "other.example"}), tmp_path / "b.tar.gz", replace=True)
