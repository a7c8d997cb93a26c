"""What loads must have before a moment: against a linear program over all ISPs, and figures worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from models.early_charging import Loads, Rooms, charged_early

MOMENT, ISPS = 3, 6
PLACES = ((0, 1, 2, 3), (0, 1), (2, 3), (0,))
"""A tree of limits: of all loads, of two halves, and of one load alone."""


def loads(most, owed, *, held=0.0, planned=np.inf, least=0.0, dear=(0.0,) * MOMENT):
    count = len(owed)
    return Loads(
        most_kwh=np.array(most, dtype=float), least_kwh=np.full(count, least), owed_kwh=np.array(owed, dtype=float),
        held_kwh=np.broadcast_to(np.array(held, dtype=float), count), moment=MOMENT, dear=np.array(dear),
        planned_kwh=np.broadcast_to(np.array(planned, dtype=float), count),
    )  # fmt: skip


def rooms(*limits):
    members, room = zip(*limits, strict=True)
    return Rooms(
        members=tuple(np.array(some) for some in members),
        room_kwh=np.array([np.broadcast_to(np.array(kwh, dtype=float), ISPS) for kwh in room]),
    )


def least(of, within, *, before=None):
    """Return the least energy that fits nowhere, and then the least before the moment; `before`: what each has then.

    Every load may take some in every ISP, and misses some. What is held comes first: it costs half.
    """
    count, flows = len(of.owed_kwh), of.most_kwh.size
    taken = np.arange(flows).reshape(of.most_kwh.shape)
    held, missed = flows + np.arange(count), flows + count + np.arange(count)
    size = flows + 2 * count
    equal, due, upper, most = [], [], [np.zeros(size)], [0.0]
    for j in range(count):
        row = np.zeros(size)
        row[[*taken[j], held[j], missed[j]]] = 1.0
        equal.append(row)
        due.append(of.owed_kwh[j])
    if before is not None:
        for j in range(count):
            row = np.zeros(size)
            row[[*taken[j, :MOMENT], held[j]]] = 1.0
            equal.append(row)
            due.append(before[j])
    for members, room in zip(within.members, within.room_kwh, strict=True):
        for t in np.flatnonzero(np.isfinite(room)):
            row = np.zeros(size)
            row[taken[members, t]] = 1.0
            upper.append(row)
            most.append(max(room[t], 0.0))
    bounds = [(0, kwh) for kwh in [*of.most_kwh.ravel(), *of.held_kwh, *[None] * count]]
    first = np.zeros(size)
    first[missed] = 1.0
    nowhere = linprog(first, upper, most, equal, due, bounds)
    assert nowhere.success
    second = np.zeros(size)
    second[taken[:, :MOMENT].ravel()], second[held] = 1.0, 0.5
    early = linprog(second, [*upper, first], [*most, nowhere.fun + 1e-9], equal, due, bounds)
    assert early.success
    return nowhere.fun, early.fun


KWH = st.integers(0, 5)
WORLDS = st.fixed_dictionaries(
    {
        "most": st.lists(st.lists(KWH, min_size=ISPS, max_size=ISPS), min_size=4, max_size=4),
        "owed": st.lists(st.integers(0, 12), min_size=4, max_size=4),
        "held": st.lists(st.integers(0, 4), min_size=4, max_size=4),
        "planned": st.lists(st.one_of(st.just(np.inf), st.integers(0, 6)), min_size=4, max_size=4),
        "rooms": st.lists(
            st.lists(st.one_of(st.just(np.inf), st.integers(-1, 9)), min_size=ISPS, max_size=ISPS),
            min_size=4, max_size=4,
        ),
    }
)  # fmt: skip


@given(WORLDS)
@settings(max_examples=80, deadline=None)
def test_what_must_be_early_is_the_least_that_lets_all_else_fit(world):
    most = np.array(world["most"], dtype=float)
    most[:, -1] = np.maximum(most[:, -1], 1.0)  # every load is still there after the moment
    owed = np.minimum(world["owed"], np.array(world["held"]) + most.sum(axis=1))
    of = loads(most, owed, held=np.minimum(world["held"], owed), planned=world["planned"])
    within = rooms(*zip(PLACES, world["rooms"], strict=True))
    found = charged_early(of, within)
    nowhere, early = least(of, within)
    assert found.nowhere_kwh.sum() == pytest.approx(nowhere, abs=1e-6)
    assert least(of, within, before=found.before_kwh) == pytest.approx((nowhere, early), abs=1e-6)


def test_ten_loads_behind_one_limit_have_before_it_what_does_not_fit_after_it():
    # 10 loads owe 4 kWh each, and 10 kWh fit in each of 3 ISPs after the moment: 40 − 30 = 10 kWh before.
    found = charged_early(loads(np.full((10, ISPS), 4.0), [4.0] * 10), rooms((range(10), 10.0)))
    assert found.before_kwh.sum() == pytest.approx(10.0)
    assert found.nowhere_kwh.sum() == pytest.approx(0.0)


def test_a_load_that_cannot_take_little_takes_nothing_where_room_is_small():
    # 1 kWh fits in each ISP after the moment, and it takes 2 or nothing: all 4 kWh before.
    found = charged_early(loads(np.full((1, ISPS), 4.0), [4.0], least=2.0), rooms(([0], [9, 9, 9, 1, 1, 1])))
    assert found.before_kwh.tolist() == [4.0]


def test_what_was_planned_stays_and_a_cheaper_isp_is_taken():
    # 8 kWh are owed and 2 · 3 fit after it, so 2 must come before: from the load that was planned to have them.
    two = loads(np.full((2, ISPS), 4.0), [4.0, 4.0], planned=[0.0, 3.0], dear=(1.0, 0.0, 1.0))
    assert charged_early(two, rooms(([0, 1], 2.0))).before_kwh == pytest.approx([0.0, 2.0])
    # 4 fit after it, and 1.3 in each ISP before it: the load that is there in the cheapest one takes its part then.
    there = np.full((2, ISPS), 4.0)
    there[0, [0, 2]], there[1, 1] = 0.0, 0.0
    cheap = loads(there, [4.0, 4.0], dear=(1.0, 0.0, 1.0))
    late = charged_early(cheap, rooms(([0, 1], [9, 9, 9, 2, 2, 2])))
    assert late.before_kwh == pytest.approx([2.0, 0.0])


def test_loads_that_share_no_limit_which_they_could_exceed_are_left_alone():
    # Together they take 8 kWh in an ISP at most: the limit of 8 never binds, and 3 · 4 after the moment are enough.
    found = charged_early(loads(np.full((2, ISPS), 4.0), [12.0, 12.0]), rooms(([0, 1], 8.0)))
    assert found.before_kwh.tolist() == [0.0, 0.0]
