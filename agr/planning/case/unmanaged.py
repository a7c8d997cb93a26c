"""What a device does if nobody steers it."""

import numpy as np

from agr.planning.case.rows import Floats


def charged_at_once(limit_kw: Floats, need_kwh: float, efficiency: float, hours: float) -> Floats:
    """Return charging (T,), kW, at full power from the first moment on until the need is met."""
    if need_kwh <= 0:
        return np.zeros(len(limit_kw))
    stored = np.cumsum(limit_kw * efficiency * hours)
    before = np.concatenate([[0.0], stored[:-1]])
    return np.clip((need_kwh - before) / (efficiency * hours), 0.0, limit_kw)
