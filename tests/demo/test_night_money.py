"""What the demo's cars cost by doing otherwise, and what planning again saves: worked out by hand."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agr.demo.night_money import money_of
from agr.domain.dispatch import SessionState
from agr.domain.register import Connection, Register
from agr.store.charge_sessions import ChargeSession
from models.method import Method, solve
from tests.builders.case_inputs import PERIOD, at, ev
from tests.builders.small_scenarios import small_scenario

CAR = ev(at(0), at(8), energy_kwh=24.0)
CARS = Register(connections=(Connection(address="a", first_day=date(2026, 1, 1)),), resources=(CAR,))
PLANNED = {"ev": np.where((np.arange(96) >= 8) & (np.arange(96) < 20), 8.0, 0.0)}
"""8 kW from 02:00 to 05:00: 24 kWh."""
SETTINGS = small_scenario(markets={"intraday": {"depth_kw": 1000, "spread_eur_per_mwh": 16.0}}).description


class Alone:
    """A solver in this process."""

    @staticmethod
    def solve(case: Any, _reached: Any = None) -> Any:
        return SimpleNamespace(outcome=solve(case, method=Method.REFERENCE))


def session(**more: Any) -> ChargeSession:
    return replace(
        ChargeSession(
            road="csms", station="S", transaction="1", charge_point="pole", resource="ev", began_at=at(0),
            ended_at=None, seen_at=at(0), state=SessionState.CHARGING,
        ),
        **more,
    )  # fmt: skip


def money(*sessions: ChargeSession) -> Any:
    prices = {"day_ahead_forecast": (50.0,) * 96}
    return money_of(CARS, sessions, PLANNED, {}, prices, SETTINGS, Alone(), PERIOD, at(6))  # type: ignore[arg-type]


def test_a_car_that_leaves_early_costs_imbalance_which_planning_again_trades_away() -> None:
    """It leaves at 02:00 before it has charged: 24 kWh at 78 EUR/MWh are 1.87 EUR.

    At 02:05 the ISPs from 03:15 on are open, 7 · 2 kWh: sold 8 EUR/MWh below the day-ahead price, not 78: 0.98 EUR.
    """
    found = money(session(ended_at=at(2), first_register_wh=0.0, last_register_wh=0.0))
    assert found.cost_eur == pytest.approx(0.024 * 78, abs=1e-4)
    assert found.saved_eur == pytest.approx(0.014 * 70, abs=1e-4)
    assert found.words() == (
        "deviating costs 1.87 EUR if the plan is kept; planning the rest again at 02:05 saves 0.98 EUR of it"
    )


def test_an_unplanned_car_costs_too_and_nothing_is_saved_where_nobody_left() -> None:
    stranger = session(transaction="2", resource=None, first_register_wh=1000.0, last_register_wh=11_000.0)
    found = money(session(), stranger)
    assert (found.cost_eur, found.saved_eur) == (pytest.approx(0.01 * 78, abs=1e-4), 0.0)
    assert found.words() == "deviating costs 0.78 EUR if the plan is kept"
