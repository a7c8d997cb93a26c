"""Changed setpoints: whoever applies them to what they had knows the program now."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agr.dispatch.setpoints import changed, in_watts


@st.composite
def programs(draw):
    """Return names and powers before and now, and the first ISP that counts."""
    isps = draw(st.integers(1, 8))
    pool = [f"r{i}" for i in range(6)]
    names = [draw(st.permutations(pool))[: draw(st.integers(0, 6))] for _ in range(2)]
    if draw(st.booleans()):
        names[1] = names[0]
    power = [
        np.array(
            draw(st.lists(st.lists(st.integers(-1, 1), min_size=isps, max_size=isps), min_size=len(n), max_size=len(n)))
        ).reshape(len(n), isps)
        for n in names
    ]
    return names, [in_watts(p * 0.5) for p in power], draw(st.integers(0, isps))


@given(programs())
def test_what_is_told_turns_the_program_before_into_the_one_now(made):
    (names_before, names), (before, after), first = made
    spans = changed(before, after, names_before, names, first)
    had = dict(zip(names_before, before.tolist(), strict=True))
    told = set()
    for place, begin, end in zip(spans.place, spans.first, spans.last, strict=True):
        name = names[place]
        told.add(name)
        assert first <= begin <= end
        row = had.setdefault(name, [None] * after.shape[1])
        if name in names_before:  # nothing is told that need not be
            assert row[begin] != after[place][begin]
            assert row[end] != after[place][end]
        row[begin : end + 1] = after[place][begin : end + 1].tolist()
    for name, row in zip(names, after.tolist(), strict=True):
        assert had.get(name, [None] * len(row))[first:] == row[first:] or first == len(row)
    assert len(told) == len(spans.place)


def test_without_a_program_before_everything_is_told():
    after = in_watts(np.array([[0.0, 1.5], [0.0, 0.0]]))
    spans = changed(None, after, (), ("a", "b"), 1)
    assert (spans.place.tolist(), spans.first.tolist(), spans.last.tolist()) == ([0, 1], [1, 1], [1, 1])
    assert after.tolist() == [[0, 1500], [0, 0]]
