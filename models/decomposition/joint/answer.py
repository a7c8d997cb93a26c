"""The answer of one connection to prices: what its devices do together at least cost, and a proven bound. Compiled.

Its devices answer alone first. Where what they then share costs nothing more than the bound allows, that is the answer.
Otherwise the linear program of the connection is solved (interior); its programs are made exact, store by store, and
its multipliers are prices at which the devices' own best responses prove the bound: any prices would.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled
from models.decomposition.joint.costs import cost_of_shared, prove_bound, with_prices
from models.decomposition.joint.exact import make_exact, read_duals
from models.decomposition.joint.interior import solve
from models.decomposition.joint.nearby import DevicePrograms, answer_in_turn
from models.decomposition.joint.shared import Shared, Workspace
from models.decomposition.joint.stating import capacity, state
from models.parameter_views import Tables, load

_MOST_STEPS = 40
"""Most steps of the interior-point method; fifteen are usual. More bring the rare slow program closer to its best."""
_ALONE = 1e-7
"""Share of what its programs cost by which a connection's answer may miss the proven bound for the answers that its
devices give alone to be taken as they are. A larger share solves fewer linear programs and leaves a wider gap."""


@compiled
def answer_connection(
    s: Shared, i: int, hours: float, power: Floats, sides: Floats, product: Ints, rewards: Floats, double: Tables,
    single: Tables, units: Ints, scalars: Floats, gap: float, prove: bool, near: DevicePrograms, stay: bool,
    w: Workspace,
) -> tuple[float, float, int]:  # fmt: skip
    """Write the answer of connection i to w.answers, w.held and w.solar; return own cost, proven bound, and steps.

    power (T,), sides and product (3,T), rewards (R,T): what the portfolio charges and pays. Own cost includes what the
    connection costs; the bound is of own cost and prices together. w.duals are the prices that prove it. Its LP is
    solved to `gap`, a share of what the programs cost. Without `prove` the bound is that of devices which answer
    alone; it does not change the answer. To `stay` near known programs, no linear program is solved where the
    connection has no tariff: the bound is that one, too.
    """
    stores, solars = s.store_at[i + 1] - s.store_at[i], s.solar_at[i + 1] - s.solar_at[i]
    for k in range(stores):
        unit = s.store[s.store_at[i] + k]
        load(double, single, units[unit], w.tables[k])
        w.scalars[k] = scalars[unit]
    w.duals[:, :] = 0.0
    bound, own = prove_bound(s, i, hours, power, sides, product, w, True)
    own += cost_of_shared(s, i, w.drawn, w.answers, w.held, w.solar, stores, solars)
    priced, size = with_prices(power, rewards, w.answers, w.held, w.drawn, stores)
    w.drawn_now[:] = w.drawn[0]
    if own + priced - bound <= _ALONE * (size + abs(own)) + 1e-12:
        return own, min(bound, own + priced), 0
    if stay and s.tariff_of[i] < 0:
        found, cost = answer_in_turn(s, i, hours, power, sides, product, rewards, near, w)
        if found:
            return cost, bound, 0
    stated = state(s, i, hours, power, sides, w)
    eur = max(stated, 1e-9) / max(capacity(w.lp), 1e-9)
    peaks = s.peak_at[i + 1] - s.peak_at[i]
    steps = solve(w.lp, w.iterate, w.step, w.bent, w.newton, stores, peaks, eur, gap * (size + abs(own)), _MOST_STEPS)
    read_duals(s, i, w)
    if not np.isfinite(w.duals.sum()):
        w.duals[:, :] = 0.0
        return own, min(bound, own + priced), steps
    if prove:
        proven, _ = prove_bound(s, i, hours, power, sides, product, w, False)
        if proven > bound:
            bound = proven
        else:
            w.duals[:, :] = 0.0
    again = make_exact(s, i, hours, power, product, w)
    again += cost_of_shared(s, i, w.drawn, w.tried, w.tried_held, w.tried_solar, stores, solars)
    priced_again, _ = with_prices(power, rewards, w.tried, w.tried_held, w.drawn, stores)
    if np.isfinite(again + priced_again) and again + priced_again < own + priced:
        own, priced = again, priced_again
        w.drawn_now[:] = w.drawn[0]
        w.answers[:stores] = w.tried[:stores]
        w.held[:stores] = w.tried_held[:stores]
        w.solar[:solars] = w.tried_solar[:solars]
    return own, min(bound, own + priced), steps
