"""Starting, stopping and losing counterparties; making their environment."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agr.demo.counterparties import Counterparty
from agr.demo.environment import REQUIREMENTS, STAMP, VARIABLE, counterparty_python
from agr.domain.errors import DeliveryError, InputError


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def gone_within(pid: int, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_a_stopped_counterparty_leaves_no_process_and_may_be_stopped_twice(python):
    with Counterparty(python, role="DSO", domain="dso.example") as dso:
        assert alive(dso.pid)
    assert not alive(dso.pid)
    dso.stop()
    with pytest.raises(DeliveryError, match="was stopped"):
        dso.send("silent")


def test_a_counterparty_dies_with_the_process_that_started_it(python):
    program = (
        "import os, sys; from pathlib import Path; from agr.demo.counterparties import Counterparty\n"
        f"dso = Counterparty(Path({str(python)!r}), role='DSO', domain='dso.example')\n"
        "sys.stdout.write(str(dso.pid)); sys.stdout.flush(); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 9, done.stderr
    assert gone_within(int(done.stdout), 60)


def test_the_signing_key_can_be_given_and_gives_the_same_public_key_each_time(python, tmp_path):
    key = tmp_path / "key"
    key.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")  # the bytes 0..31
    with Counterparty(python, role="DSO", domain="dso.example", key=key) as dso:
        # RFC 8032 key of that seed, computed with nacl.signing.SigningKey(bytes(range(32)))
        assert dso.public_key == "cs1.A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


def test_a_python_that_cannot_be_started_is_named(tmp_path):
    with pytest.raises(DeliveryError, match="no-python"):
        Counterparty(tmp_path / "no-python", role="DSO", domain="dso.example")


def test_a_counterparty_that_cannot_run_says_why(tmp_path):
    # our own Python lacks the library
    with pytest.raises(DeliveryError, match="No module named 'shapeshifter_uftp'"):
        Counterparty(Path(sys.executable), role="DSO", domain="dso.example")


def test_a_fault_in_a_command_is_an_error_here_and_does_not_stop_the_counterparty(dso):
    with pytest.raises(DeliveryError, match="could not dance"):
        dso.send("dance")
    with pytest.raises(DeliveryError, match="could not send_test"):
        dso.send("send_test", domain="stranger.example")
    dso.send("silent")


def test_waiting_ends_at_the_time_limit(dso):
    with pytest.raises(DeliveryError, match=r"silent for 0\.2 s"):
        dso.wait_for(lambda event: event.kind == "received", 0.2)


def test_an_environment_that_fits_the_lock_is_used_as_it_is(python):
    assert (python.parents[1] / STAMP).read_text() == hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    before = (python.parents[1] / STAMP).stat().st_mtime_ns
    assert counterparty_python(python.parents[1]) == python
    assert (python.parents[1] / STAMP).stat().st_mtime_ns == before


def test_a_named_python_is_used_when_it_has_the_library_and_refused_when_not(python, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(python))
    assert counterparty_python(tmp_path / "never-made") == python
    assert not (tmp_path / "never-made").exists()
    monkeypatch.setenv(VARIABLE, sys.executable)
    with pytest.raises(InputError, match="No module named 'shapeshifter_uftp'"):
        counterparty_python(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="No such file"):
        counterparty_python(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        counterparty_python(tmp_path / "file" / "environment")
