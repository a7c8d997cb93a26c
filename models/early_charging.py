"""How much must be charged before a moment, so that what is left fits behind shared limits after it.

Many loads with deadlines share limits. Each must have taken its energy by its last ISP, with the powers of its own.
What the limits cannot carry after the moment (a midnight) must be taken before it, as far as they can carry it then.

Answers come in three steps, and most loads need only the first:

1. Every load by itself, behind the least room along its limits.
2. The loads behind limits that all of them together may exceed: does a greedy schedule, which serves those with the
   least time to spare first, bring all of them to their energy?
3. If not, a linear program: a flow from loads through ISPs and limits, in which energy before the moment costs 1,
   energy that a load holds already and must not give back 1/2, and energy that fits nowhere 100 per kWh.

Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.errors import SolverError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOWHERE, HELD = 100.0, 0.5
"""Cost of a kWh that fits nowhere, and of one that is held already and must stay, where one before the moment costs 1.
The first must be the largest, so that what can be helped is helped"""
_LEAVING = 1e-2
"""The same, on top, of a kWh before the moment beyond what was planned so far: equal answers do not change"""
_DEAR = 1e-3
"""The same of a kWh in the dearest ISP before the moment, in the cheapest none: of equal answers the cheaper one"""
_KWH = 1e-6
"""Energies below this count as nothing"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Loads:
    """Loads over N ISPs, of which the first `moment` lie before the moment. Energies in kWh at the meter."""

    most_kwh: Floats  # (J,N) the most that each can take in an ISP; 0 while it is not there
    least_kwh: Floats  # (J,) the least that it can take in an ISP if it takes anything, but no more than most_kwh
    owed_kwh: Floats  # (J,) what it must have taken by its last ISP
    held_kwh: Floats  # (J,) part of it that is there already, if it is not given back before the moment
    planned_kwh: Floats  # (J,) what was planned so far to be there at the moment, with what is held; +inf: anything
    moment: int
    dear: Floats  # (moment,) how dear energy is in each ISP before the moment, 0..1

    def only(self, some: Ints) -> "Loads":
        """Return some of the loads (n,)."""
        return replace(
            self, most_kwh=self.most_kwh[some], least_kwh=self.least_kwh[some], owed_kwh=self.owed_kwh[some],
            held_kwh=self.held_kwh[some], planned_kwh=self.planned_kwh[some],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Rooms:
    """Limits, and what each leaves to the loads behind it. A load may be behind any number of them."""

    members: tuple[Ints, ...]  # (L,) of positions (n,) of loads
    room_kwh: Floats  # (L,N), +inf where there is no limit


@dataclass(frozen=True, kw_only=True, eq=False)
class Early:
    """What loads (J,) must have before the moment, kWh at the meter, and what fits nowhere."""

    before_kwh: Floats  # what is held already and must stay included
    nowhere_kwh: Floats


def charged_early(loads: Loads, rooms: Rooms) -> Early:
    """Return the least energy that loads must have before the moment, so that as much as possible fits.

    Among answers with the same total, what was planned so far is kept, and then the cheaper ISPs are taken.
    Raises SolverError where the linear program is not solved, which is a bug.
    """
    stays = np.any(loads.most_kwh[:, loads.moment :] > 0, axis=1)
    loads = replace(loads, most_kwh=_alone_kwh(loads, rooms))
    earlier, later = loads.most_kwh[:, : loads.moment], loads.most_kwh[:, loads.moment :]
    before = np.clip(loads.owed_kwh - later.sum(axis=1), 0.0, loads.held_kwh + earlier.sum(axis=1))
    nowhere = np.maximum(loads.owed_kwh - before - later.sum(axis=1), 0.0)
    for mine, part in _together(loads, rooms):
        few = loads.only(mine)
        if _fit(few, part, before[mine], stays[mine]):
            continue
        before[mine], nowhere[mine] = _least(few, part, stays[mine])
    return Early(before_kwh=before, nowhere_kwh=nowhere)


def _alone_kwh(loads: Loads, rooms: Rooms) -> Floats:
    """Return the most (J,N) that each load can take if it is alone behind its limits."""
    path = np.full(loads.most_kwh.shape, np.inf)
    for mine, room in zip(rooms.members, rooms.room_kwh, strict=True):
        path[mine] = np.minimum(path[mine], room)
    least = np.minimum(loads.least_kwh[:, None], loads.most_kwh)
    return np.where(path >= least, np.minimum(loads.most_kwh, np.maximum(path, 0.0)), 0.0)


def _together(loads: Loads, rooms: Rooms) -> Iterator[tuple[Ints, Rooms]]:
    """Yield the loads (n,) that hang together by limits which they may exceed, with these limits; others never meet.

    Only those of which some can take energy before the moment, and a limit of which may be exceeded after it.
    """
    from scipy.sparse import coo_array  # takes a while, and is rarely needed
    from scipy.sparse.csgraph import connected_components

    tight = []
    for limit, (mine, room) in enumerate(zip(rooms.members, rooms.room_kwh, strict=True)):
        if len(mine) > 1 and bool((loads.most_kwh[mine].sum(axis=0) > room + _KWH).any()):
            tight.append(limit)
    if not tight:
        return
    count = len(loads.owed_kwh)
    places = np.concatenate([rooms.members[limit] for limit in tight])
    nodes = count + np.repeat(np.arange(len(tight)), [len(rooms.members[limit]) for limit in tight])
    size = count + len(tight)
    edges = coo_array((np.ones(len(places)), (places, nodes)), shape=(size, size))
    number, label = connected_components(edges, directed=False)
    helped = (loads.held_kwh + loads.most_kwh[:, : loads.moment].sum(axis=1) > _KWH) & (loads.owed_kwh > _KWH)
    of_limit = label[count:]
    order = np.argsort(label[:count], kind="stable")
    border = np.searchsorted(label[:count][order], np.arange(number + 1))
    for one in np.unique(of_limit).tolist():
        mine = np.sort(order[border[one] : border[one + 1]])
        if not helped[mine].any():
            continue
        here = [tight[k] for k in np.flatnonzero(of_limit == one).tolist()]
        members = tuple(np.searchsorted(mine, rooms.members[limit]) for limit in here)
        yield mine, Rooms(members=members, room_kwh=rooms.room_kwh[here])


def _fit(loads: Loads, rooms: Rooms, before: Floats, stays: Bools) -> bool:
    """Say whether all can be taken when it is due: `before` the moment (n,), and what is owed then after it.

    What is due before it counts only where some must come before it for the sake of what is owed after it.
    """
    moment = loads.moment
    late = loads.most_kwh[:, moment:]
    due = before - np.minimum(before, loads.held_kwh)
    early = np.any(stays & (due > _KWH))
    if early and not _served(loads.most_kwh[:, :moment], due, rooms.members, rooms.room_kwh[:, :moment]):
        return False
    left = np.minimum(loads.owed_kwh - before, late.sum(axis=1))
    return _served(late, left, rooms.members, rooms.room_kwh[:, moment:])


def _served(most: Floats, left: Floats, members: tuple[Ints, ...], room_kwh: Floats) -> bool:
    """Say whether loads get what is left to them (n,), if those with the least time to spare come first.

    `most` (n,m) is what each can take, `room_kwh` (L,m) what limits leave. False proves nothing.
    """
    to_come = np.cumsum(most[:, ::-1], axis=1)[:, ::-1]
    inner_first = sorted(range(len(members)), key=lambda limit: len(members[limit]))
    behind = np.zeros((len(members), len(left)), dtype=np.bool_)
    for limit, mine in enumerate(members):
        behind[limit, mine] = True
    for t in range(most.shape[1]):
        taken, order = np.minimum(most[:, t], left), np.argsort(to_come[:, t] - left, kind="stable")
        for limit in inner_first:
            room = max(float(room_kwh[limit, t]), 0.0)
            mine = order[behind[limit][order]]
            wanted = taken[mine]
            if room < wanted.sum():
                taken[mine] = np.clip(room - (np.cumsum(wanted) - wanted), 0.0, wanted)
        left = left - taken
    return bool((left <= _KWH).all())


def _least(loads: Loads, rooms: Rooms, stays: Bools) -> tuple[Floats, Floats]:
    """Return the least energy (n,) before the moment, and what fits nowhere, by linear programming.

    Columns: energy of a load in an ISP, for each in which it can take some; what is held and stays, what fits nowhere,
    and what is before the moment beyond what was planned so far, for each load. Rows: what is owed of each load; what
    each limit leaves, in ISPs in which it may be exceeded; what was planned.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    load, isp = np.nonzero(np.where(loads.owed_kwh[:, None] > 0, loads.most_kwh, 0.0))
    count, flows, moment = len(loads.owed_kwh), len(load), loads.moment
    each, early = np.arange(count), isp < moment
    cost = np.zeros(flows)
    cost[early] = np.where(stays[load[early]], 1.0 + _DEAR * loads.dear[isp[early]], 0.0)
    cost = np.concatenate([cost, np.full(count, HELD), np.full(count, NOWHERE), np.full(count, _LEAVING)])
    most = np.concatenate(
        [loads.most_kwh[load, isp], loads.held_kwh, np.full(count, np.inf), np.full(count, np.inf)]
    )  # fmt: skip
    owed = coo_array(
        (np.ones(flows + 2 * count), (np.concatenate([load, each, each]), np.arange(flows + 2 * count))),
        shape=(count, len(cost)),
    )
    rows, columns, due = list[Ints](), list[Ints](), list[float]()
    for mine, room in zip(rooms.members, rooms.room_kwh, strict=True):
        behind = np.zeros(count, dtype=np.bool_)
        behind[mine] = True
        full = loads.most_kwh[mine].sum(axis=0) > room
        number = np.cumsum(full) - 1 + len(due)
        chosen = np.flatnonzero(behind[load] & full[isp])
        rows.append(number[isp[chosen]])
        columns.append(chosen)
        due.extend(np.maximum(room[full], 0.0).tolist())
    bound = np.flatnonzero(np.isfinite(loads.planned_kwh))
    number = np.full(count, -1)
    number[bound] = len(due) + np.arange(len(bound))
    chosen = np.flatnonzero(early & (number[load] >= 0))
    values = [np.ones(sum(len(some) for some in columns) + len(chosen) + len(bound)), np.full(len(bound), -1.0)]
    rows += [number[load[chosen]], number[bound], number[bound]]
    columns += [chosen, flows + bound, flows + 2 * count + bound]
    due.extend(loads.planned_kwh[bound].tolist())
    kept = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(len(due), len(cost))
    )
    found = linprog(
        cost, A_ub=kept.tocsr(), b_ub=np.array(due), A_eq=owed.tocsr(), b_eq=loads.owed_kwh,
        bounds=np.column_stack([np.zeros(len(cost)), most]), method="highs",
    )  # fmt: skip
    if not found.success:
        raise SolverError(f"charging before a moment was not planned: {found.message}")
    taken = np.maximum(found.x, 0.0)
    before = np.bincount(load[early], taken[:flows][early], count) + taken[flows : flows + count]
    return before, taken[flows + count : flows + 2 * count]
