"""An outcome is refused for every other case than its own."""

import numpy as np
import pytest

from models.case import Direction
from models.reference.problem import solve
from tests.models.audited import add, edited, found, world


@pytest.fixture(scope="module")
def case():
    return world()


@pytest.fixture(scope="module")
def outcome(case):
    return solve(case, time_limit_s=600)


def scaled(factor):
    return lambda values: values * factor


APART = add((slice(None), 0), np.array([-1.0, 1.0]))


def set_to(value):
    return lambda values: np.full_like(values, value)


CASE = {
    "isp_hours": (scaled(2), "energy does not follow"),
    "fixed.program_kw": (add((0, 0), 1.0), "point_kw is not the sum of its units by 1 kW"),
    "curtailable.forecast_kw": (scaled(0.5), "produces more than forecast"),
    "curtailable.cost_eur_per_mwh": (scaled(2), "terms_eur curtailment"),
    "curtailable.reserve_kw": (scaled(0), "headroom is beyond its reserve_kw"),
    "curtailable.pinned_kw": (set_to(-1.0), "leaves its pinned program"),
    "storage.charge_kw": (scaled(0.1), "charges above its limit"),
    "storage.charge_min_kw": (set_to(1e3), "charges below its minimum"),
    "storage.discharge_kw": (scaled(0.1), "discharges above its limit"),
    "storage.charge_efficiency": (scaled(0.9), "energy does not follow"),
    "storage.discharge_efficiency": (scaled(0.9), "energy does not follow"),
    "storage.retention": (scaled(0.99), "energy does not follow"),
    "storage.energy_min_kwh": (lambda low: low + 1, "energy is below its band"),
    "storage.energy_max_kwh": (lambda high: np.where(high == 150, 80.0, high), "energy is above its band"),
    "storage.energy_start_kwh": (lambda start: start + 1, "ISP 1: energy does not follow"),
    "storage.demand_kwh": (lambda demand: demand + 1, "energy does not follow from its power by 1 kWh"),
    "storage.wear_eur_per_kwh": (scaled(2), "terms_eur wear"),
    "storage.end_value_eur_per_kwh": (scaled(2), "terms_eur stored energy"),
    "storage.shortfall_eur_per_kwh": (scaled(2), "comfort shortfall"),
    "storage.reserve_kw": (scaled(0), "headroom is beyond its reserve_kw"),
    "storage.pinned_kw": (set_to(1.0), "leaves its pinned program"),
    "shiftable.profile_kw": (lambda kw: kw + 1, "point_kw is not the sum of its units"),
    "limits.import_kw": (lambda kw: kw - 50, "beyond its import limit"),
    "limits.export_kw": (lambda kw: kw + 100, "beyond its export limit"),
    "limits.penalty_eur_per_mwh": (scaled(2), "terms_eur limit breach"),
    "reservations.reserved_kw": (scaled(10), "for what is reserved"),
    "reservations.penalty_eur_per_mwh": (scaled(2), "terms_eur reservation shortfall"),
    "reservations.availability_eur_per_mw_h": (scaled(2), "terms_eur availability"),
    "day_ahead.price_eur_per_mwh": (scaled(2), "terms_eur day-ahead"),
    "day_ahead.max_buy_kw": (scaled(0), "day-ahead buys beyond its limit"),
    "day_ahead.max_sell_kw": (scaled(0), "day-ahead sells beyond its limit"),
    "day_ahead.product": (scaled(0), "differs within its product"),
    "intraday.buy_eur_per_mwh": (scaled(2), "terms_eur intraday"),
    "intraday.buy_depth_kw": (scaled(0), "intraday buys beyond its depth"),
    "intraday.sell_depth_kw": (scaled(0), "intraday sells beyond its depth"),
    "balancing_groups.day_ahead_kw": (
        APART,
        "itself, ISP 1: day-ahead position is not what is committed by 1 kW",
    ),
    "balancing_groups.intraday_kw": (APART, "group itself, ISP 1: intraday position is not what is committed by 1 kW"),
    "balancing_groups.traded_kw": (APART, "group itself, ISP 1: balance: the positions and imbalance are not"),
    "balancing_groups.max_buy_kw": (scaled(0), "day-ahead buys beyond its share"),
    "balancing_groups.sell_depth_kw": (scaled(0), "intraday sells beyond its depth"),
    "balancing_groups.of_units.1": (lambda of: 1 - of, "balance: the positions and imbalance are not"),
    "anchor.eur_per_mwh": (scaled(2), "terms_eur prognosis change"),
    "anchor.point_kw": (scaled(2), "terms_eur prognosis change"),
    "reserves.0.price_eur_per_mw": (scaled(2), "terms_eur capacity fcr"),
    "reserves.0.minimum_mw": (lambda _: 5.0, "bid is below the minimum"),
    "reserves.0.step_mw": (lambda _: 0.7, "no multiple of the step"),
    "reserves.0.max_mw": (scaled(0), "bid is beyond the depth"),
    "reserves.0.block": (set_to(-1), "bid for a block without ISPs"),
    "reserves.1.committed_mw": (lambda mw: mw + 0.01, "bid is not what is committed by 0.01 MW"),
    "reserves.1.sustain_h": (lambda _: 9.0, "up headroom is beyond its energy: called from here on"),
    "reserves.2.sustain_h": (lambda _: 9.0, "down headroom is beyond its energy: called from here on"),
    "reserves.2.shortfall_eur_per_mwh": (scaled(2), "terms_eur reserve shortfall"),
    "switched.on_kw": (scaled(2), "point_kw is not the sum of its units"),
    "switched.start_eur": (scaled(2), "terms_eur starts"),
    "switched.min_run": (set_to(99), "is switched too soon"),
    "switched.window_end": (set_to(0), "is on outside its windows"),
    "switched.least_on": (set_to(10), "terms_eur comfort shortfall"),
    "reserves.1.direction": (lambda _: Direction.DOWN, "does not take it"),
}


@pytest.mark.parametrize("path", CASE)
def test_the_outcome_of_another_case_fails(case, outcome, path):
    change, words = CASE[path]
    found(edited(case, path, change), outcome, words)
