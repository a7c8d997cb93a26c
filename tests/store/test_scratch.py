"""Temporary folders: removed with their block or, where their process was killed, by the next process."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agr.store.scratch import remove_abandoned, scratch_folder

HOLDER = """
import sys
from pathlib import Path
from agr.store.scratch import scratch_folder

with scratch_folder("test", Path(sys.argv[1])) as made:
    (made / "inside").mkdir()
    (made / "inside" / "file").write_text("data")
    print(made, flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(place: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Give a process that holds a scratch folder, and that folder; the process has ended after the block."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_a_folder_is_for_its_owner_only_and_goes_with_its_block(tmp_path: Path) -> None:
    with scratch_folder("test", tmp_path) as made:
        (made / "file").write_text("data")
        assert made.parent == tmp_path
        assert made.stat().st_mode & 0o077 == 0
    assert not any(tmp_path.iterdir())


def test_a_folder_goes_where_its_block_raises(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch_folder("test", tmp_path) as made:
        _ = 1 / len(list(made.iterdir()))
    assert not any(tmp_path.iterdir())


def test_what_a_killed_process_has_left_is_removed_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    with another_process(tmp_path) as (dying, left), another_process(tmp_path) as (_living, used):
        assert remove_abandoned(tmp_path) == ()
        dying.send_signal(signal.SIGKILL)
        dying.wait()
        assert (left / "inside" / "file").read_text() == "data"
        assert remove_abandoned(tmp_path) == (left,)
        assert not left.exists()
        assert (used / "inside" / "file").read_text() == "data"


def test_a_new_folder_beside_a_file_first_removes_what_killed_processes_left_there(tmp_path: Path) -> None:
    with another_process(tmp_path) as (dying, left):
        dying.send_signal(signal.SIGKILL)
        dying.wait()
    with scratch_folder("test", tmp_path) as made:
        assert list(tmp_path.iterdir()) == [made]
    assert not left.exists()


def test_folders_of_the_same_process_are_left_alone(tmp_path: Path) -> None:
    with scratch_folder("test", tmp_path) as first, scratch_folder("test", tmp_path) as second:
        assert remove_abandoned(tmp_path) == ()
        assert first.is_dir()
        assert second.is_dir()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "agr-scratch").mkdir()
    (tmp_path / "agr-scratch-file").write_text("no folder")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "agr-scratch-link").symlink_to(tmp_path / "elsewhere")
    assert remove_abandoned(tmp_path) == ()
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_another_users_folder_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "agr-scratch-test-of-another"
    other.mkdir()
    os.chown(other, 65534, 65534)
    assert remove_abandoned(tmp_path) == ()
    assert other.is_dir()


def test_without_a_place_the_temporary_directory_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "agr-scratch-left").mkdir()
    with scratch_folder("test") as made:
        assert made.parent == tmp_path
        assert remove_abandoned() == (tmp_path / "agr-scratch-left",)
