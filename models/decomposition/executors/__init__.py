"""Answers prices in this process or on a Dask cluster. No other package knows Dask."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from models.case import Case
from models.decomposition.prices.grouping import Grouping
from models.decomposition.prices.pricing import LocalPricing, Pricing
from models.errors import ExecutorError

Executor: TypeAlias = Callable[[Case, Grouping], AbstractContextManager[Pricing]]
"""Provides the pricing of one solve as a context, and releases its resources at the end."""

LOCAL = "local"
_CLUSTER = re.compile(r"dask(?P<tls>\+tls)?://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):(?P<port>\d{1,5})")


@contextmanager
def local(case: Case, grouping: Grouping) -> Iterator[Pricing]:
    """Provide pricing in this process, on its threads."""
    yield LocalPricing(case, grouping)


def executor_of(name: str) -> Executor:
    """Return the executor called "local", "dask://host:port" or, encrypted, "dask+tls://host:port".

    Raises ExecutorError for other names, and where Dask is not installed.
    """
    if name == LOCAL:
        return local
    found = _CLUSTER.fullmatch(name)
    if found is None:
        raise ExecutorError(f'"{name}" is not an executor; write "local", "dask://host:port" or "dask+tls://host:port"')
    scheduler = f"{'tls' if found['tls'] else 'tcp'}://{found['host']}:{found['port']}"
    try:
        from models.decomposition.executors.cluster import DaskPricing
    except ModuleNotFoundError as error:
        raise ExecutorError(
            f"{name} needs the package {error.name}: install agr-optimizer with its extra, agr-optimizer[cluster]"
        ) from error
    return lambda case, grouping: DaskPricing(case, grouping, scheduler)
