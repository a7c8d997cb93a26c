"""One day twice: the running daemon with independent counterparties, and `agr scenario run`; every plan is equal."""

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.isp import Period, local_instant
from agr.domain.plan import Plan, PlanState
from agr.messaging.publish import OPEN
from agr.scenario.description import Release, describe
from agr.scenario.record import Run, open_run
from agr.settings import MarketTime, Planning, Publication, Rolling, Timetable
from tests.day import tiny
from tests.day.market import OURS, Market

pytestmark = pytest.mark.day

SHIPPED = Path(__file__).parents[2] / "scenarios" / "small-dst-day"
PERIOD = Period(date(2026, 6, 10))


def rerun(folder: Path, out: Path, *options: str) -> Run:
    """Run a scenario folder as an analyst does."""
    result = CliRunner().invoke(app, ["scenario", "run", str(folder), "--out", str(out), "--no-report", *options])
    assert result.exit_code == 0, result.output
    return open_run(out)


def assert_same_plans(daemon: list[Plan], run: Run) -> None:
    """Compare every plan: why, state, programs in W, positions, bids, money and what it changed."""
    assert [(p.state.value, p.part) for p in daemon] == [(s["state"], s["part"]) for s in run.steps]
    for plan, step in zip(daemon, run.steps, strict=True):
        kinds = [reason.kind.value for reason in plan.reasons]
        assert [text.partition(":")[0] for text in step["reason"].split("; ")] == kinds
        assert programs_w(run, step["step"]) == {p.address: list(p.power_w) for p in plan.points}
        rows = run.positions[run.positions["step"] == step["step"]]
        assert rows["day_ahead_kw"].tolist() == list(plan.positions.day_ahead_kw)
        assert (rows["intraday_buy_kw"] - rows["intraday_sell_kw"]).tolist() == list(plan.positions.intraday_kw)
        bids = run.bids[run.bids["step"] == step["step"]]
        for product, values in plan.positions.bids_mw.items():
            assert bids[bids["product"] == product]["bid_mw"].tolist() == list(values)
        assert step["terms_eur"] == pytest.approx(plan.result.terms_eur)
        assert step["bound_eur"] == pytest.approx(plan.result.bound_eur)
        assert step["no_flexibility_eur"] == pytest.approx(plan.result.no_flexibility_eur)
        assert step["notes"] == list(plan.result.notes)
        assert changes_w(run, step["step"]) == {
            (point.address, isp.isp): (isp.before_w, isp.after_w)
            for point in (plan.change.points if plan.change else ())
            for isp in point.isps
        }


def programs_w(run: Run, step: str) -> dict[str, list[int]]:
    points = run.points[run.points["step"] == step]
    return {
        str(address): np.rint(rows["power_kw"].to_numpy() * 1000).astype(int).tolist()
        for address, rows in points.groupby("congestion_point", observed=True)
    }


def changes_w(run: Run, step: str) -> dict[tuple[str, int], tuple[int, int]]:
    rows = run.changes[run.changes["step"] == step]
    columns = (rows["congestion_point"], rows["isp"], rows["before_kw"], rows["after_kw"])
    return {(str(c), int(i)): (round(b * 1000), round(a * 1000)) for c, i, b, a in zip(*columns, strict=True)}


def write_scenario(folder: Path, market: Market, events: list[tuple[datetime, str, float]]) -> Path:
    """Write what the market of the tiny world was made of as a scenario beside its tables."""
    settings = market.settings
    parties = market.parties
    described: dict[str, Any] = {
        "title": "The tiny world", "question": "Does a scenario plan as the daemon does?", "period": str(PERIOD),
        "agr": OURS, "cros": [parties.cro.domain], "dsos": [parties.north.domain, parties.south.domain],
        "tables": str(market.folder / "tables"),
        "planning": settings.planning.model_dump(mode="json", exclude_unset=True),
        "timetable": settings.timetable.model_dump(mode="json", exclude_unset=True),
        **settings.publication.model_dump(mode="json", exclude_unset=True),
        "events": [
            {"kind": "release", "at": at.isoformat(), "contract": contract, "keep_share": share}
            for at, contract, share in events
        ],
    }  # fmt: skip
    folder.mkdir()
    (folder / "scenario.yaml").write_text(json.dumps(described), encoding="utf-8")
    (folder / "cro.json").write_text(json.dumps(tiny.config()), encoding="utf-8")
    return folder


def play(market: Market, events: list[tuple[datetime, str, float]]) -> None:
    """Drive the daemon through the day and its releases."""
    market.reach(OPEN)
    for at, contract, share in events:
        if at > PERIOD.previous().start + timedelta(hours=15):
            market.reach("prognosis_gate")
        market.jump(at)
        held_w = tiny.BATTERY_KW[tiny.A if contract == tiny.FO_A else tiny.C] * 1000
        market.release(contract, -round(held_w * share))
        market.settle()


def at(days_before: int, clock: str) -> datetime:
    """Return a local time of the Period or of a day before it."""
    return local_instant(PERIOD.day - timedelta(days=days_before), time.fromisoformat(clock), PERIOD.tz)


EARLY = Timetable(
    first_plan=MarketTime(at=time(6, 58)), day_ahead_gate=MarketTime(at=time(11)),
    day_ahead_results=MarketTime(at=time(11, 40)), prognosis_gate=MarketTime(at=time(14)),
)  # fmt: skip


def test_a_day_with_a_timetable_of_its_own_and_releases_before_and_during_it(
    market: Callable[..., Market], tmp_path: Path
) -> None:
    driven = market(PERIOD, timetable=EARLY)
    events = [
        (at(1, "12:10"), tiny.FO_A, 0.5),  # after the results of this timetable, before those of the default
        (at(1, "13:30"), tiny.FO_C, 0.0),
        (at(0, "09:07"), tiny.FO_A, 0.0),  # ISPs have closed, and one congestion point is fixed
    ]
    play(driven, events)
    assert [p.state for p in driven.plans()] == [PlanState.AUDITED] * 5
    made = rerun(write_scenario(tmp_path / "tiny", driven, events), tmp_path / "run")
    assert [step["at"] for step in made.steps[:3]] == [
        "2026-06-09T06:58:00+02:00", "2026-06-09T11:40:00+02:00", "2026-06-09T12:10:00+02:00",
    ]  # fmt: skip
    assert_same_plans(driven.plans(), made)


def test_a_running_day_is_planned_again_both_ways(market: Callable[..., Market], tmp_path: Path) -> None:
    planning = Planning(join_triggers_s=0, threads=1, rolling=Rolling(every_minutes=360))
    driven = market(PERIOD, planning=planning)
    driven.reach(OPEN)
    driven.reach("prognosis_gate")
    for clock in ("00:00", "06:00", "12:00", "18:00"):
        driven.jump(at(0, clock))
        driven.settle()
    rolled = driven.plans()[-4:]
    assert [str(plan.reasons[0]) for plan in rolled] == [
        f"rolling: what is left of the day at {clock}" for clock in ("00:00", "06:00", "12:00", "18:00")
    ]
    assert all(plan.state is PlanState.AUDITED for plan in rolled)
    made = rerun(write_scenario(tmp_path / "tiny", driven, []), tmp_path / "run")
    assert_same_plans(driven.plans(), made)
    assert made.outcome["rolling"]["plans"] == 4


def test_a_part_of_a_decomposed_plan_is_planned_again_both_ways(market: Callable[..., Market], tmp_path: Path) -> None:
    planning = Planning(join_triggers_s=0, time_limit_s=240, threads=1, method="decomposition", decomposed_gap=0.2)
    driven = market(PERIOD, planning=planning)
    events = [(at(1, "13:30"), tiny.FO_A, 0.5), (at(1, "13:40"), tiny.FO_C, 0.2), (at(1, "13:50"), tiny.FO_A, 0.1)]
    play(driven, events)
    assert [p.part for p in driven.plans()] == [False, False, True, True, True]
    assert_same_plans(driven.plans(), rerun(write_scenario(tmp_path / "tiny", driven, events), tmp_path / "run"))


def test_a_plan_that_gains_too_little_is_held_back_both_ways(market: Callable[..., Market], tmp_path: Path) -> None:
    driven = market(PERIOD, publication=Publication(minimum_gain_eur_per_prognosis=20.0))
    events = [(at(1, "13:30"), tiny.FO_A, 0.9), (at(1, "13:40"), tiny.FO_A, 0.0)]
    play(driven, events)
    states = [PlanState.AUDITED, PlanState.AUDITED, PlanState.HELD_BACK, PlanState.AUDITED]
    assert [p.state for p in driven.plans()] == states
    made = rerun(write_scenario(tmp_path / "tiny", driven, events), tmp_path / "run")
    assert_same_plans(driven.plans(), made)
    assert made.last == [made.steps[-1]]


def test_a_shipped_day_with_capacity_gates(market: Callable[..., Market], tmp_path: Path) -> None:
    scenario = describe(SHIPPED)
    known = json.loads((SHIPPED / "cro.json").read_text(encoding="utf-8"))
    driven = market(scenario.of, tables=SHIPPED / "tables", config=known, markets=scenario.markets)
    driven.reach(OPEN)
    (event,) = scenario.events
    assert isinstance(event, Release)
    driven.jump(event.at)
    isps: list[Any] = [{"start": 69, "duration": 16, "power": -200_000}]  # half of 400 kW, from 18:00 to 22:00
    driven.parties.north.send(
        "release", domain=OURS, contract=event.contract, period=str(scenario.of),
        congestion_point="ea1.2024-01.example.north-grid:cp-002", isps=isps,
    )  # fmt: skip
    driven.settle()
    assert len(driven.plans()) == 3
    assert_same_plans(
        driven.plans(),
        rerun(SHIPPED, tmp_path / "run", "--set", "planning.threads=1", "--set", "planning.method=reference"),
    )
