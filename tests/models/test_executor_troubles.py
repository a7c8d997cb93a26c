"""Schedulers and workers that are not there, die, or run other code."""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest
from distributed import Client

import models
from models.decomposition.executors import executor_of
from models.decomposition.executors.cluster import DaskPricing
from models.decomposition.prices.grouping import group_units
from models.errors import ExecutorError
from models.method import Method, solve
from tests.models.executor_cases import LIMIT_S, cluster_of, prices_of
from tests.models.worlds import portfolio


@pytest.fixture(scope="module")
def case():
    return portfolio(240, 24, points=4)


def test_a_cluster_without_workers_is_given_up_with_what_to_do(case):
    grouping = group_units(case)
    with (
        cluster_of(0) as scheduler,
        DaskPricing(case, grouping, scheduler, patience_s=0.3) as pricing,
        pytest.raises(ExecutorError, match=f"has had no worker for 0.3 s; start one with `dask worker {scheduler}`"),
    ):
        pricing.respond(prices_of(case, grouping))


def test_a_scheduler_that_is_not_there_is_named(case):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(ExecutorError, match=f"no Dask scheduler answers at tcp://127.0.0.1:{port} "):
            DaskPricing(case, group_units(case), f"tcp://127.0.0.1:{port}", connect_s=0.3)


def test_a_scheduler_that_dies_ends_the_solve_in_words(case, tmp_path):
    grouping = group_units(case)
    found = tmp_path / "scheduler.json"
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
         "--no-dashboard", "--scheduler-file", str(found)], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = monotonic() + LIMIT_S
        while not (found.exists() and found.read_text().endswith("}")) and monotonic() < until:
            sleep(0.05)
        address = json.loads(found.read_text())["address"]
        with DaskPricing(case, grouping, address, patience_s=1.0) as pricing:
            pricing._pool._client._timeout = 0.5  # it is waited for as long as a first connection may take: 30 s
            scheduler.kill()
            scheduler.wait(LIMIT_S)
            with pytest.raises(ExecutorError, match=f"the Dask scheduler at {address} does not answer any more"):
                pricing.respond(prices_of(case, grouping))
    finally:
        scheduler.kill()
        scheduler.wait(LIMIT_S)


def test_a_worker_with_other_code_is_left_out(case, tmp_path):
    shutil.copytree(Path(models.__file__).parent, tmp_path / "models")
    with (tmp_path / "models" / "response.py").open("a") as file:
        file.write("# another release\n")
    grouping = group_units(case)
    with cluster_of(0) as scheduler:
        worker = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-nanny", "--no-dashboard"],
            env=os.environ | {"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with closing(Client(scheduler, set_as_default=False)) as client:
                client.wait_for_workers(1, timeout=LIMIT_S)
            with (
                DaskPricing(case, grouping, scheduler, patience_s=0.3) as pricing,
                pytest.warns(RuntimeWarning, match="a Dask worker is left out: tcp://"),
                pytest.raises(ExecutorError, match=r"runs the same code .* install the same release"),
            ):
                pricing.respond(prices_of(case, grouping))
        finally:
            worker.terminate()
            worker.wait(LIMIT_S)


@pytest.mark.parametrize("name", ["", "cluster", "dask://", "dask://host", "tcp://host:1", "dask://host:1/path"])
def test_a_name_that_is_no_executor_is_refused_with_those_there_are(name, case):
    with pytest.raises(ExecutorError, match=r'is not an executor; write "local", "dask://host:port"'):
        solve(case, method=Method.DECOMPOSITION, executor=name)


def test_a_cluster_without_dask_says_what_to_install(monkeypatch):
    for module in ("cluster", "worker_pool", "shard_worker"):
        monkeypatch.delitem(sys.modules, f"models.decomposition.executors.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    with pytest.raises(ExecutorError, match=r"needs the package distributed: install .*agr-optimizer\[cluster\]"):
        executor_of("dask://127.0.0.1:8786")
