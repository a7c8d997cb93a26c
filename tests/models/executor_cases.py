"""Cases, prices and outcomes that executors are compared with."""

import os
from contextlib import closing, contextmanager
from functools import cache

import numpy as np
import pytest
from distributed import Client, LocalCluster

from models.decomposition.prices.pricing import ScenarioPrices
from models.decomposition.solve import solve as decompose
from models.response import Prices
from tests.builders.dask_workers import forked_workers
from tests.models.builders import day_ahead, limit, make, storage
from tests.models.worlds import portfolio

ROUNDS = 10  # after which searches are stopped: enough to price, generate and recover
LIMIT_S = 240.0  # generous: the first solve of a fresh clone compiles


@contextmanager
def cluster_of(workers, **options):
    with (
        forked_workers(),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50, **options
        ) as cluster,
    ):
        if workers:  # on a busy machine the second one comes late
            with closing(Client(cluster, set_as_default=False)) as client:
                client.wait_for_workers(workers, timeout=LIMIT_S)
        yield cluster.scheduler_address


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


@cache
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
