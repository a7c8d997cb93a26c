"""Congestion points from a table of our own: without a CRO, beside one, and when the table changes."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from agr.domain.moments import MomentState
from agr.domain.plan import Plan, ReasonKind
from agr.domain.register import CongestionPoint, Connection, PointMember, Register
from agr.history.days import DayHistory
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.publish import Publisher
from agr.nomination.nominate import Nominator
from agr.operations.tables import import_tables
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.schedule.bidding import Bidding
from agr.schedule.market_day import MarketDay
from agr.settings import Planning, Settings
from agr.store import day, own_portfolio, plans, portfolio, register, tables
from agr.store.own_portfolio import OWN_LIST
from agr.uftp.participants import Participants
from tests.builders.worlds import NOW, OTHER_POINT, PERIOD, POINT, World

FIRST = date(2026, 1, 1)


def member(connection: str, point: str = POINT, **more: object) -> PointMember:
    values = {"dso": "dso.example", "first_day": FIRST} | more
    return PointMember(congestion_point=point, connection=connection, **values)  # type: ignore[arg-type]


class Market:
    """A market day over a world, with or without its CRO."""

    def __init__(self, folder: Path, *, cro: bool) -> None:
        self.world = World(folder)
        dso = self.world.participants.with_role("DSO")
        self.known = self.world.participants if cro else Participants(dso)
        kept = tuple(p for p in self.world.settings.participants if cro or p.role != "CRO")
        self.settings: Settings = self.world.settings.model_copy(update={"participants": kept})
        parts = (self.world.store, self.settings, self.world.clock)
        self.requests = PortfolioRequests(*parts, self.known)
        self.day = MarketDay(
            *parts, self.requests, Publisher(*parts, self.known), Bidding(*parts[1:]), Nominator(*parts),
            DayHistory(*parts[:2]),
        )  # fmt: skip

    def enter(self, *members: PointMember, **more: Any) -> None:
        self.world.know_register(congestion_points=members, **more)

    def do(self, name: str) -> str | None:
        handled = self.day.handlers()[name](PERIOD, name)
        return None if handled is None else handled.result

    def points(self) -> tuple[tuple[CongestionPoint, ...], tuple[str, ...]]:
        with self.world.store.transaction() as tx:
            known = portfolio.load(tx, PERIOD)
        return known.points, known.free_connections

    def alarms(self) -> dict[str, str]:
        with self.world.store.transaction() as tx:
            return {alarm.kind: alarm.text for alarm in day.open_alarms(tx)}


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Market]:
    made = Market(tmp_path, cro=False)
    yield made
    made.world.store.close()


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Market]:
    made = Market(tmp_path, cro=True)
    yield made
    made.world.store.close()


def test_without_a_cro_the_table_says_which_connection_lies_where(alone: Market) -> None:
    alone.enter(member("ean.1", intraday_redispatch_by="AGR", day_ahead_redispatch_by="DSO", mutex_offers="yes"))
    assert alone.do("portfolio_query") == "1 connection in 1 congestion point, 1 in none"
    point = CongestionPoint(
        address=POINT, dso="dso.example", connections=("ean.1",), intraday_redispatch_by="AGR",
        day_ahead_redispatch_by="DSO", mutex_offers=True,
    )  # fmt: skip
    assert alone.points() == ((point,), ("ean.2",))
    assert alone.do("portfolio_last_call") == "all CROs answered"
    assert alone.alarms() == {}


@pytest.fixture
def solver() -> Iterator[SolverPool]:
    made = SolverPool(Planning(threads=1, method="reference"))
    yield made
    made.close()


def test_without_a_cro_a_day_is_planned_and_its_prognoses_are_sent(alone: Market, solver: SolverPool) -> None:
    alone.enter(member("ean.1"), member("ean.2", OTHER_POINT))
    alone.do("portfolio_query")
    alone.do("first_plan")
    made = list[Plan]()
    planner = Planner(alone.world.store, alone.settings, alone.world.clock, solver, made.append)
    planner.run_due()
    with alone.world.store.transaction() as tx:
        assert plans.in_force(tx, PERIOD.day) is not None
    assert [[point.address for point in plan.points] for plan in made] == [[POINT, OTHER_POINT]]
    said = "congestion points are taken from our own table congestion_points: no CRO says otherwise"
    assert said in made[0].result.notes
    assert alone.do("prognosis_last_safe_start") == "2 prognoses sent from the plan in force"


def test_only_rows_of_the_day_count_and_who_has_none_is_named(alone: Market) -> None:
    """A connection that the table names for other days only was probably forgotten."""
    alone.enter(member("ean.1"), member("ean.2", OTHER_POINT, last_day=PERIOD.day - timedelta(days=1)))
    alone.do("portfolio_query")
    points, free = alone.points()
    assert [point.address for point in points] == [POINT]
    assert free == ("ean.2",)
    assert "1 connection (ean.2)" in alone.alarms()["portfolio incomplete"]
    alone.enter(member("ean.1"), member("ean.2", OTHER_POINT, last_day=PERIOD.day))
    alone.do("portfolio_query")
    assert alone.alarms() == {}
    assert alone.points()[1] == ()


def test_connections_that_we_do_not_represent_that_day_are_left_out(alone: Market) -> None:
    gone = Connection(address="ean.1", first_day=FIRST, last_day=PERIOD.day - timedelta(days=1))
    here = Connection(address="ean.2", first_day=FIRST)
    with alone.world.store.transaction() as tx:
        register.replace(
            tx, Register(connections=(gone, here), congestion_points=(member("ean.1"), member("ean.2")))
        )  # fmt: skip
    alone.do("portfolio_query")
    assert [point.connections for point in alone.points()[0]] == [("ean.2",)]


def test_without_a_cro_and_a_table_it_is_planned_without_points_and_said(alone: Market) -> None:
    alone.enter()
    assert alone.do("portfolio_query") == "0 connections in 0 congestion points, 2 in none"
    assert "no CRO is configured" in alone.alarms()["portfolio incomplete"]
    assert alone.points() == ((), ("ean.1", "ean.2"))


def test_beside_a_cro_the_table_adds_its_points(beside: Market) -> None:
    beside.enter(member("ean.2", OTHER_POINT))
    assert beside.do("portfolio_query") == "1 connection in 1 congestion point; asked 1 CRO"
    listed = CongestionPoint(address=POINT, dso="dso.example", connections=("ean.1", "ean.2"))
    with beside.world.store.transaction() as tx:
        clashes = portfolio.replace(tx, PERIOD.day, "cro.example", (listed,), ())
    assert clashes == ("ean.2",)  # the first claim stays
    assert [(point.address, point.connections) for point in beside.points()[0]] == [
        (POINT, ("ean.1",)),
        (OTHER_POINT, ("ean.2",)),
    ]


def test_beside_a_cro_nothing_is_taken_without_a_table(beside: Market) -> None:
    beside.enter()
    assert beside.do("portfolio_query") == "asked 1 CRO"
    with beside.world.store.transaction() as tx:
        assert OWN_LIST not in portfolio.answers(tx, PERIOD.day)


def test_what_a_cro_claims_as_well_is_an_alarm(beside: Market) -> None:
    beside.world.know_points()
    beside.enter(member("ean.1", OTHER_POINT + "b"))
    beside.do("portfolio_query")
    assert "1 connection (ean.1)" in beside.alarms()["portfolio conflict"]


def test_a_table_imported_later_changes_the_points_and_asks_for_a_plan(alone: Market, tmp_path: Path) -> None:
    """The tables of the day are imported once more, with ean.2 at a congestion point."""
    alone.enter(member("ean.1"))
    with alone.world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, "portfolio_query", NOW, "")
        day.moment_done(tx, PERIOD.day, "first_plan", NOW, "")
    alone.do("portfolio_query")
    with alone.world.store.transaction() as tx:
        tx.execute(tables.triggers.delete())
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "connections.csv").write_text("address,first_day\nean.1111111111111,2026-01-01\n")
    (folder / "congestion_points.csv").write_text(
        f"congestion_point,dso,connection,first_day\n{POINT},dso.example,ean.1111111111111,2026-01-01\n"
    )
    import_tables(alone.settings, alone.world.store, folder, alone.world.clock)
    assert [point.connections for point in alone.points()[0]] == [("ean.1111111111111",)]
    with alone.world.store.transaction() as tx:
        assert ReasonKind.PORTFOLIO in {trigger.reason.kind for trigger in day.open_triggers(tx)}


def test_a_day_that_nobody_has_planned_is_not_planned_for_a_changed_table(alone: Market) -> None:
    """The daemon was first started when the day was running: there is nothing of it to plan again."""
    alone.enter(member("ean.1"))
    with alone.world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, "first_plan", NOW, "missed; instead: nothing", MomentState.MISSED)
        own_portfolio.take(tx, PERIOD, NOW, alone=True)
        assert portfolio.load(tx, PERIOD).points
        assert not day.open_triggers(tx)
