"""From switched loads of the register to their part of a case; numbers worked out by hand."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.planning.case import Previous, build, comfort_shortfall_kwh
from agr.planning.case.switched import carried_isps, missed_kwh
from agr.settings import Planning
from models.baseline import no_flexibility
from tests.builders.case_inputs import inputs

BOILER = SwitchedLoad(
    resource="s", connection="a", power_kw=2.0, needs="12:00-16:00 1; 00:00-06:00 2.3-3.9", min_run_minutes=20,
    min_rest_minutes=10, start_eur=0.1, initial_minutes=40,
)  # fmt: skip


def test_a_switched_load_is_on_for_whole_isps_in_its_windows() -> None:
    units = build(inputs(resources=(BOILER, replace(BOILER, resource="t", connection="x")))).case.switched
    table = [units.window_first, units.window_end, units.least_on, units.most_on]
    assert np.array(table)[:, 0].T.tolist() == [[0, 24, 10, 15], [48, 64, 4, 16]]  # 2.3 h up, 3.9 h down
    assert (units.min_run[0], units.min_rest[0], units.before[0]) == (2, 1, 2)
    assert units.on_kw[0].tolist() == [2.0] * 96
    assert units.shortfall_eur[0] == pytest.approx(Planning().comfort_shortfall_eur_per_kwh * 2.0 * 0.25)
    assert np.isnan(units.pinned_on).all()
    assert build(inputs(resources=(BOILER,), carried_state={"s": -7})).case.switched.before[0] == -7


@pytest.mark.parametrize(
    ("day", "needs", "windows"),
    [
        # clocks go forward at 02:00: a window within the missing hour is left out, with a note
        (date(2026, 3, 29), "02:00-03:00 1; 03:00-04:00 1", [[8, 12, 4, 4]]),
        # clocks go back at 03:00: a window holds both hours from 02:00 on, and one that ends in it both its halves
        (date(2026, 10, 25), "02:00-03:00 1; 03:00-04:00 1", [[8, 16, 4, 8], [16, 20, 4, 4]]),
        (date(2026, 10, 25), "01:00-02:30 1; 02:30-04:00 1", [[4, 14, 4, 10], [14, 20, 4, 6]]),
    ],
)
def test_windows_of_a_switched_load_on_days_of_other_lengths(day: date, needs: str, windows: list[list[int]]) -> None:
    made = build(inputs(Period(day), resources=(replace(BOILER, needs=needs),)))
    units = made.case.switched
    table = [units.window_first, units.window_end, units.least_on, units.most_on]
    assert np.array(table)[:, 0].T.tolist() == windows
    assert sum("has no ISP in its window from 02:00" in note for note in made.notes) == 2 - len(windows)


def test_a_switched_load_keeps_its_states_in_closed_isps_and_is_off_where_it_is_out_of_order() -> None:
    states = np.arange(96) % 8 < 4
    before = Previous(decided={"s": states}, programs_kw={"s": 3.0 * states.astype(float)})
    world = inputs(resources=(BOILER,), previous=before, closed_isps=10)
    units = build(world).case.switched
    assert units.pinned_on[0, :10].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert np.isnan(units.pinned_on[0, 10:]).all()
    assert units.on_kw[0, :12].tolist() == [3, 3, 3, 3, 2, 2, 2, 2, 3, 3, 2, 2]  # its power was another when it was on
    off = build(replace(world, unavailable_from={"s": 90})).case.switched
    assert np.isnan(off.pinned_on[0, 10:90]).all()
    assert off.pinned_on[0, 90:].tolist() == [0] * 6
    frozen = build(replace(world, frozen_points=frozenset({"p"}))).case.switched
    np.testing.assert_array_equal(frozen.pinned_on[0], states)
    new = build(inputs(resources=(BOILER,), closed_isps=3)).case.switched
    assert new.pinned_on[0, :4].tolist()[:3] == [0, 0, 0]


def test_what_a_switched_load_was_at_midnight_is_carried_into_the_next_day() -> None:
    case = build(inputs(resources=tuple(replace(BOILER, resource=name) for name in "abcd"))).case
    on = np.zeros((4, 96), dtype=bool)
    on[0, -3:], on[1, :-2], on[2] = True, True, True
    # on since 3 ISPs; off since 2; on all day and 2 ISPs before; off all day after it was on
    assert carried_isps(case, on) == [3, -2, 98, -96]


def test_hours_a_switched_load_misses_are_comfort_that_is_missing() -> None:
    case = build(inputs(resources=(BOILER,))).case
    programs = no_flexibility(case).programs
    assert comfort_shortfall_kwh(case, programs) == 0
    on = np.zeros((1, 96), dtype=bool)
    on[0, 0:20] = True  # 5 ISPs more than the first window allows, 4 fewer than the second needs: 9 x 2 kW x 1/4 h
    missing = replace(programs, switched_on=on)
    assert comfort_shortfall_kwh(case, missing) == pytest.approx(4.5)
    assert missed_kwh(case, missing, least=True)[0, 63] == pytest.approx(2.0)
    assert missed_kwh(case, missing, least=False)[0, 23] == pytest.approx(2.5)
