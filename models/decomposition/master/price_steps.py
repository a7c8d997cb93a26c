"""The steps of the couplings: how far a price moves for a mismatch as large as its programs could make."""

import numpy as np

from models.case import Case, Floats
from models.decomposition.master.column_pool import Groups
from models.decomposition.master.possible_bids import prequalified_kw
from models.decomposition.master.proximal import Couplings
from models.decomposition.master_tuning import PriceSteps
from models.decomposition.prices.grouping import Grouping


def set_steps(
    case: Case, grouping: Grouping, groups: Groups, couplings: Couplings, span_kw: Floats, factor: float,
    relative: tuple[float, float, float, float], tuning: PriceSteps,
) -> None:  # fmt: skip
    """Write the step of every coupling, EUR per kW of one ISP and kW of mismatch.

    `span_kw` (G,): how far the program of each group can move. `relative`: factors on the steps of balance, congestion
    points, reserve and connection limits, beside the common `factor`.
    """
    c, per_kw = couplings, case.isp_hours / 1000
    level = np.abs(case.intraday.middle_eur_per_mwh).mean() * per_kw
    spread = (case.intraday.buy_eur_per_mwh - case.intraday.sell_eur_per_mwh).mean() * per_kw
    scale = max(tuning.level * level, spread, 1e-6)
    here = max(level, scale)
    if level <= 0.0:  # without intraday trade, products' prices say what energy is worth behind a connection
        here = np.abs(case.energy_products().eur_per_mwh).mean() * per_kw
    planned = ~groups.is_called
    for group in range(len(c.balance.s)):
        mine = span_kw[planned & (groups.balance == group)].sum()
        c.balance.step[group] = relative[0] * factor * scale / max(mine, 1e-6)
    point = groups.point
    at_point = np.zeros(len(grouping.priced_points))
    np.add.at(at_point, point[planned & (point >= 0)], span_kw[planned & (point >= 0)])
    at_point = np.maximum(at_point, 1e-3)
    c.program.step[:] = relative[1] * factor * max(level, scale) / at_point[:, None]
    c.call.step[:] = relative[1] * factor * max(level, scale) / at_point[:, None]
    at_limit = np.zeros(grouping.places.sums)
    np.add.at(at_limit, groups.path, np.repeat(span_kw, np.diff(groups.path_at)))
    at_limit = np.maximum(np.concatenate([at_limit, at_limit]), 1e-3)
    c.connections.step[:] = relative[3] * factor * here / at_limit[:, None]
    reserve_kw = prequalified_kw(case)
    for coupling in (c.reserve, c.called):
        coupling.step[:] = relative[2] * factor * tuning.reserve * scale / max(reserve_kw, 1e-6)


def joint_share(case: Case, grouping: Grouping) -> float:
    """Return what share of all reserve that units may hold is behind connections that answer as a whole."""
    stores = [joint.connections.stores for joint in grouping.joint if not joint.called]
    held = sum(float(case.storage.reserve_kw[some].sum()) for some in stores)
    return held / max(prequalified_kw(case), 1e-9)
