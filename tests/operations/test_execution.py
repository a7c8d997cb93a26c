"""What became of plans: verdicts of every ISP that has ended, of all resources that report and of charge points."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from agr.domain.dispatch import SessionState
from agr.domain.execution import DeviationCause, Verdict
from agr.operations.execution.evidence import planned_name
from agr.operations.execution.keeper import DEVIATION, watch_deviation
from agr.store import charge_sessions, day, executions
from agr.store.charge_sessions import ChargeSession, Told
from tests.builders.executed_day import ARRIVAL, ISP, ExecutedDay, planned_day
from tests.builders.operators_side import Desk
from tests.builders.worlds import PERIOD


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with planned_day(tmp_path_factory.mktemp("execution")) as desk:
        yield desk


@pytest.fixture
def today(planned: Desk) -> ExecutedDay:
    return ExecutedDay(planned)


def test_a_resource_that_reports_is_judged_and_one_that_does_not_is_not(today: ExecutedDay) -> None:
    today.report("battery", today.kwh("battery"))
    other = today.kwh("load-1").copy()
    other[10:12] += 1.0
    today.report("load-1", other)
    assert today.judge() > 0
    assert set(today.found("battery").values()) == {(Verdict.EXECUTED, DeviationCause.UNKNOWN)}
    assert len(today.found("battery")) == PERIOD.isp_count
    load = today.found("load-1")
    assert [isp for isp, (verdict, _) in load.items() if verdict is Verdict.DEVIATED] == [10, 11]
    assert today.found("load-2") == {}
    assert today.judge() == 0  # the same again changes nothing


def test_a_car_that_leaves_early_was_absent_and_one_without_a_register_unmeasured(today: ExecutedDay) -> None:
    left = ARRIVAL + 6 * ISP
    today.accepted(11.0, ARRIVAL)
    today.stays(last=left)
    today.judge()
    found = today.found("car")
    kwh = today.kwh("car")
    here = [isp for isp in range(4, 10) if kwh[isp] > 0.05]
    gone = [isp for isp in range(10, 28) if kwh[isp] > 0.05]
    assert gone
    assert {found[isp] for isp in gone} == {(Verdict.DEVIATED, DeviationCause.ABSENT)}
    assert {found[isp][0] for isp in here} <= {Verdict.UNMEASURED, Verdict.UNREACHABLE}
    assert not [isp for isp in found if not 4 <= isp < 28]


def test_a_station_that_says_nothing_is_unreachable_and_its_car_not_absent(today: ExecutedDay) -> None:
    today.judge()
    assert set(today.found("car").values()) == {(Verdict.UNREACHABLE, DeviationCause.UNKNOWN)}
    today.accepted(11.0, ARRIVAL - timedelta(hours=1))
    today.judge()
    assert set(today.found("car").values()) == {(Verdict.DEVIATED, DeviationCause.ABSENT)}


def test_nothing_accepted_is_unreachable_and_a_limit_that_came_late_is_late(today: ExecutedDay) -> None:
    kwh = today.kwh("car")
    busy = [isp for isp in range(4, 28) if kwh[isp] > 0.1]
    today.stays()
    late = busy[-1]
    today.accepted(kwh[late] * 4, PERIOD.starts()[late] + timedelta(minutes=2))
    today.report("car", np.zeros(24), first=4, at=50.0)
    today.judge()
    found = today.found("car")
    assert {found[isp][0] for isp in busy[:-1]} == {Verdict.UNREACHABLE}
    assert found[late] == (Verdict.DEVIATED, DeviationCause.LATE)


def test_a_car_that_nobody_planned_is_judged_by_its_registers_and_they_may_come_late(today: ExecutedDay) -> None:
    came, left = PERIOD.starts()[40] + timedelta(minutes=3), PERIOD.starts()[43]
    session = ChargeSession(
        road="r", station="CP1", transaction="u", charge_point="cp-1", resource=None, began_at=came, ended_at=left,
        seen_at=left, state=SessionState.ENDED,
    )  # fmt: skip
    told = {came: 1000.0, PERIOD.starts()[41]: 1800.0, PERIOD.starts()[42] + timedelta(minutes=5): 4600.0, left: 5600.0}
    with today.store.transaction() as tx:
        charge_sessions.put(tx, session)
        for at, wh in list(told.items())[:2]:
            charge_sessions.put_told(tx, session, Told(at=at, state=None, offered_w=None, register_wh=wh))
    today.judge()
    name = planned_name(session)
    assert {isp: verdict for isp, (verdict, _) in today.found(name).items()} == {
        40: Verdict.DEVIATED, 41: Verdict.UNMEASURED, 42: Verdict.UNMEASURED,
    }  # fmt: skip
    with today.store.transaction() as tx:
        for at, wh in told.items():
            charge_sessions.put_told(tx, session, Told(at=at, state=None, offered_w=None, register_wh=wh))
    today.judge()
    assert today.found(name) == dict.fromkeys((40, 41, 42), (Verdict.DEVIATED, DeviationCause.UNPLANNED))
    with today.store.transaction() as tx:
        rows = executions.between(tx, PERIOD.start, PERIOD.end, {name})
    assert [row.measured_kwh for row in rows] == pytest.approx([0.8, 2.8 * 15 / 20, 2.8 * 5 / 20 + 1.0])
    assert {row.planned_kwh for row in rows} == {0.0}


def test_the_alarm_stands_while_an_hour_is_far_off_its_plan(today: ExecutedDay) -> None:
    def alarms() -> list[str]:
        with today.store.transaction() as tx:
            watch_deviation(tx, 20, PERIOD.end, today.clock.now())
            return [alarm.text for alarm in day.open_alarms(tx) if alarm.kind == DEVIATION]

    today.report("load-1", today.kwh("load-1"))
    assert today.keeper.look() > 0  # as planned since midnight
    assert today.keeper.look() == 0
    assert alarms() == []
    with today.store.transaction() as tx:
        rows = executions.between(tx, PERIOD.end - 4 * ISP, PERIOD.end - ISP, {"load-1"})
        assert len(rows) == 4
        executions.put(tx, [replace(row, measured_kwh=row.planned_kwh + 6) for row in rows])
    [text] = alarms()
    assert "24.0 kWh off their plans, more than 20: load-1 24.0 kWh" in text
    today.judge()
    assert alarms() == []
