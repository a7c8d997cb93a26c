"""Worker processes: a solve that hangs or dies ends with an error, and the next one works."""

import multiprocessing
import os
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from distributed import LocalCluster
from structlog.testing import capture_logs

from agr.domain.errors import PlanError, StoppedError
from agr.planning import pool, worker
from agr.planning.budget import Budget
from agr.planning.case import build
from agr.planning.failed_cases import FailedCases
from agr.planning.pool import SolverPool
from agr.planning.progress import RoundProgress
from agr.planning.shared_arrays import SharedArrays, pack
from agr.planning.solving import unfinished, unmanaged
from agr.settings import Planning
from models.case import Case, Duals
from models.decomposition.solve import solve as decompose
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.builders.case_inputs import inputs
from tests.models.builders import load, make
from tests.models.obligation_builders import reserve
from tests.models.worlds import portfolio


@pytest.fixture(scope="module")
def case() -> Case:
    return build(inputs()).case


def test_a_solve_over_its_budget_is_ended_and_the_next_one_works(case: Case) -> None:
    solver = SolverPool(Planning(threads=1, method="reference", budget_s=0.001))
    try:
        ended = solver.solve(case)
        assert ended.outcome.termination is Termination.NO_PROGRAM
        assert ended.findings == ()
        assert any("longer than planning.budget_s" in line for line in ended.outcome.log)
        solver._planning = Planning(threads=1, method="reference")
        assert solver.solve(case).findings == ()
    finally:
        solver.close()


def test_a_solve_near_the_end_of_its_budget_is_asked_to_stop_before_it_is_ended(tmp_path) -> None:
    solver = SolverPool(Planning(threads=1, budget_s=0.3))
    (tmp_path / "begun").touch()
    try:
        with pytest.raises(PlanError, match=r"longer than planning\.budget_s"):
            solver._result(Future(), tmp_path, None)
        assert (tmp_path / "stop").exists()
    finally:
        solver.close()


def test_a_solve_that_is_ended_answers_with_the_best_program_that_it_had(case: Case, tmp_path) -> None:
    assert worker.best_of(tmp_path) is None
    found = reference(case, threads=1)
    worker.keep_best(tmp_path, found)
    ended = unfinished(case, worker.best_of(tmp_path), "the solve took too long")
    assert ended.findings == ()
    assert ended.outcome.objective_eur == found.objective_eur
    assert "this is the best program that it had" in ended.outcome.log[-1]


def test_waiting_and_compiling_use_up_no_budget(tmp_path) -> None:
    """A worker says when it begins to solve; this one never does, and answers long after its budget."""
    solver = SolverPool(Planning(threads=1, budget_s=0.001))
    try:
        running: Future[SharedArrays] = Future()
        threading.Timer(0.05, lambda: running.set_result(pack("answer", tmp_path))).start()
        assert solver._result(running, tmp_path, None) == "answer"
    finally:
        solver.close()


def test_a_solve_that_does_not_begin_says_once_what_it_waits_for(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "TOLD_AFTER_S", 0.0)
    solver = SolverPool(Planning(threads=1))

    def told(patience_s: float) -> list[str]:
        """Return what is said until something is said twice, or patience ends."""
        running: Future[SharedArrays] = Future()
        until = time.monotonic() + patience_s
        with capture_logs() as said:

            def answer() -> None:
                while not said and time.monotonic() < until:
                    time.sleep(0.01)
                time.sleep(0.6)  # it could be said once more
                running.set_result(pack("answer", tmp_path))

            threading.Thread(target=answer).start()
            assert solver._result(running, tmp_path, None) == "answer"
        return [event["event"] for event in said]

    try:
        assert told(patience_s=60) == ["solve.waiting"]
        (tmp_path / "begun").touch()
        assert told(patience_s=0) == []
    finally:
        solver.close()


def test_steps_that_share_a_budget_have_what_the_ones_before_left(tmp_path) -> None:
    solver = SolverPool(Planning(threads=1, budget_s=60))
    shared = Budget.of(0.3)
    (tmp_path / "begun").touch()
    try:
        with pytest.raises(PlanError, match=r"longer than planning\.budget_s = 0\.3 s"):
            solver._result(Future(), tmp_path, None, budget=shared)
        assert shared.left_s == 0
        with pytest.raises(PlanError, match=r"the steps before have used up planning\.budget_s = 0\.3 s"):
            solver.count(None, shared)
    finally:
        solver.close()


def test_compiling_uses_up_nothing_of_a_shared_budget(tmp_path) -> None:
    solver, shared = SolverPool(Planning(threads=1)), Budget.of(5.0)
    answered: Future[SharedArrays] = Future()
    answered.set_result(pack("answer", tmp_path))
    try:
        assert solver._result(answered, tmp_path, None, budget=shared) == "answer"
        assert shared.left_s == 5.0
    finally:
        solver.close()


def test_a_worker_that_dies_is_reported_and_replaced(case: Case) -> None:
    solver = SolverPool(Planning(threads=1))
    try:
        failures: list[str] = []

        def attempt() -> None:
            try:
                solver.solve(case)
            except PlanError as error:
                failures.append(str(error))

        others = {p.pid for p in multiprocessing.active_children()}
        thread = threading.Thread(target=attempt)
        thread.start()
        while not (mine := [p for p in multiprocessing.active_children() if p.pid not in others]):
            time.sleep(0.01)
        for process in mine:
            process.kill()
        thread.join()
        assert len(failures) == 1
        assert "died" in failures[0]
        assert solver.solve(case).findings == ()
    finally:
        solver.close()


def test_workers_give_way_to_the_daemon() -> None:
    solver = SolverPool(Planning(threads=1))
    try:
        solver.warm_up()
        solver._pool.submit(os.getpid).result(timeout=120)  # by now a worker has settled in
        (worker,) = (solver._pool._processes or {}).values()
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    finally:
        solver.close()


def test_the_yardstick_knows_no_commitments(case: Case) -> None:
    bare = unmanaged(case)
    assert (bare.reserves, bare.anchor, bare.reservations.name) == ((), None, ())


def test_a_plan_with_reserve_that_begins_from_earlier_prices_has_an_unmanaged_case() -> None:
    """As every second plan of a decomposed portfolio with a capacity product does."""
    case = make(4, load(4, 10.0), reserves=(reserve(4, 10.0),))
    none = np.zeros((1, 4))
    start = Duals(balance=np.zeros(4), program=none, call=none, reserve=none, called=none)
    bare = unmanaged(replace(case, start=start))
    assert (bare.start, bare.reserves) == (None, ())


def test_a_decomposed_plan_is_solved_in_a_worker_and_its_rounds_are_heard() -> None:
    solver = SolverPool(Planning(threads=1, method="decomposition", time_limit_s=240))
    try:
        heard: list[RoundProgress] = []
        answer = solver.solve(portfolio(24, 24, points=3), heard.append)
    finally:
        solver.close()
    assert answer.findings == ()
    assert answer.outcome.duals is not None
    assert [step.round for step in heard] == sorted({step.round for step in heard})
    assert heard[-1].bound == pytest.approx(answer.outcome.bound_eur)


def test_a_search_that_is_asked_to_stop_answers_with_what_it_has() -> None:
    solver = SolverPool(Planning(threads=1, method="decomposition", decomposed_gap=1e-12, time_limit_s=240))

    def stop(_step: RoundProgress) -> None:
        solver.stop_searching()

    try:
        answer = solver.solve(portfolio(240, 96, points=8), stop)
    finally:
        solver.close()
    assert answer.findings == ()
    assert answer.outcome.termination is Termination.TIME_LIMIT


def test_a_plan_is_priced_on_the_cluster_the_settings_name() -> None:
    case = portfolio(24, 24, points=3)
    planning = Planning(threads=1, method="decomposition", time_limit_s=240)
    here = decompose(case, relative_gap=planning.decomposed_gap, time_limit_s=240, threads=1)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0", silence_logs=50
    ) as cluster:
        holding: list[int] = []

        def count(_step: RoundProgress) -> None:
            holding.append(sum(len(worker.state.actors) for worker in cluster.workers.values()))

        solver = SolverPool(planning, cluster.scheduler_address.replace("tcp://", "dask://"))
        try:
            there = solver.solve(case, count)
        finally:
            solver.close()
    assert max(holding) == 1
    assert there.findings == ()
    assert there.outcome.objective_eur == here.objective_eur
    assert there.outcome.bound_eur == here.bound_eur


def test_a_solve_that_is_abandoned_because_the_service_stops_is_no_failure(tmp_path: Path) -> None:
    kept = FailedCases(tmp_path, 10)
    hard = Planning(threads=1, method="decomposition", decomposed_gap=1e-12, time_limit_s=240)
    solver = SolverPool(hard, failed_cases=kept)
    ended: list[BaseException] = []

    def solve() -> None:
        try:
            solver.solve(portfolio(240, 96, points=8))
        except StoppedError as error:
            ended.append(error)

    thread = threading.Thread(target=solve)
    thread.start()
    while not solver._folders:
        time.sleep(0.01)
    solver.abandon()
    thread.join(120)  # half of what the solve may take
    assert len(ended) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoppedError):
        solver.solve(portfolio(240, 96, points=8))
    solver.close()


def test_workers_without_work_end_and_the_next_solve_has_new_ones(case: Case) -> None:
    others = {p.pid for p in multiprocessing.active_children()}

    def workers() -> set[int | None]:
        return {p.pid for p in multiprocessing.active_children()} - others

    solver = SolverPool(Planning(threads=1))
    try:
        assert solver.solve(case).findings == ()
        first = workers()
        solver.rest()
        assert workers() == first, "it has just worked"
        solver.rest(after_s=0.0)
        until = time.monotonic() + 60
        while workers():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert solver.solve(case).findings == ()
        assert workers().isdisjoint(first)
    finally:
        solver.close()
