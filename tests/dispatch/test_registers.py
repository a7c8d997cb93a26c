"""Energy per ISP from registers: against sums of exact fractions, on DST days, with gaps, in any order."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.dispatch.registers import Quality, energy, judged, net
from agr.domain.isp import Period

DAYS = [date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25)]  # 92, 96 and 100 ISPs
GAP = timedelta(hours=1)
START = datetime(2026, 6, 1, tzinfo=UTC)


def borders(period):
    return [*period.starts(), period.end]


@st.composite
def registers(draw):
    """Return a Period and what a register showed around it: rising by whole Wh, a few seconds to hours apart."""
    period = Period(draw(st.sampled_from(DAYS)))
    steps = draw(st.lists(st.tuples(st.integers(60, 7200), st.integers(0, 3000)), min_size=1, max_size=60))
    at = period.start + timedelta(seconds=draw(st.integers(-7200, 80_000)))
    wh = draw(st.integers(0, 10_000))
    rows = [(at, wh)]
    for seconds, gained in steps:
        at, wh = at + timedelta(seconds=seconds), wh + gained
        rows.append((at, wh))
    return period, rows


def exact(period, rows):
    """Return (kWh, share read) per ISP in fractions: pair by pair, second by second, nothing of ours."""
    edges = [int((border - period.start).total_seconds()) for border in borders(period)]
    found: list[list[Any]] = [[Fraction(0), 0] for _ in edges[1:]]
    for (one, low), (other, high) in pairwise(rows):
        first, last = (int((at - period.start).total_seconds()) for at in (one, other))
        if last - first > GAP.total_seconds():
            continue
        for isp, (begin, end) in enumerate(pairwise(edges)):
            inside = min(last, end) - max(first, begin)
            if inside > 0:
                found[isp][0] += Fraction((high - low) * inside, (last - first) * 1000)
                found[isp][1] += inside
    return [float(kwh) for kwh, _ in found], [seconds / 900 for _, seconds in found]


@given(registers(), st.randoms(use_true_random=False))
def test_energy_is_what_fractions_give_in_whatever_order_readings_come(made, random):
    period, rows = made
    told = [(at, wh / 1000) for at, wh in rows]
    random.shuffle(told)
    series = judged(told, limit_kw=1e6)
    assert not series.aside
    got = energy(series.runs, borders(period), GAP)
    kwh, covered = exact(period, rows)
    assert got.covered == pytest.approx(covered, abs=0.003)  # a reading within a second of a border counts as there
    assert np.nan_to_num(got.kwh) == pytest.approx(kwh, abs=1e-6)
    assert len(got.kwh) == period.isp_count
    assert (np.isnan(got.kwh) == (got.quality == Quality.MISSING)).all()


@given(registers(), st.integers(0, 59), st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_the_order_of_arrival(made, where, random):
    _, rows = made
    told = [(at, wh / 1000) for at, wh in rows]
    at = told[where % len(told)][0] + timedelta(seconds=7)
    told.append((at, 1e9))  # a spike
    shuffled = list(told)
    random.shuffle(shuffled)
    one, other = judged(told, 50.0), judged(shuffled, 50.0)
    assert one.aside == other.aside
    assert [run.at_s.tolist() for run in one.runs] == [run.at_s.tolist() for run in other.runs]
    for run in one.runs:  # what is joined can be
        gained, hours = np.diff(run.kwh), np.diff(run.at_s) / 3600
        assert (gained >= 0).all()
        assert (gained <= 50.0 * hours + 0.05 + 1e-9).all()


def at(minutes):
    return START + timedelta(minutes=minutes)


def test_each_quality_says_what_was_read():
    isps = [at(15 * i) for i in range(6)]
    rows = [(at(0), 10.0), (at(15), 11.0), (at(20), 11.5), (at(40), 13.5), (at(50), 14.5)]
    got = energy(judged(rows, 100.0).runs, isps, GAP)
    assert got.quality_words() == ["measured", "interpolated", "interpolated", "partial", "missing"]
    assert got.kwh[:4] == pytest.approx([1.0, 1.5, 1.5, 0.5], abs=1e-9)
    assert got.covered == pytest.approx([1, 1, 1, 1 / 3, 0])


def test_a_long_gap_is_not_filled():
    rows = [(at(0), 0.0), (at(15), 1.0), (at(135), 9.0), (at(150), 10.0)]
    got = energy(judged(rows, 100.0).runs, [at(15 * i) for i in range(11)], GAP)
    assert got.quality_words() == ["measured", *["missing"] * 8, "measured"]


def test_one_wrong_reading_is_set_aside_and_its_neighbours_are_joined():
    rows = [(at(0), 10.0), (at(15), 11.0), (at(30), 9000.0), (at(45), 13.0), (at(60), 14.0)]
    series = judged(rows, 10.0)
    ((when, words),) = [(one.at, one.words) for one in series.aside]
    assert when == at(30)
    assert "jumps by 8,989 kWh since 2026-06-01T00:15:00Z, more than 10 kW can do" in words
    assert len(series.runs) == 1


def test_a_meter_that_was_replaced_goes_on_with_its_second_reading():
    old = [(at(0), 500.0), (at(15), 501.0)]
    first = judged([*old, (at(30), 0.5)], 10.0)
    assert [one.at for one in first.aside] == [at(30)]
    assert "runs backwards: 0.5 kWh after 501" in first.aside[0].words
    second = judged([*old, (at(30), 0.5), (at(45), 1.5)], 10.0)
    assert not second.aside
    got = energy(second.runs, [at(15 * i) for i in range(4)], GAP)
    assert got.quality_words() == ["measured", "missing", "measured"]  # what was between is not known


def test_a_first_reading_that_the_next_one_contradicts_is_set_aside():
    series = judged([(at(0), 900.0), (at(15), 10.0), (at(30), 11.0)], 10.0)
    assert [one.at for one in series.aside] == [at(0)]
    assert "the next reading contradicts it" in series.aside[0].words


def test_a_single_reading_says_nothing_and_is_not_set_aside():
    series = judged([(at(0), 5.0)], 1.0)
    assert not series.aside
    assert energy(series.runs, [at(0), at(15)], GAP).quality_words() == ["missing"]


def test_production_is_negative_and_the_worse_quality_counts():
    isps = [at(0), at(15), at(30)]
    used = energy(judged([(at(0), 0.0), (at(15), 2.0), (at(30), 2.0)], 100.0).runs, isps, GAP)
    made = energy(judged([(at(0), 5.0), (at(30), 8.0)], 100.0).runs, isps, GAP)
    both = net(used, made)
    assert both.kwh == pytest.approx([0.5, -1.5])
    assert both.quality_words() == ["interpolated", "interpolated"]
    assert net(None, made).kwh == pytest.approx([-1.5, -1.5])
    assert net(used, None) is used
    assert net(None, None) is None
