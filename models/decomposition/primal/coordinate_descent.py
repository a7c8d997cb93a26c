"""Coordinate descent over units that cannot mix: each takes its best program given all others, at the true cost.

A mixture of programs that are all or nothing loses its balance when every unit takes one of them: half of the units on
becomes too many in one ISP and too few in another. A class's `descent` finds the best program of each of its units at
the couplings' true cost; classes without one keep their choices. Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Callable

import numpy as np

from models.case import Case, Floats
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.grouping import Grouping
from models.decomposition.primal.convex_combination import BatchChoices, settle_choices
from models.decomposition.stopping import StopReason
from models.decomposition.tuning import Recovery
from models.markets.positions import of_group
from models.resources.protocols import Descent


def descend(
    case: Case,
    grouping: Grouping,
    master: RestrictedMaster,
    choices: BatchChoices,
    prices: Floats,
    *,
    aim_eur: float,
    tuning: Recovery,
    interrupted: Callable[[], StopReason | None],
) -> None:
    """Improve `choices` in place, pass by pass, and settle their groups in the master.

    The groups must be settled; all other groups keep their weights. Where positions are free, the first stage
    charges energy at its price (G,T), EUR per kW of one ISP, instead of the balance, since a fixed position would hold
    every single unit where it is. Then positions are fitted to the whole portfolio, and the second stage charges the
    balance itself. A stage that makes the cost worse is undone.
    """
    descents = _descents(case, grouping)
    if not descents:
        return
    c, free = master.couplings, case.energy_products().of >= 0
    for linear in (True, False) if free.any() else (False,):
        before, kept = master.cost(), {index: choices[index].copy() for index in descents}
        positions_kw = master.free.value.copy()
        for _ in range(tuning.descent_passes):
            gain = 0.0
            for index, descent in descents.items():
                if interrupted():
                    break
                seen = np.where(free & linear, prices, np.nan)
                gain += descent.take(seen, c.balance, c.program, c.call, choices[index])
                settle_choices(case, grouping, master, {index: choices[index]})
            if gain <= tuning.descent_gain * aim_eur:
                break
        if linear:
            _fit_positions(case, master)
        if master.cost() > before:
            for index, states in kept.items():
                choices[index][:] = states
                settle_choices(case, grouping, master, {index: states})
            master.free.value[:] = positions_kw
            master.recount()


def _descents(case: Case, grouping: Grouping) -> dict[int, Descent]:
    """Return the descent of every batch whose class has one, by position of the batch."""
    found: dict[int, Descent] = {}
    for index, batch in enumerate(grouping.batches):
        choosing = batch.resource.choosing
        if choosing is not None and choosing.descent is not None:
            group = batch.rows.total
            order, point = np.argsort(group, kind="stable"), grouping.group_point[group]
            found[index] = choosing.descent(case, batch.units, batch.called, order, point)
    return found


def _fit_positions(case: Case, master: RestrictedMaster) -> None:
    """Take the cheapest positions for the present programs of all units."""
    for of, need_kw, markets in zip(
        master.free.product_of, master.couplings.balance.s.copy(), case.energy_markets(), strict=True
    ):
        taken = np.where(of >= 0, np.append(master.free.value, 0.0)[of], markets.energy_products().decided_kw)
        position_kw, *_ = of_group(markets, need_kw + taken)
        master.free.value[of[of >= 0]] = position_kw[of >= 0]
    master.recount()
