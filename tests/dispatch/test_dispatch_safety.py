"""The audit before sending: whatever stations answer, in whatever order, the sum of what may be drawn holds."""

from datetime import date, time, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.dispatch.exposure import IspGrid, PossibleProfile, worst_kw
from agr.dispatch.safety import LimitChange, SiteLimit, judged, site_limits
from agr.domain.dispatch import LimitStep, Profile
from agr.domain.isp import Period
from agr.domain.register import Connection, ConnectionLimit, LimitGroup, Register
from tests.dispatch.test_profiles import ISP, START, point

GRID = IspGrid(starts=tuple(START + place * ISP for place in range(4)), isp=ISP)


def profile(*limits, unit="W", start=START, endless=False):
    steps = tuple(LimitStep(after_s=900 * place, limit=limit) for place, limit in enumerate(limits))
    return Profile(start=start, unit=unit, steps=steps, duration_s=None if endless else 900 * len(limits))


FALLBACK = PossibleProfile(slot=0, profile=profile(2000, endless=True), sure=True)


def test_a_point_of_which_nothing_is_known_counts_with_all_that_it_can_give():
    assert worst_kw(point(), [], GRID, START).tolist() == [11.0] * 4
    unsure = PossibleProfile(slot=0, profile=profile(2000, endless=True), sure=False)
    assert worst_kw(point(), [unsure], GRID, START).tolist() == [11.0] * 4


def test_an_accepted_plan_counts_until_it_ends_then_the_fallback():
    held = [FALLBACK, PossibleProfile(slot=1, profile=profile(7000, 0), sure=True)]
    assert worst_kw(point(), held, GRID, START).tolist() == [7.0, 0.0, 2.0, 2.0]


def test_of_an_old_and_a_new_one_the_larger_counts_while_the_answer_is_out():
    held = [
        FALLBACK,
        PossibleProfile(slot=1, profile=profile(7000, 3000), sure=True),
        PossibleProfile(slot=2, profile=profile(5000, 6000, 5000), sure=False),
    ]
    assert worst_kw(point(), held, GRID, START).tolist() == [7.0, 6.0, 5.0, 2.0]


def test_a_profile_that_ends_within_an_isp_counts_with_what_follows():
    held = [FALLBACK, PossibleProfile(slot=1, profile=profile(500, start=START - timedelta(minutes=5)), sure=True)]
    assert worst_kw(point(), held, GRID, START)[0] == 2.0


def change(name, before, after):
    return LimitChange(charge_point=name, connection=name, now_kw=np.full(4, before), after_kw=np.full(4, after))


def limit(kw, *names, other=0.0):
    return SiteLimit(
        name="street", connections=frozenset(names), import_kw=np.full(4, kw), other_kw=np.full(4, other)
    )  # fmt: skip


def test_reductions_go_first_and_an_increase_waits_for_their_answer():
    found = judged([change("up", 2.0, 8.0), change("down", 8.0, 2.0)], {}, [limit(12.0, "up", "down")])
    assert (found.go, found.wait, dict(found.refused)) == (("down",), ("up",), {})
    after = judged([change("up", 2.0, 8.0)], {"down": ("down", np.full(4, 2.0))}, [limit(12.0, "up", "down")])
    assert after.go == ("up",)


def test_what_would_break_a_limit_does_not_go_and_says_where():
    found = judged([change("up", 2.0, 8.0), change("down", 5.0, 4.0)], {}, [limit(11.0, "up", "down", other=1.0)])
    assert found.go == ("down",)
    assert found.refused["up"].words(GRID.starts) == (
        "street: 13.00 kW might be drawn at 2026-03-28T18:00Z, the limit is 11.00 kW"
    )


def test_other_load_above_a_limit_does_not_keep_reductions_back():
    found = judged([change("down", 5.0, 4.0)], {}, [limit(3.0, "down", other=9.0)])
    assert found.go == ("down",)


def test_a_change_elsewhere_is_not_held_up():
    found = judged([change("far", 2.0, 8.0)], {}, [limit(1.0, "up")])
    assert found.go == ("far",)


_KW = st.integers(0, 10).map(float)


@settings(max_examples=150, deadline=None)
@given(moves=st.lists(st.tuples(_KW, _KW), min_size=1, max_size=5), most=st.integers(5, 30), other=_KW)
def test_the_sum_holds_whatever_is_answered(moves, most, other):
    """An oracle of its own: every combination of old and new values of what was let go, all instants enumerated."""
    names = [f"p{place}" for place in range(len(moves))]
    changes = [change(name, before, after) for name, (before, after) in zip(names, moves, strict=True)]
    found = judged(changes, {}, [limit(float(most), *names, other=other)])
    before = sum(old for old, _ in moves) + other
    for answers in product([False, True], repeat=len(moves)):
        drawn = other + sum(
            new if name in found.go and told else old
            for name, (old, new), told in zip(names, moves, answers, strict=True)
        )
        assert drawn <= max(most, before) + 0.001 * len(moves)
    assert set(found.go) | set(found.wait) | set(found.refused) == set(names)
    assert all(name in found.go for name, (old, new) in zip(names, moves, strict=True) if new <= old)


def test_limits_of_connections_and_groups_count_in_their_windows():
    day = Period(date(2026, 3, 28))
    first = date(2026, 1, 1)
    register = Register(
        connections=(
            Connection(address="a", first_day=first, limit_group="street"),
            Connection(address="b", first_day=first),
        ),
        limit_groups=(LimitGroup(group="street", parent="station"), LimitGroup(group="station")),
        connection_limits=(
            ConnectionLimit(at="a", first_day=first, import_kw=10.0, export_kw=None, penalty_eur_per_mwh=1.0),
            ConnectionLimit(
                at="station", first_day=first, import_kw=20.0, export_kw=None, penalty_eur_per_mwh=1.0,
                window_start=time(19, 15), window_end=time(19, 45),
            ),
            ConnectionLimit(at="b", first_day=first, import_kw=None, export_kw=5.0, penalty_eur_per_mwh=1.0),
        ),
    )  # fmt: skip
    found = site_limits(register, GRID.starts, dict.fromkeys(range(4), day), {"a": np.full(4, 1.5)})
    assert [(one.name, sorted(one.connections)) for one in found] == [("a", ["a"]), ("station", ["a"])]
    assert found[0].import_kw.tolist() == [10.0] * 4
    assert found[1].import_kw.tolist() == [np.inf, 20.0, 20.0, np.inf]  # 18:00 UTC is 19:00 here
    assert found[1].other_kw.tolist() == pytest.approx([1.5] * 4)
