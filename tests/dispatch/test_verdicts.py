"""What was measured against what was planned: each word once by hand, and rules that always hold."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.dispatch.registers import Energy, Quality
from agr.dispatch.verdicts import Evidence, judged, presence, tolerance_kwh
from agr.domain.execution import DeviationCause, Execution, Verdict

START = datetime(2026, 6, 10, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def energy(kwh, covered=1.0, quality=Quality.MEASURED):
    return Energy(kwh=np.array([kwh]), covered=np.array([covered]), quality=np.array([quality], dtype=np.int8))


NOTHING = energy(np.nan, 0.0, Quality.MISSING)


def at_point(present=1.0, accepted=True, late=False, limit_kw=np.nan, offered_kw=np.nan, car_paused=0.0):
    return Evidence(
        present=np.array([present]), accepted=np.array([accepted]), late=np.array([late]),
        limit_kw=np.array([limit_kw]), offered_kw=np.array([offered_kw]), car_paused=np.array([car_paused]),
    )  # fmt: skip


def one(planned, measured, evidence=None):
    found = judged(np.array([planned]), measured, 0.25, evidence)
    return found.verdict[0], found.cause[0]


@pytest.mark.parametrize(
    ("planned", "measured", "evidence", "verdict", "cause"),
    [
        (2.0, energy(2.09), at_point(), "executed", ""),
        (2.0, energy(2.11), at_point(), "deviated", "station"),
        (0.0, energy(0.05), at_point(), "executed", ""),
        (2.0, energy(1.0), at_point(limit_kw=8.0), "deviated", "car"),  # the limit let it take 2 kWh
        (2.0, energy(1.0), at_point(limit_kw=4.0), "deviated", "limit"),  # only 1 kWh
        (2.0, energy(1.0), at_point(limit_kw=8.0, offered_kw=8.0), "deviated", "car"),
        (2.0, energy(1.0), at_point(limit_kw=8.0, offered_kw=4.0), "deviated", "limit"),  # something else held it lower
        (2.0, energy(1.0), at_point(limit_kw=8.0, offered_kw=4.0, car_paused=0.5), "deviated", "car"),
        (2.0, energy(2.6), at_point(limit_kw=8.0), "deviated", "station"),  # accepted, and not followed
        (1.0, energy(2.6), at_point(limit_kw=11.0), "deviated", "limit"),  # a higher limit than planned was in force
        (2.0, energy(1.0), at_point(late=True, accepted=False, limit_kw=0.0), "deviated", "late"),
        (2.0, NOTHING, at_point(present=0.0, accepted=False), "deviated", "absent"),
        (2.0, energy(0.8, 0.4, Quality.PARTIAL), at_point(present=0.4), "deviated", "absent"),  # 0.4 of 2 kWh
        (2.0, energy(0.3, 0.4, Quality.PARTIAL), at_point(present=0.4, limit_kw=8.0), "deviated", "car"),
        (0.0, NOTHING, at_point(present=0.0), "executed", ""),
        (0.0, NOTHING, at_point(present=1e-7), "executed", ""),  # a session that ended with the ISP before, all but
        (2.0, NOTHING, at_point(present=1e-7), "deviated", "absent"),
        (2.0, energy(0.8, 0.4, Quality.PARTIAL), at_point(), "unmeasured", ""),
        (2.0, NOTHING, at_point(), "unmeasured", ""),
        (2.0, NOTHING, at_point(accepted=False), "unreachable", ""),
        (2.0, energy(0.0), at_point(accepted=False, limit_kw=0.0), "unreachable", ""),
        (2.0, NOTHING, at_point(present=np.nan, accepted=False), "unreachable", ""),  # a station that says nothing
        (2.0, energy(2.0), at_point(accepted=False), "executed", ""),
        (2.0, energy(1.0), None, "deviated", ""),  # no charge point: nobody knows why
        (-2.0, energy(-2.09, quality=Quality.INTERPOLATED), None, "executed", ""),
        (2.0, NOTHING, None, "unmeasured", ""),
    ],
)
def test_each_word(planned, measured, evidence, verdict, cause):
    assert one(planned, measured, evidence) == (Verdict(verdict), DeviationCause(cause))


KWH = st.floats(-50, 50).map(lambda value: round(value, 3))


@given(
    KWH, KWH, st.floats(0, 1), st.floats(0, 1), st.sampled_from(Quality), st.booleans(), st.booleans(),
    st.none() | st.floats(0, 22), st.booleans(),
)  # fmt: skip
def test_rules_that_always_hold(planned, measured, covered, present, quality, accepted, late, limit, point):
    found = energy(measured, covered, quality) if covered > 0 else NOTHING
    evidence = at_point(present, accepted, late, np.nan if limit is None else limit) if point else None
    verdict, cause = one(planned, found, evidence)
    gone = point and present <= 1e-6
    whole = covered >= (present if point else 1.0) - 1e-6 or gone
    near = abs((0.0 if gone else measured) - planned) <= tolerance_kwh(np.array([planned]))[0]
    assert (verdict is Verdict.EXECUTED) == (whole and near and (covered > 0 or gone))
    assert (cause is DeviationCause.UNKNOWN) or verdict is Verdict.DEVIATED
    if verdict is Verdict.DEVIATED:
        assert whole
        assert (cause is DeviationCause.UNKNOWN) == (not point)
        if cause is DeviationCause.STATION:
            assert measured > planned
        if cause is DeviationCause.CAR or (cause is DeviationCause.ABSENT and not gone):
            assert measured < planned
        if cause is DeviationCause.LATE:
            assert late
    if verdict is Verdict.UNREACHABLE:
        assert point
        assert not accepted
        assert not late
    if verdict is Verdict.UNMEASURED:
        assert not whole or covered == 0


@given(st.lists(st.tuples(st.integers(-60, 400), st.integers(1, 200)), max_size=4))
def test_presence_is_what_counting_minutes_finds(stays):
    taken = np.zeros(400, dtype=bool)
    kept = []
    for first, length in sorted(stays):  # stays do not overlap
        if kept and first < kept[-1][1]:
            continue
        kept.append((first, first + length))
        taken[max(first, 0) : max(first + length, 0)] = True
    borders = [START + QUARTER * place for place in range(17)]
    given_ = [(START + timedelta(minutes=a), START + timedelta(minutes=b)) for a, b in kept]
    assert presence(given_, borders) == pytest.approx(taken[:240].reshape(16, 15).mean(axis=1))


def test_a_deviation_is_told_where_the_whole_isp_was_measured():
    def row(**more):
        values = {
            "resource": "car", "start": START, "planned_kwh": 2.0, "measured_kwh": 1.0, "quality": "measured",
            "verdict": Verdict.DEVIATED, "cause": DeviationCause.CAR, "plan": 1,
        }  # fmt: skip
        return Execution(**{**values, **more})

    assert row().deviation_kwh == -1.0
    assert row(verdict=Verdict.UNREACHABLE).deviation_kwh == -1.0
    assert row(verdict=Verdict.UNREACHABLE, quality="partial").deviation_kwh is None
    assert row(verdict=Verdict.UNMEASURED, measured_kwh=None, quality="missing").deviation_kwh is None
