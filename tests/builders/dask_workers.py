"""Dask workers forked from this process's server of solving processes, which has imported the models already.

Each worker that is spawned instead imports everything anew, for seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dask

from agr.planning.pool import SolverPool
from agr.settings import Planning


@contextmanager
def forked_workers() -> Iterator[None]:
    """Let clusters that are started inside fork their workers."""
    SolverPool(Planning()).warm_up()  # the server imports what it was told to before it begins
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        yield
