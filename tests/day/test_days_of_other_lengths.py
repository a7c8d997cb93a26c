"""The same day with 100, 96 and 92 ISPs (the clock goes back, stays, goes forward), on a portfolio checked by hand."""

from datetime import date

import pytest

from agr.domain.isp import Period
from agr.messaging.publish import OPEN
from tests.day.tiny import FO_A, A, B, C, evening

pytestmark = pytest.mark.day


@pytest.mark.parametrize(("day", "isps"), [(date(2026, 10, 25), 100), (date(2026, 6, 10), 96), (date(2026, 3, 29), 92)])
def test_a_day_has_all_its_isps_and_a_release_moves_only_its_point_to_what_it_allows(market, day, isps):
    driven = market(Period(day))
    driven.reach(OPEN)
    first = {p.point: p for p in driven.prognoses()}
    assert first.keys() == {A, B, C}
    assert [(p.revision, len(p.power_w)) for p in first.values()] == [(1, isps)] * 3
    window = evening(driven.period)
    assert first[B].power_w == (30_000,) * isps  # 30 kW of load and nothing to steer
    # While all of the battery's discharging is reserved, the points consume at least their load of 20 and 10 kW.
    assert min(first[A].power_w[i] for i in window) == 20_000
    assert min(first[C].power_w[i] for i in window) == 10_000
    # A battery of 95 % each way that ends as it began consumes at least as much as the load alone: 20 kW all day.
    assert sum(first[A].power_w) >= 20_000 * isps

    driven.release(FO_A, -50_000)
    driven.settle()
    driven.reach("prognosis_gate")

    (second,) = (p for p in driven.prognoses() if p.revision != 1)
    assert (second.point, second.revision, len(second.power_w)) == (A, 2, isps)
    # 50 kW stay reserved, the other 50 kW are sold at 191 EUR/MWh in all 16 ISPs: 20 − 50 = −30 kW
    assert {second.power_w[i] for i in window} == {-30_000}
    assert sum(second.power_w) > 20_000 * isps
    assert {s.state for s in driven.sent()} == {"accepted"}
    assert driven.alarms() == {}
