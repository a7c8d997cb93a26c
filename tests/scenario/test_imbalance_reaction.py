"""Reacting to imbalance prices: a day worked out by hand, what may not react, and that no plan foresees a price."""

from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.plan import ReasonKind
from agr.planning.case import Previous, Reaction, build
from agr.planning.case_audit import audit_case
from agr.planning.reaction import last_known, reacting, settled_prices
from agr.scenario.day import play
from agr.scenario.rendering import run_tables
from agr.scenario.running import run
from agr.settings import Markets
from tests.builders.case_inputs import PERIOD, inputs
from tests.builders.remembered import Remembering, by_method
from tests.builders.small_scenarios import CONNECTION, DAY, at, hourly, series, small_scenario

BATTERY = Battery(
    resource="battery", connection=CONNECTION, charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=100,
    end_kwh=0, charge_efficiency=1.0, discharge_efficiency=1.0, end_worth_eur_per_mwh=50,
)  # fmt: skip
IMBALANCE = hourly(50.0, (10, 13, -100.0), (15, 18, 250.0))
REACTION = {"on": True, "margin_eur_per_mwh": 20, "max_mw": 0.2, "max_eur_per_day": 1000}


@pytest.fixture(scope="module")
def remembering() -> Remembering:
    """Plan by the reference: the days have many plans, of one battery each."""
    return by_method("reference")


def day(points: bool = False, known: bool = True, **reaction: Any) -> Any:
    markets = {"intraday": {"depth_kw": 0}, "imbalance": {"reaction": REACTION | reaction}}
    made = small_scenario(
        BATTERY, prices=hourly(50.0), points=points, isp_minutes=60, markets=markets,
        planning={"rolling": {"every_minutes": 60}},
    )  # fmt: skip
    if not known:
        return made
    prices = [row for name in ("imbalance_shortage", "imbalance_surplus") for row in series(name, IMBALANCE, DAY)]
    return replace(made, register=replace(made.register, prices=(*made.register.prices, *prices)))


def test_a_battery_reacts_to_the_last_known_price(remembering: Any) -> None:
    """ISPs of an hour. At 11:00 the −100 of 10:00 is known, and 12:00 is the next ISP: 100 kWh are taken at −100.

    At 16:00, 250 is known: from 17:00 on, 100 kWh are given at 250; at 17:00 it still is, so that the last 100 kWh go
    at 18:00, for 50 only. 10 + 25 + 5 EUR, less 5 EUR that the 100 kWh of the morning are worth.
    """
    made = run(day(), solver=remembering)
    assert all(step["audit"] == [] for step in made.steps)
    told = made.outcome["reaction"]
    assert told["gain_eur"] == pytest.approx(10 + 25 + 5 - 5, abs=0.01)
    assert (told["worst"], told["worst_eur"]) == ([str(DAY)], pytest.approx(35.0, abs=0.01))
    assert any("has earned 35.00 EUR in 1 day" in str(part) for part in run_tables(made))


@pytest.mark.parametrize(
    "changed",
    [{"points": True}, {"max_mw": 0.199}, {"max_eur_per_day": 1.0}, {"margin_eur_per_mwh": 400}, {"on": False}],
    ids=["announced", "too large", "too dear", "margin", "off"],
)
def test_what_may_not_react_stays(changed: dict[str, Any], remembering: Any) -> None:
    scenario = day(**changed)
    steps = list(play(scenario, scenario.description.periods(), remembering))
    assert all(step.findings == () for step in steps)
    assert max(np.abs(step.solved.outcome.programs.storage_kw).max() for step in steps) == pytest.approx(0.0, abs=1e-6)


def test_no_plan_of_a_day_that_has_not_begun_foresees_an_imbalance_price(remembering: Any) -> None:
    scenarios = [day(known=known) for known in (True, False)]
    first, second = (
        list(takewhile(lambda step: step.at < at(0), play(one, one.description.periods(), remembering)))
        for one in scenarios
    )
    assert len(first) == len(second) == 2
    for knowing, blind in zip(first, second, strict=True):
        assert (knowing.solved.named.case.imbalance.short_eur_per_mwh == 1050.0).all()
        for name in ("short_eur_per_mwh", "long_eur_per_mwh"):
            mine, other = (getattr(step.solved.named.case.imbalance, name) for step in (knowing, blind))
            assert mine.tobytes() == other.tobytes()
        assert knowing.solved.outcome.day_ahead_kw.tobytes() == blind.solved.outcome.day_ahead_kw.tobytes()
        assert knowing.reasons[0].kind in (ReasonKind.FIRST_PLAN, ReasonKind.RESULTS)


def test_old_prices_tell_nothing_and_crossed_ones_are_their_mean() -> None:
    quoted = {"imbalance_shortage": (10.0, 20.0, None, None, None), "imbalance_surplus": (5.0, 30.0, 7.0, None, None)}
    prices = settled_prices(Markets(), quoted, PERIOD, 4)
    assert prices[:, :2].tolist() == [[10.0, 25.0], [5.0, 25.0]]
    assert np.isnan(prices[:, 2:]).all()
    assert last_known(prices, 3) == (25.0, 25.0)
    assert last_known(prices, 4) is None
    assert last_known(settled_prices(Markets(), quoted, PERIOD, 1), 3) is None


def test_the_audit_finds_a_reaction_that_may_not_be() -> None:
    markets = Markets.model_validate({"imbalance": {"reaction": REACTION}})
    battery = replace(BATTERY, connection="a")
    previous = Previous(programs_kw={"battery": np.zeros(96)}, positions={"day-ahead": np.zeros(96)})
    wide = np.full(96, np.nan)
    prices = {"day_ahead_forecast": (50.0,) * 96}
    now = replace(
        inputs(resources=(battery,), markets=markets, closed_isps=14, past_isps=10, previous=previous,
               fixed={"day-ahead": (0.0,) * 96}), prices=prices,
    )  # fmt: skip
    all_may = Reaction(first=11, short_eur_per_mwh=wide, surplus_eur_per_mwh=wide, resources=frozenset({"battery"}))
    wrong = replace(now, reaction=all_may)
    assert any("its congestion point is announced" in words for words in audit_case(wrong, build(wrong)))
    foreseen = wide.copy()
    foreseen[11] = -500.0
    seen = replace(now, reaction=Reaction(first=11, short_eur_per_mwh=foreseen, surplus_eur_per_mwh=foreseen))
    assert any("imbalance: -500.00" in words for words in audit_case(seen, build(seen)))
    early = replace(seen, closed_isps=0)
    assert any("a day that does not run" in words for words in audit_case(early, build(early)))
    assert reacting(now, None, PERIOD.start, []).reaction is None
