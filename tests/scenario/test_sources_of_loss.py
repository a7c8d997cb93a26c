"""What a day lacks to foresight, by source: against calculations that share nothing with plans."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from agr.connectors.actuals import ActualRow
from agr.connectors.session_table import SessionRow
from agr.domain.charge_point import ChargePoint
from agr.domain.errors import PlanError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.register import ConnectionLimit
from agr.forecasting import Observed, days_of, model
from agr.forecasting.sessions import Session
from agr.forecasting.storage_value import worth
from agr.scenario.backtesting import backtest
from agr.scenario.day import play
from agr.scenario.past import PastData
from agr.scenario.rendering import run_tables
from agr.scenario.reports.page import report_html
from agr.scenario.running import run
from agr.scenario.scenario import Scenario
from tests.builders.remembered import Remembering, by_method
from tests.builders.small_scenarios import CONNECTION, DAY, POINT, at, hourly, series, small_scenario

BATTERY = Battery(
    resource="battery", connection=CONNECTION, charge_kw=1000, discharge_kw=1000, capacity_kwh=2000, initial_kwh=1000,
    end_kwh=1000, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=3,
)  # fmt: skip
"""The battery of reference of agr.forecasting.storage_value."""
CAME = [40.0 + 30.0 * np.sin(h / 24 * 4 * np.pi + 1) + 5.0 * (h % 5) for h in range(24)]
FORECAST = [50.0 + 35.0 * np.sin(h / 24 * 4 * np.pi) + 0.37 * (7 * h % 24) for h in range(24)]
SOURCES = ["price_error_eur", "load_session_error_eur", "gates_eur"]


@pytest.fixture(scope="module")
def remembering() -> Remembering:
    """Plan by the reference, exactly: what is compared with plans is exact, too."""
    return by_method("reference")


def a_past(name: str, values: Any, days: int = 40, minutes: int = 60, until: date = DAY) -> dict[str, Any]:
    """Return a series of the days before one: `values(day number, slot)`."""
    rows, first = [], until - timedelta(days=days)
    for number in range(days):
        for slot, start in enumerate(Period(first + timedelta(days=number), isp_minutes=minutes).starts()):
            one = Observed(start=start, minutes=minutes, value=float(values(number, slot)))
            rows.append(ActualRow(line=0, series=name, observed=one, received_at=None))
    return {name: tuple(rows)}


def test_the_price_error_is_what_a_battery_loses_by_the_forecast(remembering: Any) -> None:
    scenario = small_scenario(BATTERY, names=("day_ahead",), prices=CAME, isp_minutes=60, points=False)
    wrong = series("day_ahead_forecast", FORECAST, DAY)
    scenario = replace(scenario, register=replace(scenario.register, prices=(*scenario.register.prices, *wrong)))
    row = backtest(scenario, solver=remembering).days.iloc[0]
    money = worth(np.array([FORECAST]), np.array([CAME]))
    assert row["plan_eur"] == pytest.approx(money.earned_eur, abs=0.02)
    assert row["price_error_eur"] == pytest.approx(money.foresight_eur - money.earned_eur, abs=0.02)
    assert row["price_error_eur"] > 10
    assert row[["load_session_error_eur", "gates_eur"]].tolist() == pytest.approx([0, 0], abs=0.02)
    assert row[SOURCES].sum() == pytest.approx(row["forecast_eur"])


def own(scenario: Scenario, past: dict[str, Any], **chosen: Any) -> Scenario:
    described = type(scenario.description).model_validate(
        scenario.description.model_dump() | {"forecasts": {"history": ["history.csv"], "model": "alike days"} | chosen}
    )
    return replace(scenario, description=described, past=PastData(series=past))


def test_a_day_is_played_on_forecasts_made_as_of_it_and_what_came_later_changes_no_bit(remembering: Any) -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 6, (42, 24))
    past = a_past("day_ahead", lambda n, h: FORECAST[h] + noise[n, h])
    scenario = small_scenario(BATTERY, names=("day_ahead",), prices=CAME, isp_minutes=60, points=False)
    steps = list(play(own(scenario, past), (scenario.description.of,), remembering))
    note = "day_ahead_forecast: 24 of 24 ISPs are not given; forecast 1 by alike days stands in, made 2026-06-09 07:00"
    assert note in steps[0].notes
    known = days_of([row.observed for row in past["day_ahead"]], "Europe/Amsterdam", 60)
    expected = model("alike days").fit(known, 1)(known, 1)
    made = steps[0].solved.named.case.day_ahead.price_eur_per_mwh
    assert made == pytest.approx(expected)
    assert steps[-1].solved.named.case.day_ahead.price_eur_per_mwh == pytest.approx(CAME)
    row = backtest(own(scenario, past), solver=remembering).days.iloc[0]
    money = worth(expected[None], np.array([CAME]))
    assert row["price_error_eur"] == pytest.approx(money.foresight_eur - money.earned_eur, abs=0.02)
    made_run = run(own(scenario, past), solver=remembering)
    told = made_run.outcome["forecasts"]
    assert told["series"][0]["mae"] == pytest.approx(np.abs(expected - CAME).mean())
    assert told["days"][0]["price_error_eur"] == row["price_error_eur"]
    said = "".join(str(line) for line in run_tables(made_run))
    assert "made with 1 forecast of our own" in said
    assert '"price_error_eur":' in report_html([made_run])
    # prices of the day itself, and of the history what was published later, are not seen by the first plan
    other = small_scenario(BATTERY, names=("day_ahead",), prices=CAME[::-1], isp_minutes=60, points=False)
    late = a_past(
        "day_ahead",
        lambda n, h: 999.0 if n >= 40 else FORECAST[h] + noise[n, h],
        days=42,
        until=DAY + timedelta(days=2),
    )
    late["day_ahead"] = past["day_ahead"] + tuple(
        r for r in late["day_ahead"] if r.observed.start >= scenario.description.of.start
    )
    again = next(iter(play(own(other, late), (scenario.description.of,), remembering)))
    assert again.solved.named.case.day_ahead.price_eur_per_mwh.tobytes() == made.tobytes()
    assert again.solved.outcome.day_ahead_kw.tobytes() == steps[0].solved.outcome.day_ahead_kw.tobytes()


def test_loads_and_sun_that_came_otherwise_cost_their_imbalance(remembering: Any) -> None:
    """100 kW were expected and 130 came from 10 to 12; 50 kW of sun, and 80. Bought at 50, imbalance at its price."""
    usual = {"load": lambda _n, _s: 100.0, "sun": lambda _n, _s: -50.0}
    past = {k: v for name, values in usual.items() for k, v in a_past(f"power_kw {name}", values).items()}
    scenario = small_scenario(
        FixedLoad(resource="load", connection=CONNECTION), Generator(resource="sun", connection=CONNECTION),
        isp_minutes=60, points=False, markets={"intraday": {"depth_kw": 0}},
    )  # fmt: skip
    load, sun = np.full(24, 100.0), np.full(24, -50.0)
    load[10:12], sun[13] = 130.0, -80.0
    came = {DAY: {("load", "power_kw"): load, ("sun", "power_kw"): sun}}
    scenario = own(replace(scenario, forecasts=came), past)
    row = backtest(scenario, solver=remembering).days.iloc[0]
    imbalance = scenario.description.markets.imbalance
    step = list(play(scenario, (scenario.description.of,), remembering))[-1]
    assert any("the power of 2 resources is not given" in words for words in step.notes)
    case = step.solved.named.case
    short, long = case.imbalance.short_eur_per_mwh[10], case.imbalance.long_eur_per_mwh[13]
    lost = 0.06 * (short - 50.0) + 0.03 * (50.0 + long)
    assert row["load_session_error_eur"] == pytest.approx(lost, abs=0.02), imbalance
    assert row[["price_error_eur", "gates_eur"]].tolist() == pytest.approx([0, 0], abs=0.02)
    assert row["plan_eur"] == pytest.approx(row["foresight_eur"] - lost, abs=0.02)


def test_a_roof_that_was_curtailed_gives_no_more_than_the_sun_that_came(remembering: Any) -> None:
    """Of 50 kW expected, 30 may be fed in; of the hour from 13 only 10 came: 20 kWh of what was sold are short."""
    past = a_past("power_kw sun", lambda _n, _s: -50.0)
    scenario = small_scenario(
        Generator(resource="sun", connection=CONNECTION), isp_minutes=60, points=False,
        markets={"intraday": {"depth_kw": 0}},
    )  # fmt: skip
    fuse = ConnectionLimit(
        at=CONNECTION, first_day=date(2026, 1, 1), import_kw=None, export_kw=30, penalty_eur_per_mwh=1000
    )
    sun = np.full(24, -50.0)
    sun[13] = -10.0
    register = replace(scenario.register, connection_limits=(fuse,))
    scenario = own(replace(scenario, register=register, forecasts={DAY: {("sun", "power_kw"): sun}}), past)
    row = backtest(scenario, solver=remembering).days.iloc[0]
    step = list(play(scenario, (scenario.description.of,), remembering))[-1]
    lost = 0.02 * (step.solved.named.case.imbalance.short_eur_per_mwh[13] - 50.0)
    assert row["load_session_error_eur"] == pytest.approx(lost, abs=0.001)
    assert row["foresight_eur"] == pytest.approx((23 * 0.03 + 0.01) * 50.0, abs=0.001)


def test_forecasts_finer_than_isps_stand_in_as_the_mean_of_each_and_are_compared_with_what_came(
    remembering: Any,
) -> None:
    past = a_past("day_ahead", lambda _n, slot: CAME[slot // 4] + slot % 4, minutes=15)
    scenario = own(small_scenario(BATTERY, names=("day_ahead",), prices=CAME, isp_minutes=60, points=False), past)
    first = next(iter(play(scenario, (scenario.description.of,), remembering)))
    assert first.solved.named.case.day_ahead.price_eur_per_mwh == pytest.approx(np.array(CAME) + 1.5)
    told = run(scenario, solver=remembering).outcome["forecasts"]["series"]
    assert told[0]["mae"] == pytest.approx(1.5)


def test_what_cannot_be_forecast_is_said_before_anything_is_planned(remembering: Any) -> None:
    scenario = small_scenario(BATTERY, names=("day_ahead",), prices=CAME, isp_minutes=60, points=False)
    short = own(scenario, a_past("day_ahead", lambda _n, h: CAME[h], days=5))
    with pytest.raises(PlanError, match=r"day_ahead cannot be forecast for 2026-06-10: only 5 days are known; 14 are"):
        run(short, solver=remembering)


POLE = ChargePoint(
    charge_point="pole", connection=CONNECTION, road="csms", station="S", max_kw=20.0, protocol="2.0.1"
)  # fmt: skip


def with_cars(*cars: EvSession, booked: tuple[str, ...] = ()) -> Scenario:
    """Return a day of a pole where on every day before a car came at 8:30 for 4 h and took 10 kWh; 11:00 is cheap."""
    scenario = small_scenario(
        *cars, names=("day_ahead",), prices=hourly(50.0, (11, 12, 30.0)), isp_minutes=60,
        planning={"sessions": {"stand_in": True}, "rolling": {"session_kwh": 5}},
    )  # fmt: skip
    arrivals = [at(8, 30, day=DAY - timedelta(days=back)) for back in range(30, 0, -1)]
    rows = [
        SessionRow(
            line=0, group=POINT,
            session=Session(arrival=arrival, departure=arrival + timedelta(hours=4), energy_kwh=10.0),
        )
        for arrival in arrivals
    ]  # fmt: skip
    described = type(scenario.description).model_validate(
        scenario.description.model_dump() | {"forecasts": {"sessions": "sessions.csv", "booked": booked}}
    )
    return replace(
        scenario, description=described, past=PastData(sessions={POINT: tuple(rows)}),
        register=replace(scenario.register, charge_points=(POLE,)),
    )  # fmt: skip


def car(name: str, hour: int, kwh: float) -> EvSession:
    return EvSession(
        resource=name, connection=CONNECTION, arrival=at(hour), departure=at(hour + 4), energy_kwh=kwh, charge_kw=20.0,
        charge_point="pole",
    )  # fmt: skip


def test_expected_sessions_are_planned_until_others_come_and_what_came_is_counted(remembering: Any) -> None:
    """10 kWh are bought at 30 for 11:00. At 9:00 another car comes and takes 20: 10 kWh are short. Foresight: 20 at 30.

    The D-Prognosis of the day before has the expected car; the plan after 9:00 the real one.
    """
    scenario = with_cars(car("real", 9, 20.0))
    first, *_, last = play(scenario, (scenario.description.of,), remembering)
    assert first.notes[-1].startswith("1 expected session stands in for those that are not known yet, 10 kWh")
    assert first.solved.outcome.point_kw[0] == pytest.approx(np.eye(24)[11] * 10, abs=1e-3)
    assert last.reasons[0].text == "real has come"
    assert last.solved.outcome.point_kw[0].sum() == pytest.approx(20, abs=1e-3)
    other = with_cars(car("other", 15, 3.0))
    blind = next(iter(play(other, (other.description.of,), remembering)))
    assert blind.solved.outcome.point_kw.tobytes() == first.solved.outcome.point_kw.tobytes()
    row = backtest(scenario, solver=remembering).days.iloc[0]
    short = last.solved.named.case.imbalance.short_eur_per_mwh[11]
    assert row["foresight_eur"] == pytest.approx(-0.02 * 30, abs=1e-3)
    assert row["load_session_error_eur"] == pytest.approx(0.01 * (short - 30), abs=1e-3)
    assert row["price_error_eur"] == row["gates_eur"] == pytest.approx(0, abs=1e-3)


def test_a_car_that_is_booked_and_what_is_expected_beside_it_are_one_prognosis(remembering: Any) -> None:
    scenario = with_cars(car("real", 9, 20.0), car("booked", 18, 8.0), booked=("booked",))
    first = next(iter(play(scenario, (scenario.description.of,), remembering)))
    assert "1 known session takes the place of expected ones" in first.notes
    assert first.solved.outcome.point_kw.sum() == pytest.approx(8.0, abs=1e-3)  # one car is expected in all
    nobody = with_cars()
    row = backtest(nobody, solver=remembering).days.iloc[0]
    long = first.solved.named.case.imbalance.long_eur_per_mwh[11]
    assert row["foresight_eur"] == pytest.approx(0, abs=1e-3)
    assert row["load_session_error_eur"] == pytest.approx(0.01 * (30 + long), abs=1e-3)
    with pytest.raises(ValidationError, match=r"needs planning\.sessions\.stand_in: true"):
        type(scenario.description).model_validate(
            scenario.description.model_dump() | {"planning": {"sessions": {"stand_in": False}}}
        )
