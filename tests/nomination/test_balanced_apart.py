"""What balancing BRPs by themselves could gain: an independent program (HiGHS by scipy) confirms what the page says.

Two parties with a battery each trade intraday with a spread. Balanced together, trade against each other is netted;
apart it costs the spread. The best program apart is worth at most the joint optimum, and at least that less the spread
on what the joint one nets (`crossing_kw`): docs/reference/e-program.md, "Balanced together, or each by itself".
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from agr.nomination.split import crossing_kw

T = 4
# In cents: below its tolerance the solver takes differences of prices for none.
_PRICE = st.integers(-8_000, 20_000).map(lambda cents: cents / 100)
_SPREAD = st.integers(0, 4_000).map(lambda cents: cents / 100)
_LOAD = st.lists(st.floats(-100, 100), min_size=T, max_size=T)


def _best(loads: list[list[float]], prices: list[float], spread: float, *, together: bool) -> tuple[float, np.ndarray]:
    """Return the least cost (EUR), and what each party takes (2,T) in kW, of the best program of hours.

    Variables: charge and discharge of 2 batteries (2·2·T), then buying and selling of each party, or of both (·2·T).
    """
    parties = 1 if together else 2
    count = 4 * T + parties * 2 * T
    cost = np.full(count, 1e-3)  # a little wear, so that nothing charges and discharges at once
    equal, right = [], []
    for party in range(parties):
        for t in range(T):
            buy = 4 * T + party * 2 * T + t
            cost[buy], cost[buy + T] = (prices[t] + spread / 2) / 1000, -(prices[t] - spread / 2) / 1000
            row = np.zeros(count)
            row[buy], row[buy + T] = 1.0, -1.0
            members = (0, 1) if together else (party,)
            for b in members:
                row[2 * b * T + t], row[(2 * b + 1) * T + t] = -1.0, 1.0
            equal.append(row)
            right.append(sum(loads[b][t] for b in members))
    held, room = [], []
    for b in range(2):
        for t in range(T):  # 0 <= 50 + what was charged <= 100 kWh, and 50 at the end
            row = np.zeros(count)
            row[2 * b * T : 2 * b * T + t + 1] = 0.9
            row[(2 * b + 1) * T : (2 * b + 1) * T + t + 1] = -1 / 0.9
            held += [row, -row]
            room += [50.0, 50.0 if t < T - 1 else 0.0]
    bounds = [(0, 50)] * (4 * T) + [(0, 1000)] * (parties * 2 * T)
    found = linprog(cost, held, room, np.array(equal), right, bounds)
    assert found.status == 0, found.message
    charge, discharge = (np.array([found.x[(2 * b + k) * T : (2 * b + k + 1) * T] for b in range(2)]) for k in range(2))
    return float(found.fun), np.array(loads) + charge - discharge


@settings(max_examples=60, deadline=None)
@given(st.lists(_LOAD, min_size=2, max_size=2), st.lists(_PRICE, min_size=T, max_size=T), _SPREAD)
def test_balancing_apart_can_win_back_the_spread_on_what_is_netted_and_no_more(
    loads: list[list[float]], prices: list[float], spread: float
) -> None:
    joint, power_kw = _best(loads, prices, spread, together=True)
    apart, _ = _best(loads, prices, spread, together=False)
    netted_eur = float(crossing_kw(power_kw, [True, False]).sum()) / 1000 * spread
    assert joint <= apart + 1e-6
    assert apart <= joint + netted_eur + 1e-6


def test_batteries_that_would_only_feed_each_other_stand_still_apart() -> None:
    """The bound is reached: one sells 50 kW while the other buys them; apart, that costs the spread of 20 EUR/MWh."""
    loads, prices = [[50.0, 0, 0, 0], [-50.0, 0, 0, 0]], [50.0, 50.0, 50.0, 50.0]
    joint, power_kw = _best(loads, prices, 20.0, together=True)
    apart, _ = _best(loads, prices, 20.0, together=False)
    netted_eur = float(crossing_kw(power_kw, [True, False]).sum()) / 1000 * 20.0
    assert netted_eur == pytest.approx(1.0, abs=0.2)
    assert apart > joint + 0.1
    assert apart <= joint + netted_eur + 1e-6
