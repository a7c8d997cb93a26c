"""Expected cars that did not come are news, once they are late and no other car has taken their place."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from agr.dispatch.unplanned import arrival_of, expected_name
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import SessionState
from agr.planning.case import NamedCase
from agr.planning.missed_cars import arrivals_expected, missed
from agr.planning.sessions_now import SessionNews
from agr.store.charge_sessions import ChargeSession
from tests.builders.case_inputs import PERIOD, at
from tests.models.builders import load, make, storage

POINTS = {
    "street": tuple(
        ChargePoint(charge_point=name, connection=name, road="csms", station=name, max_kw=11, protocol="2.0.1")
        for name in "ab"
    )
}
"""Two charge points; at both a car is expected at 01:00, at 4 kW until 04:00."""
NAMES = [expected_name(name, at(1)) for name in "ab"]
PLANNED = {name: np.where((np.arange(96) >= 4) & (np.arange(96) < 16), 4.0, 0.0) for name in (*NAMES, "battery")}


def news(now: datetime, sessions: Sequence[ChargeSession] = ()) -> list[SessionNews]:
    return missed(PLANNED, sessions, POINTS, PERIOD, now, at(0))


def came(**more: object) -> ChargeSession:
    given = {"charge_point": "b", "resource": None, "began_at": at(1, 10)} | more
    return ChargeSession(
        road="csms", station="S", transaction="1", ended_at=None, seen_at=at(2), state=SessionState.CHARGING,
        **given,  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_the_plan_still_has_of_late_cars_is_news() -> None:
    """At 02:00 two hours of 4 kW are ahead of each car."""
    assert news(at(2)) == [SessionNews(resource="street", kwh=16.0, words="2 expected cars did not come: street")]
    assert news(at(1, 14)) == []
    assert news(at(4)) == []  # nothing is left of it


@pytest.mark.parametrize(
    ("session", "kwh"),
    [(came(), 8.0), (came(resource="known"), 16.0), (came(charge_point="z"), 16.0), (came(began_at=at(0)), 16.0)],
)
def test_a_car_that_nobody_planned_takes_the_place_of_one(session: ChargeSession, kwh: float) -> None:
    """Not one that was planned, that came elsewhere, or of which the plan in force knows."""
    (one,) = news(at(2), [session])
    assert one.kwh == pytest.approx(kwh)
    if kwh == 8.0:
        assert one.words == "1 expected car did not come: street"
        assert news(at(2), [session, session]) == []


def test_names_of_expected_cars_tell_when_they_come() -> None:
    assert arrival_of(NAMES[0]) == at(1)
    later = expected_name("a", at(5) + timedelta(seconds=7))
    kept = expected_name("c", at(2))  # of a congestion point with an open offer: no plan leaves it out
    case = make(2, storage(2), load(2, 1.0))
    named = NamedCase(case=case, names={"storage": (later, "battery", NAMES[1]), "fixed": (kept,)}, dsos=(), notes=())
    assert arrivals_expected(named) == (at(1), at(5) + timedelta(seconds=7))
