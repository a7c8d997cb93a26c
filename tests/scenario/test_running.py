"""Running scenarios: plans in order, reproducible to the last bit, tidy, comparable, and as expected."""

import filecmp
import json
import re
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from agr.domain.errors import InputError, TableError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.scenario.changes import changed
from agr.scenario.comparison import compare
from agr.scenario.day import play
from agr.scenario.expected import Expectation, disappointments, expectation
from agr.scenario.folder import read_scenario
from agr.scenario.record import open_run
from agr.scenario.rendering import run_tables, run_warnings
from agr.scenario.reports.page import report_html
from agr.scenario.running import parse_periods, run, run_name
from models.outcome import Termination
from tests.builders.solvers import Unasked

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def test_a_day_is_planned_as_the_daemon_does_first_plan_results_release(small_run):
    assert [s["step"] for s in small_run.steps] == ["1 first plan", "2 market results", "3 reservation update"]
    assert [s["audit"] for s in small_run.steps] == [[], [], []]
    positions = small_run.positions
    by_step = {step: rows["day_ahead_kw"].to_numpy() for step, rows in positions.groupby("step", observed=True)}
    assert (by_step["1 first plan"] == by_step["2 market results"]).all()  # fixed at the gate
    reserved = small_run.reservations.query("contract == 'FO-north-grid-1'").groupby("step", observed=True)
    assert reserved["reserved_kw"].min().tolist() == [-400, -400, -200]


def test_the_same_inputs_give_the_same_folder_to_the_last_bit(small, solver, tmp_path):
    few = changed(small, ["connections=6"])
    first, second = (run(few, solver=solver).save(tmp_path / name) for name in ("first", "second"))
    names = sorted(path.name for path in first.iterdir())
    same, different, unreadable = filecmp.cmpfiles(first, second, names, shallow=False)
    assert (different, unreadable) == (["log.json"], [])  # seconds
    assert "outcome.json" in same
    assert len(same) == 14


def test_outcome_json_says_what_it_came_from(small_run):
    outcome = small_run.outcome
    assert {"agr-optimizer", "highspy", "pyomo", "python"} <= outcome["versions"].keys()
    assert outcome["seed"] == 92
    assert outcome["inputs_sha256"]["tables/prices.csv"]
    last = outcome["steps"][-1]
    assert last["objective_eur"] <= last["bound_eur"]
    assert last["objective_eur"] == pytest.approx(sum(last["terms_eur"].values()))
    assert len(last["case_digest"]) == len(last["outcome_digest"]) == 64
    assert not last["ended_by_time_limit"]
    assert any(line.startswith("Model status") for line in last["solver_log"])
    assert len(small_run.log["solver_log"]) == 3
    assert "HiGHS run time" in "".join(small_run.log["solver_log"]["2026-03-29 1 first plan"])
    assert json.loads(json.dumps(outcome)) == outcome


def test_tables_are_tidy_and_agree_with_each_other(small_run):
    assert str(small_run.programs.index.tz) == "Europe/Amsterdam"
    final = small_run.final("programs")
    assert len(final) == 25 * 92
    assert set(final["class"]) == {"fixed_load", "generator", "battery", "ev_session", "heat_pump", "shiftable_run"}
    summed = final.groupby(["congestion_point", final.index], observed=True)["power_kw"].sum()
    points = small_run.final("points").set_index("congestion_point", append=True).swaplevel()["power_kw"]
    for (point, instant), power in points.items():
        assert summed.loc[point, instant] == pytest.approx(power, abs=1e-3)
    total = final.groupby(level=0)["power_kw"].sum()
    traded = small_run.final("positions")
    assert total.to_numpy() == pytest.approx(traded["total_kw"].to_numpy(), abs=1e-3)
    worth = small_run.final("terms")["value_eur"].sum()
    assert worth == pytest.approx(small_run.value_eur, abs=1e-6)
    called = small_run.final("points").dropna(subset=["called_kw"])
    assert (called["called_kw"] <= called["power_kw"] + called["reserved_kw"].clip(upper=0) + 1e-3)[
        called["reserved_kw"] < 0
    ].all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("fcr.price=+20%", "a+fcr_price_plus_20pc"),
        ("batteries=-3", "a+batteries_minus_3"),
        ("batteries=3", "a+batteries_3"),
        ("fcr.price=*1.5", "a+fcr_price_times_1_5"),
        ("contracts.FO-1.power_w==-5", "a+contracts_fo_1_power_w_set_minus_5"),
        ("without reservation:FO-north-grid-1", "a+without_reservation_fo_north_grid_1"),
    ],
)
def test_a_run_is_named_after_its_changes(change, name):
    assert run_name("a", [change]) == name


def test_notebooks_show_scenarios_and_runs_in_a_few_lines(small, small_run, tmp_path):
    assert repr(small).startswith("Scenario small-dst-day: 2026-03-29, 25 resources (")
    assert repr(changed(small, ["batteries=5"])).endswith("changed: batteries=5")
    worth = f"{small_run.value_eur:,.2f} EUR"
    assert repr(small_run).startswith(f"Run small-dst-day: 2026-03-29, 25 resources, 3 plans, {worth}")
    assert max(len(repr(small)), len(repr(small_run))) < 300
    assert small_run._repr_html_().count("<tr") == 3 + 2  # plans, and two lines of heads
    assert "availability" in compare([small_run, small_run])._repr_html_()


def test_a_run_reads_back_as_it_was_saved(small_run, tmp_path):
    back = open_run(small_run.save(tmp_path / "run"))
    assert back.outcome == small_run.outcome
    for name, frame in small_run.tables.items():
        pd.testing.assert_frame_equal(
            getattr(back, name), frame, check_freq=False, check_categorical=False, check_dtype=len(frame) > 0
        )


def test_saving_replaces_a_run_and_nothing_else(small_run, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something other than a run"):
        small_run.save(tmp_path / "precious")
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years of work"
    small_run.save(tmp_path / "run")
    (tmp_path / "run" / "old.txt").write_text("of the run before")
    small_run.save(tmp_path / "run")
    assert not (tmp_path / "run" / "old.txt").exists()


@pytest.mark.parametrize("name", ["winter-evening-peak"])
def test_days_run_one_after_another_with_states_carried_over(name, solver):
    scenario = read_scenario(SCENARIOS / name)
    made = run(scenario, solver=solver)
    assert disappointments(expectation(SCENARIOS / name), made.outcome) == []
    energy = made.final("programs").query("resource.str.startswith('bat-')")
    evening = energy[energy["period"] == "2024-12-11"].groupby("resource", observed=True)["energy_kwh"].last()
    units = {b.resource: b for b in scenario.register.of(Battery)}
    morning = energy[energy["period"] == "2024-12-12"].groupby("resource", observed=True)
    for name_, rows in morning:
        b, first = units[str(name_)], rows.iloc[0]
        kept = evening[name_] * (1 - b.loss_per_day) ** (0.25 / 24)
        up, down = max(first["power_kw"], 0) * b.charge_efficiency, max(-first["power_kw"], 0) / b.discharge_efficiency
        assert first["energy_kwh"] == pytest.approx(kept + 0.25 * (up - down), abs=1e-3)
    # every evening limit is kept, and where one binds a kW more is worth something
    points = made.final("points").dropna(subset=["import_limit_kw"])
    assert (points["power_kw"] <= points["import_limit_kw"] + 1e-3).all()
    binding = points["import_limit_eur_per_mwh"] > 1
    assert binding.any()
    assert points.loc[binding, "power_kw"].to_numpy() == pytest.approx(
        points.loc[binding, "import_limit_kw"].to_numpy(), abs=1e-3
    )


def test_switched_loads_run_as_their_needs_say_and_missed_hours_are_told(small, solver):
    few = changed(small, ["connections=2"])  # the day and its markets; what else is planned has tests of its own
    where = few.register.connections[0].address
    loads = (
        SwitchedLoad(resource="boiler", connection=where, power_kw=3.0, needs="00:00-06:00 2-3", min_run_minutes=60),
        SwitchedLoad(resource="broken", connection=where, power_kw=4.0, needs="00:00-00:30 1", min_rest_minutes=30,
                     initial_minutes=-15),
    )  # fmt: skip
    made = run(replace(few, register=few.register.with_table("switched_loads", loads)), solver=solver)
    assert [step["audit"] for step in made.steps] == [[], [], []]
    power = made.final("programs").query("`class` == 'switched_load'")
    on = {name: (rows["power_kw"] > 0).to_numpy() for name, rows in power.groupby("resource", observed=True)}
    hours = np.flatnonzero(on["boiler"]) / 4
    assert 8 <= len(hours) <= 12
    assert hours.max() < 5  # the day has no hour from 2 to 3
    assert (np.diff(np.flatnonzero(np.diff(np.r_[0, on["boiler"], 0]))[:2]) >= 4).all()
    unmanaged = power.query("resource == 'boiler'")["unmanaged_kw"].to_numpy()
    assert unmanaged.tolist() == [3.0] * 8 + [0.0] * 84
    # rest until 00:15, and 15 minutes of the window are left of the hour that is needed: 4 kW x 3/4 h are missed
    assert np.flatnonzero(on["broken"]).tolist() == [1]
    missing = made.final("shortfalls").query("subject == 'broken'")
    assert missing[["kind", "energy_kwh"]].to_numpy().tolist() == [["comfort unmet", pytest.approx(3.0)]]
    assert made.outcome["steps"][-1]["comfort_shortfall_kwh"] == pytest.approx(3.0)


def test_a_shipped_scenario_shows_what_it_must(small_run):
    expected = expectation(SCENARIOS / "small-dst-day")
    assert expected.figures
    assert disappointments(expected, small_run.outcome) == []


def test_what_is_not_as_expected_is_said(small_run):
    expected = Expectation.model_validate(
        {
            "figures": {
                "totals.objective_eur": {"at_most": 0},
                "steps.9.audit": {"equals": []},
                "seed": {"equals": 92},
            },
            "rises": [{"from": "totals.objective_eur", "to": "totals.objective_eur", "at_least": 1}],
        }
    )
    found = disappointments(expected, small_run.outcome)
    assert len(found) == 3
    assert "expected at most 0" in found[0]
    assert "steps.9.audit is None" in found[1]


def test_a_released_reservation_is_worth_what_the_comparison_says(small, small_run, remembering):
    kept = run(changed(small, (), ["event:1"]), solver=remembering)
    found = compare([kept, small_run])
    gain = small_run.value_eur - kept.value_eur
    assert found.value.loc["total"].diff().iloc[-1] == pytest.approx(gain)
    terms = found.value.drop(["total", "no flexibility", "flexibility"])
    assert terms.sum().diff().iloc[-1] == pytest.approx(gain, abs=0.02)
    point = "ea1.2024-01.example.north-grid:cp-002"
    a, b = (r.final("points").set_index("congestion_point")["power_kw"].loc[point] for r in (kept, small_run))
    row = found.changed.set_index("congestion_point").loc[point]
    assert row["isps"] == int((np.abs(a.to_numpy() - b.to_numpy()) > 1e-3).sum()) > 0
    assert found.peaks.loc[(point, "import"), small_run.name] == b.max()
    assert json.loads(json.dumps(found.json()))["runs"] == [kept.name, small_run.name]
    with pytest.raises(InputError, match="at least two"):
        compare([kept])


def test_equal_names_are_told_apart_and_other_days_are_said(small_run):
    other = replace(small_run, outcome={**small_run.outcome, "periods": ["2026-03-30"]})
    found = compare([small_run, small_run, other])
    assert found.runs == ("small-dst-day", "small-dst-day (2)", "small-dst-day (3)")
    assert found.changed.empty
    assert "only days in both are compared" in found.warnings[0]


def test_a_time_limit_that_ended_a_solve_is_said(small_run):
    steps = [{**step, "ended_by_time_limit": True, "termination": "time limit"} for step in small_run.steps]
    slow = replace(small_run, outcome={**small_run.outcome, "steps": steps})
    assert "depend on the machine's speed" in run_warnings(slow)[0]
    assert "time limit" in compare([small_run, slow]).warnings[0]


def test_a_run_without_a_proven_bound_is_told_and_kept_like_any_other(small, remembering, tmp_path):
    """A search may run out of time before it proves one. What reads JSON strictly must be able to read the run."""

    class Hurried(Unasked):
        def solve(self, case, reached=None):
            answer = remembering.solve(case)
            unproven = {"bound_eur": np.inf, "gap_eur": np.inf, "termination": Termination.TIME_LIMIT}
            return replace(answer, outcome=replace(answer.outcome, duals=None, **unproven))  # so it has no parts

    found = run(small, solver=Hurried())
    folder = found.save(tmp_path / "run")
    text = (folder / "outcome.json").read_text(encoding="utf-8")
    assert not {"Infinity", "NaN"} & set(re.findall(r"[A-Za-z]+", text))
    again = open_run(folder)
    assert {step["gap_eur"] for step in again.steps} == {again.outcome["totals"]["gap_eur"]} == {None}
    console = Console(width=120, record=True, file=StringIO())
    console.print(*run_tables(again))
    shown = console.export_text()
    assert "value of flexibility" in shown
    assert "inf" not in shown.split()
    assert "time limit" in run_warnings(again)[0]
    assert '"gap_eur":null' in report_html([again])
    (folder / "outcome.json").write_text(text.replace('"gap_eur": null', '"gap_eur": Infinity'), encoding="utf-8")
    assert open_run(folder).outcome == again.outcome  # earlier versions wrote it so
    assert compare([again, again])._repr_html_()


def test_periods_are_read_and_days_without_data_refused(small, solver):
    assert parse_periods("2026-03-29..2026-03-31", small)[-1] == Period(date(2026, 3, 31))
    for text, words in (("soon", "write 2025-01-20"), ("2026-03-29..2026-03-28", "before the first")):
        with pytest.raises(InputError, match=words):
            parse_periods(text, small)
    with pytest.raises(TableError, match=r"2026-03-30: small-dst-day has no forecasts of this day; it has 2026-03-29"):
        run(small, periods=parse_periods("2026-03-29..2026-03-30", small), solver=solver)


def test_a_table_that_is_not_there_says_which_are(small_run):
    with pytest.raises(AttributeError, match="'weather' is not a table of a run; known are programs"):
        _ = small_run.weather
    assert "programs" in dir(small_run)
    with pytest.raises(InputError, match="is not a readable run"):
        open_run(Path("/nonexistent"))


def test_ten_thousand_resources_are_there_and_a_part_of_them_runs_by_decomposition(solver):
    whole = read_scenario(SCENARIOS / "municipality-weekday")
    assert whole.resources >= 10_000
    assert whole.changes == ()  # they belong to the scenario
    assert len({c.address for c in whole.register.connections}) == 4320
    assert max(row.import_kw or 0 for row in whole.register.limits) == pytest.approx(14.3 * 13)
    part = changed(whole, ["connections=850", "limits.*.import_kw=*0.2"], ["event:1", "market:FCR"])
    first = next(play(part, (part.description.of,), solver))
    outcome, case = first.solved.outcome, first.solved.named.case
    assert outcome.solver.startswith("decomposition")
    assert first.findings == ()
    assert any(line.startswith("round ") for line in outcome.log)
    assert outcome.gap_eur <= 1e-3 * outcome.gross_cost_eur
    assert outcome.objective_eur - first.no_flexibility_eur > 500
    assert (outcome.point_kw[case.limits.point] <= case.limits.import_kw + 0.1).all()
