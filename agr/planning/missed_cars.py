"""Cars that a plan expects and that did not come: what the plan in force still has of them, by group. Pure.

Cars that came to the group since that plan was made, and that nobody planned, take the places of expected ones first;
what is left of the plan's energy did not come. Source: docs/how-to/plan-through-the-day.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.unplanned import arrival_of, is_expected, points_expecting, stem_of
from agr.domain.charge_point import ChargePoint
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.planning.case import NamedCase
from agr.planning.sessions_now import SessionNews
from agr.store.charge_sessions import ChargeSession

Programs = Mapping[str, NDArray[np.float64]]
PATIENCE = timedelta(minutes=15)
"""How late an expected car may be before it counts as one that did not come."""


def cars_expected(named: NamedCase) -> tuple[str, ...]:
    """Return the cars of a plan that stand in for unknown ones, and that a new plan leaves out where they are late.

    Those that a congestion point keeps for its open offer are none of them: they are fixed loads by then.
    """
    return tuple(name for name in named.stores() if is_expected(name))


def arrivals_expected(named: NamedCase) -> tuple[datetime, ...]:
    """Return when these cars arrive, ascending."""
    return tuple(sorted(arrival_of(name) for name in cars_expected(named)))


def missed(
    programs_kw: Programs, sessions: Iterable[ChargeSession], groups: Mapping[str, Sequence[ChargePoint]],
    period: Period, now: datetime, since: datetime,
) -> list[SessionNews]:  # fmt: skip
    """Return, by group, the expected cars that did not come and what the plan in force still has of them, kWh.

    `programs_kw`: of that plan's expected cars, (T,); `since`: when it was made, for it knows who came before;
    `groups`: group → its charge points.
    """
    group_of = {row.charge_point: group for group, rows in groups.items() for row in rows}
    stems = points_expecting(row for rows in groups.values() for row in rows)
    ahead = np.array([start >= now for start in period.starts()])
    late: defaultdict[str, list[float]] = defaultdict(list)
    for name in programs_kw:
        if is_expected(name) and stem_of(name) in stems and arrival_of(name) + PATIENCE <= now:
            kwh = float(np.abs(programs_kw[name][ahead]).sum()) * period.isp_hours
            late[group_of[stems[stem_of(name)].charge_point]].append(kwh)
    came = [group_of.get(one.charge_point) for one in sessions if one.resource is None and one.began_at > since]
    found = []
    for group, each in sorted(late.items()):
        left = len(each) - came.count(group)
        if left > 0:
            cars = number_of(left, "expected car", "expected cars")
            found.append(
                SessionNews(resource=group, kwh=sum(each) * left / len(each), words=f"{cars} did not come: {group}")
            )
    return sorted((one for one in found if one.kwh > 0), key=lambda one: -one.kwh)
