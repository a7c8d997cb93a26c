"""A scenario's DSO requests flexibility: it is offered at its cost, ordered by its rule, kept by plans and paid."""

import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from rich.table import Table

from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.scenario.changes import changed
from agr.scenario.comparison import compare
from agr.scenario.description import Description, DsoRequest
from agr.scenario.folder import read_scenario
from agr.scenario.rendering import run_tables
from agr.scenario.reports.page import report_html
from agr.scenario.running import run
from agr.scenario.scenario import Scenario
from agr.scenario.sweeping import read_grid, sweep
from tests.builders.remembered import Remembering, by_method
from tests.builders.small_scenarios import CONNECTION, DAY, POINT, hourly, small_scenario

PERIOD = Period(DAY)
PROJECT = Path(__file__).parents[2]
NIGHT = {"window_start": "02:00", "window_end": "04:00", "power_mw": -0.02}


DOCUMENT = PROJECT / "docs" / "reference" / "scenarios.md"


@pytest.fixture(scope="module")
def solver() -> Remembering:
    """Plan by the reference: what a plan is worth was worked out by hand, and many begin alike."""
    return by_method("reference")


def documented() -> "tuple[dict[str, object], list[str]]":
    """Return the event of the documentation, and the words of the command after it."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("### Requests of flexibility")[2].partition("### ")[0]
    (event,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])["events"]
    return event, shlex.split(re.findall(r"```console\n\$ (.*?)```", text, re.DOTALL)[0])


def test_the_documented_request_is_one_and_what_is_too_dear_is_not_ordered(solver):
    """It is read beside the shipped day's other event; in a small world it is offered and, at 300 EUR/MWh, ordered."""
    event, words = documented()
    shipped = read_scenario(PROJECT / "scenarios" / words[2])
    described = shipped.description.model_dump(mode="json", exclude_unset=True)
    first, *others = described["events"]
    assert {name: first[name] for name in ("kind", "congestion_point", "power_mw")} == {
        name: event[name] for name in ("kind", "congestion_point", "power_mw")
    }
    (read, *_) = Description.model_validate({**described, "events": [event, *others]}).events
    assert isinstance(read, DsoRequest)
    assert read.order_share == 1
    (grid, change) = (words[words.index(name) + 1] for name in ("--grid", "--set"))
    for price in read_grid([grid])["trading.margin_share"]:
        told = changed(shipped, [change, f"trading.margin_share={price}"]).description
        (request, *_) = told.events
        assert isinstance(request, DsoRequest)
        assert (request.pays_eur_per_mwh, told.trading.margin_share) == (100.0, float(price))
    mine = {name: value for name, value in event.items() if name not in ("kind", "at", "congestion_point", "contract")}
    for pays, is_ordered in ((event["pays_eur_per_mwh"], True), (0.001, False)):
        (sold,) = run(world(**mine | {"pays_eur_per_mwh": pays}), solver=solver).outcome["sold"]
        assert sold["asked_mwh"] == pytest.approx(0.2 * 1.5)
        assert sold["offered_mwh"] > 0
        assert (sold["ordered_mwh"] > 0) == is_ordered, sold["note"]


def world(**request: object) -> Scenario:
    """Return a battery of 50 kW that charges in the cheap hours from 2 to 4 and is empty in the evening."""
    battery = Battery(
        resource="battery", connection=CONNECTION, charge_kw=50, discharge_kw=50, capacity_kwh=100, initial_kwh=0,
        end_kwh=0, charge_efficiency=1.0, discharge_efficiency=1.0, wear_eur_per_mwh=0, end_worth_eur_per_mwh=0,
    )  # fmt: skip
    event = {
        "kind": "flex_request", "at": PERIOD.start - timedelta(hours=9), "congestion_point": POINT, **NIGHT, **request,
    }  # fmt: skip
    return small_scenario(
        battery, prices=hourly(50.0, (2, 4, 10.0), (18, 20, 90.0)), events=[event],
        trading={"margin_share": 0.0, "margin_eur": 1.0, "sell_share": 1.0},
        markets={"intraday": {"depth_kw": 200.0, "spread_eur_per_mwh": 2.0}}, stay_eur_per_mwh=0.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ordered(solver):
    return run(world(), solver=solver)


def test_what_is_ordered_costs_what_the_deviation_costs_and_is_earned(ordered):
    """40 kWh are sold again at 9 EUR/MWh and bought at 51 instead: 1.68 EUR; the margin is 1 EUR."""
    (sold,) = ordered.outcome["sold"]
    assert sold["asked_mwh"] == sold["offered_mwh"] == sold["ordered_mwh"] == pytest.approx(0.04)
    assert sold["offered_eur"] == sold["ordered_eur"] == pytest.approx(2.68, abs=0.0101)
    assert sum(sold["costs_eur"].values()) == pytest.approx(sold["offered_eur"])
    before, after = ordered.steps[-2:]
    assert after["step"] == "3 flex order"
    assert after["terms_eur"]["flexibility sold"] == sold["ordered_eur"]
    assert after["objective_eur"] - before["objective_eur"] == pytest.approx(1.0, abs=0.0101)
    assert after["no_flexibility_eur"] == pytest.approx(before["no_flexibility_eur"])
    night = ordered.final("points").query("7 < isp < 17")
    assert night["power_kw"].iloc[1:-1].max() <= 30.0 + 1e-3


def test_ordered_money_is_paid_by_a_counterparty_to_the_cent(ordered):
    cash = ordered.outcome["cash"]
    assert cash["findings"] == []
    assert cash["reported_eur"] == pytest.approx(ordered.value_eur)
    sold = ordered.outcome["sold"][0]["ordered_eur"]
    without = sum(v for k, v in ordered.outcome["totals"]["terms_eur"].items() if k != "flexibility sold")
    assert ordered.value_eur == pytest.approx(without + sold)


@pytest.mark.parametrize(
    ("request_of", "note", "ordered_mwh"),
    [
        ({"pays_eur_per_mwh": 60.0}, "not ordered: dearer than 60 EUR/MWh", 0.0),
        ({"order_share": 0.0}, "not ordered: the DSO orders nothing", 0.0),
        ({"order_share": 0.5}, "", 0.02),
        ({"power_mw": 0.02}, "no offer: ", 0.0),  # it charges with all its power then
        ({"at": PERIOD.start - timedelta(hours=20)}, "no offer: there is no plan for 2026-06-10", 0.0),
        ({"at": PERIOD.start - timedelta(hours=15)}, "no offer: no D-Prognosis of ours", 0.0),
    ],
)
def test_the_rule_of_the_event_decides_and_says_why(solver, request_of, note, ordered_mwh):
    found = run(world(**request_of), solver=solver)
    (sold,) = found.outcome["sold"]
    assert sold["note"].startswith(note)
    assert bool(sold["note"]) == bool(note)
    assert sold["ordered_mwh"] == pytest.approx(ordered_mwh)
    assert found.outcome["totals"]["terms_eur"].get("flexibility sold", 0.0) == pytest.approx(sold["ordered_eur"])
    assert (sold["ordered_eur"] > 0) == (ordered_mwh > 0)


def test_a_request_is_changed_and_removed_like_everything_else(ordered, solver):
    dear = changed(world(), ["events.1.power_mw=*0.5", "events.*.pays_eur_per_mwh=50", "trading.margin_eur=0"])
    (event, *_) = dear.description.events
    assert isinstance(event, DsoRequest)
    assert (event.power_mw, event.pays_eur_per_mwh, dear.description.trading.margin_eur) == (-0.01, 50.0, 0)
    with pytest.raises(InputError, match=r"an event of kind flex_request has no keep_share"):
        changed(world(), ["events.1.keep_share=0"])
    with pytest.raises(InputError, match="give the deviation that the DSO requests"):
        changed(world(), ["events.1.power_mw=0"])
    gone = run(changed(world(), (), ["event:1"]), solver=solver)
    assert "sold" not in gone.outcome
    value = compare([gone, ordered]).value
    assert value.loc["flexibility sold"].to_numpy().tolist()[-1] == ordered.outcome["sold"][0]["ordered_eur"]


def test_the_terminal_and_the_report_show_what_was_sold(ordered):
    tables = [one for one in run_tables(ordered) if isinstance(one, Table) and one.title == "Flexibility for DSOs"]
    assert [table.row_count for table in tables] == [1]
    page = report_html([ordered])
    assert '"sold":[' in page
    assert "Flexibility for DSOs" in page


def test_a_sweep_says_what_would_have_been_earned_with_another_margin(solver):
    """40 kWh cost 1.68 EUR: with 1 EUR of margin 67 EUR/MWh, with twice the cost on top 151, where 100 is paid."""
    found = sweep(
        world(), read_grid(["trading.margin_share=0,2", "events.1.pays_eur_per_mwh=100"]), workers=1, solver=solver
    )
    assert found.failed == 0
    assert found.table["flexibility_sold_eur"].tolist() == pytest.approx([2.68, 0.0], abs=0.0101)
    earned = found.table["objective_eur"]
    assert earned.iloc[0] - earned.iloc[1] == pytest.approx(1.0, abs=0.0101)
