"""Pricing on a Dask cluster with real worker processes gives the same outcome as without."""

import os
import signal
from contextlib import closing
from dataclasses import replace
from time import monotonic, sleep

import dask
import numpy as np
import pytest
import trustme
from distributed import Client, Security

from models.decomposition.executors import executor_of
from models.decomposition.executors.cluster import DaskPricing
from models.decomposition.executors.shards import cuts, shard
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.solve import solve as decompose
from models.errors import ExecutorError
from models.mixing import MIXES, Shares
from tests.models.executor_cases import LIMIT_S, ROUNDS, cluster_of, crowd, outcome_of, pids, prices_of, same
from tests.models.worlds import portfolio


@pytest.fixture(scope="module")
def two():
    """The address of a scheduler with two worker processes."""
    with cluster_of(2) as address:
        yield address


@pytest.fixture(scope="module")
def case():
    return portfolio(240, 24, points=4)


@pytest.fixture(scope="module")
def alone(case):
    return outcome_of(case, executor_of("local"))


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
    weight = np.ascontiguousarray(rng.dirichlet(np.ones(4), len(grouping.group_point)).T)  # as a search has it
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
