"""How far a request lets a congestion point's program leave its baseline. Pure.

Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from agr.domain.flexibility import Disposition, FlexRequest

if TYPE_CHECKING:  # the models take seconds to import
    from models.flexibility.question import Room


def room_of(request: FlexRequest, baseline_w: Sequence[int]) -> "Room":
    """Return the room around an accepted D-Prognosis."""
    from models.flexibility.question import Room

    bounds = np.array(request.bounds_w, dtype=np.float64) / 1000
    requested = np.zeros(request.period.isp_count, dtype=np.bool_)
    for isp in request.isps:
        requested[isp.isp - 1] = isp.disposition is Disposition.REQUESTED
    elements = tuple((first - 1, count) for first, count in request.spans if requested[first - 1])
    return Room(
        baseline_kw=np.array(baseline_w) / 1000, requested=requested, least_kw=bounds[:, 0], most_kw=bounds[:, 1],
        elements=elements,
    )  # fmt: skip


def asked_limits(request: FlexRequest) -> tuple[int | None, ...]:
    """Return the limit that a request asks for in each ISP, W; None: in none.

    It is MaxPower, or MinPower where MaxPower is 0, as other systems read it.
    """
    power_w: list[int | None] = [None] * request.period.isp_count
    for isp in request.requested:
        power_w[isp.isp - 1] = isp.max_w or isp.min_w
    return tuple(power_w)


def limit_room(request: FlexRequest, planned_w: Sequence[int]) -> "Room":
    """Return the room around a planned program that keeps it within limits.

    Where the program lies beyond a limit, all of what is beyond is asked for, and nothing less is of use. Elsewhere it
    may do anything within limits, and anything at all in ISPs without any: nobody holds us to a prognosis.
    """
    from models.flexibility.question import Room

    planned = np.array(planned_w, dtype=np.float64) / 1000
    limits = request.limits_w(asked_limits(request))
    least = np.array([-np.inf if low is None else low / 1000 for low, _ in limits]) - planned
    most = np.array([np.inf if high is None else high / 1000 for _, high in limits]) - planned
    down, up = most < 0, least > 0
    return Room(
        baseline_kw=planned, requested=down | up,
        least_kw=np.where(down, most, least), most_kw=np.where(up, least, most),
    )  # fmt: skip
