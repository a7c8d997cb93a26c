"""Units that cannot mix in turn: each takes the program that is best given what all others do, at the true cost.

Mixtures of programs that are all or nothing come apart when every unit takes one of them: what was half of the units on
becomes too many here and too few there. How a unit finds its best program at the couplings' true cost is its class's
`descent`; classes without one keep what was chosen. Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Callable

import numpy as np

from models.case import Case, Floats
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.grouping import Grouping
from models.decomposition.primal.convex_combination import Starts, settle_runs
from models.decomposition.primal.recovery import positions
from models.decomposition.stopping import StopReason
from models.decomposition.tuning import Recovery
from models.resources.protocols import Descent


def descend(
    case: Case,
    grouping: Grouping,
    master: RestrictedMaster,
    starts: Starts,
    prices: Floats,
    *,
    aim_eur: float,
    tuning: Recovery,
    interrupted: Callable[[], StopReason | None],
) -> None:
    """Improve the chosen states in place, pass by pass, and let the groups keep them in the master.

    The groups must be settled; all others stay where they are. While day-ahead positions are free, energy costs its
    price (T,), EUR per kW, at first: a position would follow, but holds every single unit where it is. Then positions
    are fitted to the whole, and the balance counts as it is. What turns out worse is taken back.
    """
    descents = _descents(case, grouping)
    if not descents:
        return
    c, free = master.couplings, np.isnan(case.day_ahead.committed_kw)
    for linear in (True, False) if free.any() else (False,):
        before, kept = master.cost(), {index: starts[index].copy() for index in descents}
        positions_kw = master.free.value.copy()
        for _ in range(tuning.descent_passes):
            gain = 0.0
            for index, descent in descents.items():
                if interrupted():
                    break
                seen = np.where(free & linear, prices, np.nan)
                gain += descent.take(seen, c.balance, c.program, c.call, starts[index])
                settle_runs(case, grouping, master, {index: starts[index]})
            if gain <= tuning.descent_gain * aim_eur:
                break
        if linear:
            _fit_positions(case, master)
        if master.cost() > before:
            for index, states in kept.items():
                starts[index][:] = states
                settle_runs(case, grouping, master, {index: states})
            master.free.value[:] = positions_kw
            master.recount()


def _descents(case: Case, grouping: Grouping) -> dict[int, Descent]:
    """Return the batches whose class has a descent."""
    found: dict[int, Descent] = {}
    for index, batch in enumerate(grouping.batches):
        choosing = batch.resource.choosing
        if choosing is not None and choosing.descent is not None:
            group = batch.rows.total
            order, point = np.argsort(group, kind="stable"), grouping.group_point[group]
            found[index] = choosing.descent(case, batch.units, batch.called, order, point)
    return found


def _fit_positions(case: Case, master: RestrictedMaster) -> None:
    """Take the cheapest day-ahead positions for what all units do."""
    of = master.free.da_of
    taken = np.where(of >= 0, np.append(master.free.value, 0.0)[of], np.nan_to_num(case.day_ahead.committed_kw))
    day_ahead, *_ = positions(case, master.couplings.balance.s[0] + taken)
    master.free.value[of[of >= 0]] = day_ahead[of >= 0]
    master.recount()
