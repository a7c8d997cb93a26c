"""Solves on a Dask cluster instead of local processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from agr.domain.errors import InputError, PlanError
from agr.planning.pool import How, Solution, answer
from agr.scenario.day import Solve
from agr.settings import Planning
from models.case import Case
from models.errors import ModelError


@contextmanager
def cluster_solve(address: str, planning: Planning, patience_s: float = 10) -> Iterator[Solve]:
    """Yield a function that solves a case on the cluster. Raises InputError when the cluster cannot be used.

    Workers must have one thread each: concurrent solves in threads of one process can hang.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("--cluster needs Dask: pip install 'agr-optimizer[cluster]'") from error
    try:
        client = Client(address, timeout=patience_s, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"the Dask scheduler {address} does not answer: {error}") from error
    with client:
        many = {worker: threads for worker, threads in client.nthreads().items() if threads > 1}
        if many:
            words = ", ".join(f"{worker} has {threads}" for worker, threads in many.items())
            raise InputError(f"{words} threads; start the workers with --nthreads 1, since solves in threads can hang")

        def solve(case: Case) -> Solution:
            future = client.submit(answer, case, How.of(planning, threads=1), pure=False)
            try:
                found: Solution = future.result(timeout=planning.budget_s)
            except TimeoutError as error:
                future.cancel()
                raise PlanError(
                    f"the cluster gave no answer within planning.budget_s = {planning.budget_s:g} s"
                ) from error
            except ModelError as error:
                raise PlanError(f"the mathematics failed: {error}") from error
            return found

        yield solve
