"""Programs and their run-length coded form."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agr.domain.program import IspRun, compress, expand, in_words, sums_in_words

POWERS = st.lists(st.integers(-3, 3) | st.integers(-(10**12), 10**12), max_size=100)


def test_equal_neighbours_share_a_run():
    # by hand: 5 5 | 0 | −2 −2 −2 | 5
    assert compress([5, 5, 0, -2, -2, -2, 5]) == (IspRun(1, 5, 2), IspRun(3, 0), IspRun(4, -2, 3), IspRun(7, 5))
    assert compress([]) == ()


@given(POWERS)
def test_expanding_what_was_compressed_gives_it_back(powers):
    assert expand(compress(powers), len(powers)) == tuple(powers)


@given(POWERS)
def test_runs_cover_the_day_without_gap_and_neighbours_differ(powers):
    runs = compress(powers)
    assert [run.start for run in runs] == [1, *(run.stop for run in runs)][: len(runs)]
    assert all(run.duration >= 1 for run in runs)
    changes = sum(left != right for left, right in pairwise(powers))
    assert len(runs) == (changes + 1 if powers else 0)  # no shorter form exists


@given(POWERS, st.randoms())
def test_any_form_and_order_of_the_same_program_is_read_alike(powers, random):
    runs = []
    for run in compress(powers):
        cut = random.randint(0, run.duration - 1)
        parts = (IspRun(run.start, run.power_w, cut), IspRun(run.start + cut, run.power_w, run.duration - cut))
        runs += [part for part in parts if part.duration]
    random.shuffle(runs)
    assert expand(runs, len(powers)) == tuple(powers)


def test_isps_nobody_speaks_of_stay_unknown():
    assert expand([IspRun(2, -7, 2)], 5) == (None, -7, -7, None, None)
    assert expand([], 3) == (None, None, None)


def test_a_program_in_words_leaves_out_what_is_nothing():
    assert in_words([0, -200_000, -200_000, 5]) == "2–3: −200,000 W, 4: +5 W"
    assert in_words([0, 0]) == "nothing: 0 W in every ISP"


def test_a_program_of_many_powers_is_told_by_its_sums():
    # by hand: quarter hours of −30, −20 and 4 kW
    assert sums_in_words([0, -30_000, 0, -20_000, 4000], 0.25) == (
        "−12.5 kWh in 2 ISPs of 2–4, up to −30,000 W; +1.0 kWh in 1 ISP of 5, up to +4,000 W"
    )
    assert sums_in_words([0, 0], 0.25) == "nothing: 0 W in every ISP"
