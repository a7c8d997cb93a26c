"""Plans of a running day take charging sessions as charge points have seen them."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from agr.domain.dispatch import SessionState
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Register
from agr.planning.case import Previous, build
from agr.planning.case_audit import audit_case
from agr.planning.sessions_now import as_seen, session_news
from agr.store.charge_sessions import ChargeSession
from models.method import Method, solve
from tests.builders.case_inputs import PERIOD, at, ev, inputs

CAR = ev(at(1), at(6), energy_kwh=20.0)
MADE = at(0)
PLANNED = {"ev": np.where((np.arange(96) >= 8) & (np.arange(96) < 18), 8.0, 0.0)}
"""8 kW from 02:00 to 04:30: 20 kWh."""


def session(**more: object) -> ChargeSession:
    began = ChargeSession(
        road="csms", station="S", transaction="1", charge_point="pole", resource="ev", began_at=at(1), ended_at=None,
        seen_at=at(1), state=SessionState.CHARGING,
    )  # fmt: skip
    return replace(began, **more)  # type: ignore[arg-type]


def left(when: datetime, kwh: float) -> ChargeSession:
    return session(ended_at=when, seen_at=when, first_register_wh=0.0, last_register_wh=1000.0 * kwh)


def test_a_car_that_has_left_takes_nothing_more_and_is_owed_nothing() -> None:
    """It leaves at 03:00 with 8 of 20 kWh: of the program, the ISPs from 03:00 on fall away, 12 kWh."""
    gone = left(at(3), 8.0)
    seen = as_seen(Register(resources=(CAR,)), [gone], PLANNED, PERIOD)
    (row,) = seen.register.of(EvSession)
    assert (row.departure, row.energy_kwh) == (at(3), 8.0)
    assert seen.programs_kw["ev"].sum() / 4 == pytest.approx(8.0)
    assert seen.left == ("ev",)
    (news,) = session_news(Register(resources=(CAR,)), [gone], PLANNED, PERIOD, at(3, 1), MADE)
    assert (news.kwh, news.words) == (pytest.approx(12.0), "ev has left")
    assert session_news(Register(resources=(CAR,)), [gone], dict(seen.programs_kw), PERIOD, at(3, 1), MADE) == []


def test_the_plan_made_then_sells_what_the_car_does_not_take() -> None:
    seen = as_seen(Register(resources=(CAR,)), [left(at(3), 8.0)], PLANNED, PERIOD)
    bought = tuple(PLANNED["ev"].tolist())
    now = inputs(
        resources=seen.register.resources, closed_isps=14, past_isps=12, fixed={"day-ahead": bought},
        previous=Previous(programs_kw=seen.programs_kw),
    )  # fmt: skip
    named = build(now)
    assert audit_case(now, named) == ()
    outcome = solve(named.case, method=Method.REFERENCE)
    assert outcome.programs.unmet_kwh.sum() == pytest.approx(0.0, abs=1e-6)
    assert outcome.total_kw[12:] == pytest.approx(0.0, abs=1e-6)
    assert outcome.long_kw[12:14] == pytest.approx(8.0)  # too late to sell it
    assert outcome.intraday_sell_kw[14:18] == pytest.approx(8.0)


def test_what_a_car_has_told_counts() -> None:
    told = session(departure=at(9), needed_wh=12_000.0, seen_at=at(1, 5))
    (row,) = as_seen(Register(resources=(CAR,)), [told], PLANNED, PERIOD).register.of(EvSession)
    assert (row.departure, row.energy_kwh) == (at(9), 12.0)
    (news,) = session_news(Register(resources=(CAR,)), [told], PLANNED, PERIOD, at(1, 6), MADE)
    assert news.kwh == pytest.approx(8.0)
    assert session_news(Register(resources=(CAR,)), [told], PLANNED, PERIOD, at(1, 6), at(1, 6)) == []  # it is known


def test_a_car_that_came_unplanned_is_news_once() -> None:
    stranger = session(resource=None, needed_wh=15_000.0)
    assert as_seen(Register(resources=(CAR,)), [stranger], PLANNED, PERIOD).register.resources == (CAR,)
    news = session_news(Register(resources=(CAR,)), [stranger], PLANNED, PERIOD, at(1, 6), MADE)
    assert [(one.kwh, one.words) for one in news] == [(15.0, "pole unplanned")]
    assert session_news(Register(resources=(CAR,)), [stranger], PLANNED, PERIOD, at(2), at(1, 10)) == []


def test_a_car_that_left_before_midnight_is_not_planned_the_next_day() -> None:
    over = ev(at(20, day=14), at(6), energy_kwh=20.0)
    gone = left(at(23, day=14), 5.0)
    seen = as_seen(Register(resources=(over,)), [replace(gone, began_at=at(20, day=14))], {}, PERIOD)
    now = inputs(resources=seen.register.resources, carried_state={"ev": 11.0})
    assert build(now).of("storage") == ()
    assert build(inputs(resources=(over,))).of("storage") == ("ev",)
    assert timedelta(hours=2) < over.departure - gone.seen_at
