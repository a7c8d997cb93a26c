"""A car at a charge point that nobody planned and that does not say what it needs."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Visit:
    """What is known of such a car while its Period runs."""

    resource: str  # how plans name it
    connection: str
    began: datetime
    until: datetime | None  # when it has left, leaves as it said, or makes room for a planned car; None: not known
    limit_kw: NDArray[np.float64]  # (T,) the most that its charge point gives, from the present ISP on
    wants_kwh: float | None  # what it still wants at the meter; None: it does not say
