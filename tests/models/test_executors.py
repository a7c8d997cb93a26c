"""Pricing on a Dask cluster with real worker processes gives the same outcome as without."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import dask
import numpy as np
import pytest
import trustme
from distributed import Client, LocalCluster, Security

import models
from models.decomposition.executors import executor_of
from models.decomposition.executors.cluster import DaskPricing
from models.decomposition.executors.shards import cuts, shard
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing, ScenarioPrices
from models.decomposition.solve import solve as decompose
from models.errors import ExecutorError
from models.method import Method, solve
from models.mixing import MIXES, Shares
from models.response import Prices
from tests.models.builders import day_ahead, limit, make, storage
from tests.models.worlds import portfolio

ROUNDS = 10  # after which searches are stopped: enough to price, generate and recover
LIMIT_S = 240.0  # generous: the first solve of a fresh clone compiles


@contextmanager
def cluster_of(workers, **options):
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50, **options
    ) as cluster:
        if workers:  # on a busy machine the second one comes late
            with closing(Client(cluster, set_as_default=False)) as client:
                client.wait_for_workers(workers, timeout=LIMIT_S)
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def two():
    """The address of a scheduler with two worker processes."""
    with cluster_of(2) as address:
        yield address


def pids(scheduler):
    with closing(Client(scheduler, set_as_default=False)) as client:
        return client.run(os.getpid)


@pytest.fixture(scope="module")
def case():
    return portfolio(240, 24, points=4)


def outcome_of(case, executor, after_round=lambda number: None):
    """Return the outcome of a search of a few rounds."""
    seen = []

    def report(found):
        seen.append(found)
        after_round(len(seen))

    return decompose(
        case, time_limit_s=LIMIT_S, executor=executor, report=report, cancelled=lambda: len(seen) >= ROUNDS
    )


@pytest.fixture(scope="module")
def alone(case):
    return outcome_of(case, executor_of("local"))


def same(first, second):
    """Whether two outcomes are equal to the last bit."""
    programs = (
        "charge_kw",
        "discharge_kw",
        "energy_kwh",
        "unmet_kwh",
        "excess_kwh",
        "curtailable_kw",
        "start",
        "switched_on",
    )
    return (
        (first.objective_eur, first.bound_eur) == (second.objective_eur, second.bound_eur)
        and np.array_equal(first.point_kw, second.point_kw)
        and all(np.array_equal(getattr(first.programs, name), getattr(second.programs, name)) for name in programs)
    )


def crowd(isps=4):
    """Return 1,500 batteries at one limited congestion point, one group, and 700 outside."""
    batteries = [
        storage(isps, point=0 if i < 1500 else -1, charge_kw=1.0 + i % 7, charge_min_kw=0.8 * (i % 3 == 0),
                discharge_kw=2.0, eta_c=0.9 + i % 11 / 200, high=5.0 + i % 13, start=i % 5, wear=0.01,
                reserve_kw=1.0 * (i % 2))
        for i in range(2200)
    ]  # fmt: skip
    return make(isps, *batteries, limit(isps, import_kw=30.0), day_ahead=day_ahead(isps, np.full(isps, 20.0)))


def prices_of(case, grouping, seed=0):
    rng = np.random.default_rng(seed)
    points, held = len(grouping.priced_points), (len(case.reserves), case.isps)
    return ScenarioPrices(
        planned=Prices(
            power_eur_per_kw=rng.normal(0.01, 0.02, (points + 1, case.isps)),
            held_eur_per_kw=rng.uniform(0, 0.01, (2, *held)),
        ),
        called=Prices(
            power_eur_per_kw=rng.normal(0.0, 0.02, (points, case.isps)),
            held_eur_per_kw=rng.uniform(0, 0.01, (1, *held)),
        ),
    )


# What the workers are given


@pytest.mark.parametrize("most", [256, 512, 2048])
def test_shards_hold_every_unit_once_and_no_more_than_they_may(case, most):
    for world in (case, crowd()):
        grouping = group_units(world)
        found = cuts(grouping, most)
        assert max(len(cut.units) for cut in found) <= most
        for index, batch in enumerate(grouping.batches):
            units = np.concatenate([cut.units for cut in found if cut.batch == index])
            assert sorted(units.tolist()) == list(range(len(batch.units)))


def test_prices_to_begin_from_stay_here(case):
    begun = replace(case, start=decompose(case, time_limit_s=LIMIT_S, cancelled=lambda: True).duals)
    grouping = group_units(begun)
    assert {shard(begun, grouping.batches[cut.batch], cut).case().start for cut in cuts(grouping)} == {None}


def test_a_shard_says_neither_where_units_are_connected_nor_what_was_agreed(case):
    grouping = group_units(case)
    for cut in cuts(grouping):
        sent = shard(case, grouping.batches[cut.batch], cut).case()
        assert sent.points == ()
        assert len(sent.limits.point) == len(sent.reservations.point) == len(sent.fixed.point) == 0
        assert (grouping.batches[cut.batch].resource.arrays(sent).point == -1).all()


def test_groups_that_are_cut_are_added_up_to_the_last_bit(two):
    case = crowd()
    grouping = group_units(case)
    scenario = prices_of(case, grouping)
    assert len(cuts(grouping, 512)) >= 5
    here = LocalPricing(case, grouping).respond(scenario)
    with DaskPricing(case, grouping, two, shard_units=512) as pricing:
        there = pricing.respond(scenario)
    for name in ("power_kw", "held_kw", "cost_eur", "bound_eur"):
        assert np.array_equal(getattr(here, name), getattr(there, name)), name


def test_some_groups_can_be_asked_alone(two):
    case = crowd()
    grouping = group_units(case)
    scenario, groups = prices_of(case, grouping), len(grouping.group_point)
    alone = LocalPricing(case, grouping)
    with DaskPricing(case, grouping, two, shard_units=512) as pricing:
        for asked in (grouping.group_point >= 0, np.arange(groups) % 3 == 1, np.arange(groups) == 0):
            assert 0 < asked.sum() < groups
            here, there = alone.respond(scenario, asked), pricing.respond(scenario, asked)
            for name in ("power_kw", "held_kw", "cost_eur", "bound_eur"):
                assert np.array_equal(getattr(here, name), getattr(there, name)), name


# Whole solves


def test_two_workers_give_the_outcome_of_this_process(case, alone, two):
    assert same(outcome_of(case, executor_of(two.replace("tcp://", "dask://"))), alone)


def test_one_worker_gives_the_same_outcome(case, alone):
    with cluster_of(1) as scheduler:
        assert same(outcome_of(case, lambda c, grouping: DaskPricing(c, grouping, scheduler, shard_units=256)), alone)


def test_a_worker_that_is_killed_changes_nothing(case, alone, two):
    before = pids(two)
    victims = []

    def kill(number):
        if number == ROUNDS // 2:
            victims.append(min(before))
            os.kill(before[victims[0]], signal.SIGKILL)

    outcome = outcome_of(case, lambda c, grouping: DaskPricing(c, grouping, two, shard_units=256), kill)
    assert victims
    assert victims[0] not in pids(two)
    assert same(outcome, alone)


def test_a_worker_killed_while_programs_are_fetched_changes_nothing(two):
    case = crowd()
    grouping, rng = group_units(case), np.random.default_rng(4)
    rounds = [prices_of(case, grouping, seed).planned for seed in range(4)]
    everyone = np.arange(len(grouping.batches[0].units))
    weight = rng.dirichlet(np.ones(4), len(grouping.group_point)).T
    weight[1], weight[2, ::2] = 0.0, 0.0  # rounds that count nowhere, or only in some groups, are not asked
    shares = Shares(weight=weight, only=np.where(everyone % 3 == 0, rng.choice([0, 2, 3], len(everyone)), MIXES))
    ((_, expected),) = LocalPricing(case, grouping).mixtures(0, rounds, shares, everyone)
    whole = np.zeros((len(case.reserves), len(everyone), case.isps))
    whole[:, expected.reserve_units] = expected.held_kw
    due_charge, due_energy = expected.fields["charge_kw"], expected.fields["energy_kwh"]
    charge, energy, held = (np.full_like(a, np.nan) for a in (due_charge, due_energy, whole))
    with DaskPricing(case, grouping, two, shard_units=256) as pricing:
        before = None
        for chosen, mixed in pricing.mixtures(0, rounds, shares, everyone):
            charge[chosen], energy[chosen] = mixed.fields["charge_kw"], mixed.fields["energy_kwh"]
            held[:, chosen] = 0.0
            held[:, chosen[mixed.reserve_units]] = mixed.held_kw
            if before is None:
                before = pids(two)
                os.kill(before[max(before)], signal.SIGKILL)
    assert np.array_equal(charge, due_charge)
    assert np.array_equal(energy, due_energy)
    assert np.array_equal(held, whole)


def test_workers_forget_a_solve_that_has_ended(case, two):
    grouping = group_units(case)

    def actors(dask_worker):
        return len(dask_worker.state.actors)

    with closing(Client(two, set_as_default=False)) as watcher:
        with DaskPricing(case, grouping, two) as pricing:
            pricing.respond(prices_of(case, grouping))
            assert sum(watcher.run(actors).values()) == len(watcher.nthreads())
        until = monotonic() + LIMIT_S
        while sum(watcher.run(actors).values()) and monotonic() < until:
            sleep(0.05)
        assert sum(watcher.run(actors).values()) == 0


def test_an_encrypted_cluster_answers_those_who_have_its_certificates(tmp_path):
    authority = trustme.CA()
    key = authority.issue_cert("127.0.0.1", "localhost")
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    key.private_key_pem.write_to_path(files["key"])
    for pem in key.cert_chain_pems:
        pem.write_to_path(files["cert"], append=True)
    sides = {
        f"tls_{side}_{part}": files[part] for side in ("scheduler", "worker", "client") for part in ("cert", "key")
    }
    case = crowd()
    grouping = group_units(case)
    scenario = prices_of(case, grouping)
    tls = {"distributed.comm.tls.ca-file": files["ca"]}
    tls |= {f"distributed.comm.tls.client.{part}": files[part] for part in ("cert", "key")}
    security = Security(tls_ca_file=files["ca"], require_encryption=True, **sides)
    with cluster_of(1, processes=False, protocol="tls", security=security) as scheduler:
        assert scheduler.startswith("tls://")
        with pytest.raises(ExecutorError, match="no Dask scheduler answers"):
            DaskPricing(case, grouping, scheduler, connect_s=0.5)
        with dask.config.set(tls), executor_of(scheduler.replace("tls://", "dask+tls://"))(case, grouping) as pricing:
            assert np.array_equal(
                pricing.respond(scenario).power_kw, LocalPricing(case, grouping).respond(scenario).power_kw
            )


# What goes wrong


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
    with pytest.raises(ExecutorError, match=r'is no executor; it is "local", "dask://host:port"'):
        solve(case, method=Method.DECOMPOSITION, executor=name)


def test_a_cluster_without_dask_says_what_to_install(monkeypatch):
    for module in ("cluster", "worker_pool", "shard_worker"):
        monkeypatch.delitem(sys.modules, f"models.decomposition.executors.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    with pytest.raises(ExecutorError, match=r"needs the package distributed: install .*agr-optimizer\[cluster\]"):
        executor_of("dask://127.0.0.1:8786")
