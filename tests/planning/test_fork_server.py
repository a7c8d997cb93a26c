"""The fork server of workers."""

import subprocess
import sys

STOPPED_WHILE_LOADING = """
import os, signal
from multiprocessing import forkserver
from agr.planning import fork_server

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
fork_server.begin()
server = forkserver._forkserver._forkserver_pid
os.kill(server, signal.SIGINT)
worker = fork_server.context().Process(target=print, args=("a worker begins",), kwargs={"flush": True})
worker.start()
worker.join()
assert forkserver._forkserver._forkserver_pid == server, "another server had to be started"
os.kill(os.getpid(), signal.SIGINT)
"""


def test_ctrl_c_does_not_end_the_server_while_it_loads_but_whoever_started_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_LOADING], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout == "a worker begins\n"
    assert done.stderr.strip().endswith("KeyboardInterrupt")
    assert done.stderr.count("Traceback") == 1  # that of the script itself
    assert "another server" not in done.stderr
