"""Where the mathematics are computed."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from agr.settings.section import Section

_CLUSTER = re.compile(r"dask(\+tls)?://(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):\d{1,5}")


def _executor(value: str) -> str:
    if value != "local" and not _CLUSTER.fullmatch(value):
        raise ValueError('expected "local", or a Dask scheduler as "dask://host:port" or "dask+tls://host:port"')
    return value


class Compute(Section):
    """Where the mathematics are computed."""

    executor: Annotated[str, AfterValidator(_executor)] = Field(
        default="local",
        description="Where the decomposed optimiser answers prices: local, dask://host:port or dask+tls://host:port.",
    )
