"""The day-ahead position, kW per resource and ISP: the hourly optimum at the auction's prices, without intraday.

Kept as constants so that instances are the same on every machine; `python -m benchmarks.position` recomputes them.
"""

import numpy as np

from models.case import Floats

TYPICAL_KW = (
    0.462, 2.056, 0.024, 0.034, 0.491, 0.18, 0.214, -0.159, -0.512, -0.509, -0.188, -0.378,
    -0.031, 1.067, 0.32, 0.132, 0.032, -0.021, -0.229, -0.224, -0.032, 0.236, 0.484, 1.291,
)  # fmt: skip
HARD_KW = (
    0.35, 1.972, 0.024, 0.034, 0.491, 0.18, 0.106, -0.16, -0.316, -0.35, -0.188, -0.378,
    -0.049, 1.049, 0.302, 0.114, 0.037, 0.103, -0.18, -0.175, -0.032, 0.305, 0.676, 0.679,
)  # fmt: skip


def planned_kw(kind: str) -> Floats:
    """Return the position of one resource (T,)."""
    return np.repeat(HARD_KW if kind == "hard" else TYPICAL_KW, 4)


def _compute(kind: str, resources: int = 1000) -> Floats:
    """Return the hourly position of one resource, averaged over an instance, from HiGHS."""
    from dataclasses import replace

    from benchmarks.highs import ALGORITHMS, load, run
    from benchmarks.instances import make_case
    from benchmarks.linear import relaxation
    from benchmarks.sheet import spread

    case = make_case(resources, kind, committed=False)  # type: ignore[arg-type]
    none = np.zeros(case.isps)
    case = replace(case, intraday=replace(case.intraday, buy_depth_kw=none, sell_depth_kw=none))
    arrays = relaxation(case)
    x = run(load(arrays, ALGORITHMS["ipx"])).x
    power = spread(arrays, x, "power", len(case.points) + 1, case.isps).sum(axis=0)
    return np.asarray(np.round(power.reshape(24, 4).mean(axis=1) / resources, 3))


if __name__ == "__main__":
    for name in ("typical", "hard"):
        print(name, *_compute(name).tolist(), sep=", ")  # noqa: T201
