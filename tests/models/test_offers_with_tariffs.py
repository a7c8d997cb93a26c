"""What customers pay more for an offer is part of its price: by hand, and against an independent statement."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.case import NO_POINT, UNIT_CLASSES, Fixed
from models.flexibility.excerpt import excerpt
from models.flexibility.pricing import price
from models.flexibility.question import Question
from models.part import divisible, subproblem
from tests.models.builders import limit, paying
from tests.models.offers import ISPS, battery, planned, point_case, room
from tests.models.oracle import best_value

EVENING = {"requested": [0, 1, 0, 0], "least": [0, -4, -20, -20], "most": [0, 0, 20, 20]}
SPREAD_EUR = 4 * (35 - 25) / 1000
"""Sold in the second ISP, bought back in the third."""
HALF_W_EUR = 1e-4


def asked(case, plan, asked_room, point=0, **more):
    at, nothing = np.array([point]), np.zeros(ISPS)
    assert divisible(case, at, tariffs=True)
    return price(Question(
        part=subproblem(case, plan, at, tariffs=True), planned=excerpt(case, plan, at), room=asked_room,
        threads=1, buy_taken_kw=nothing, sell_taken_kw=nothing, **more,
    ))  # fmt: skip


def home(import_eur, export_eur, point=0):
    return {"import_eur": import_eur, "export_eur": export_eur, "point": point}


@pytest.mark.parametrize("point", [0, 1])
def test_a_customer_that_earns_less_with_export_than_import_costs_adds_the_difference(point):
    """The battery alone is behind its connection: it gives 4 kWh for 50 EUR/MWh and takes them back for 200."""
    units = [battery(point=p) for p in range(2)]
    case, plan = planned(paying(
        point_case(*units, points=2), home(200.0, 50.0), home(200.0, 50.0, point=1), storage=[0, 1]
    ))  # fmt: skip
    (priced,) = asked(case, plan, room(plan, point, **EVENING), point).priced
    assert priced.costs_eur["connection tariff"] == pytest.approx(4 * (200 - 50) / 1000, abs=HALF_W_EUR)
    assert priced.cost_eur == pytest.approx(SPREAD_EUR + 0.6, abs=HALF_W_EUR)


def test_what_a_house_saves_and_pays_again_costs_nothing_more():
    case, plan = planned(paying(point_case(battery()), home(200.0, 50.0), storage=[0], fixed=[0]))  # draws 5 kW
    (priced,) = asked(case, plan, room(plan, 0, **EVENING)).priced
    assert priced.cost_eur == pytest.approx(SPREAD_EUR, abs=HALF_W_EUR)


def test_a_higher_peak_is_part_of_the_price_and_is_kept_low():
    """A dear peak spreads the rebound over two ISPs: 2 kW at 35 and 2 at 45 EUR/MWh."""
    case, plan = planned(paying(
        point_case(battery()), home(0.0, 0.0), storage=[0], peaks=[{"at": 0, "eur_per_kw": 1.0, "reached_kw": 0.5}]
    ))  # fmt: skip
    (priced,) = asked(case, plan, room(plan, 0, **EVENING)).priced
    assert priced.costs_eur["peak charge"] == pytest.approx(1.5, abs=1e-3)
    assert priced.cost_eur == pytest.approx(1.5 + (2 * 35 + 2 * 45 - 4 * 25) / 1000, abs=1e-3)


def test_no_customer_pays_more_than_it_may():
    """It may pay 0.3 EUR: 2 kWh cost it 0.4 for what they earned 0.1 with."""
    case, plan = planned(paying(point_case(battery()), home(200.0, 50.0), storage=[0], least=[-0.3]))
    answer = asked(case, plan, room(plan, 0, **EVENING))
    np.testing.assert_allclose(answer.deliverable_kw, [0, -2, 0, 0], atol=2e-3)
    assert "what customers may pay at most" in answer.binding
    assert answer.priced[0].costs_eur.get("customer worse off") is None


@pytest.mark.parametrize("spread_eur_per_mwh", [150.0, 30.0, 2.0])
def test_what_customers_may_pay_limits_the_volume_however_little_a_kwh_costs_them(spread_eur_per_mwh):
    """What half of the request costs is what it may pay; the other half is worth nothing of that to anybody."""
    most = 2 * spread_eur_per_mwh / 1000
    case, plan = planned(
        paying(point_case(battery()), home(50.0 + spread_eur_per_mwh, 50.0), storage=[0], least=[-most])
    )
    answer = asked(case, plan, room(plan, 0, **EVENING))
    assert answer.why_not == ""
    np.testing.assert_allclose(answer.deliverable_kw, [0, -2, 0, 0], atol=2e-3)
    (priced,) = answer.priced
    assert float(priced.outcome.tariff_eur[0]) >= -most - 1e-4


def without_positions(case, plan):
    """Return the case in which what the plan has bought day-ahead and intraday is a fixed supply in no point."""
    bought = case.day_ahead.committed_kw + plan.intraday_buy_kw - plan.intraday_sell_kw
    nothing, tariffs = np.zeros(ISPS), case.connection_tariffs
    of_units = tuple(
        np.append(units, -1) if name == "fixed" else units
        for name, units in zip(UNIT_CLASSES, tariffs.of_units, strict=True)
    )
    return replace(
        case,
        fixed=Fixed(
            point=np.append(case.fixed.point, NO_POINT), program_kw=np.vstack([case.fixed.program_kw, -bought])
        ),
        day_ahead=replace(case.day_ahead, committed_kw=np.full(ISPS, np.nan), max_buy_kw=nothing, max_sell_kw=nothing),
        connection_tariffs=replace(tariffs, of_units=of_units),
    )


@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    into=st.floats(0, 300), out=st.floats(0, 1), peak=st.floats(0, 0.2), losses=st.floats(0.7, 1.0),
    wanted=st.floats(0.5, 9), home_load=st.booleans(),
)  # fmt: skip
def test_the_price_is_what_an_independent_statement_says(into, out, peak, losses, wanted, home_load):
    case = paying(
        point_case(battery(eta_d=losses), battery(charge_kw=3, discharge_kw=3, wear=0.01)), home(into, out * into),
        storage=[0, -1], peaks=[{"at": 0, "eur_per_kw": peak, "reached_kw": 1.0}],
        **({"fixed": [0]} if home_load else {}),
    )  # fmt: skip
    case, plan = planned(case)
    free, requested = np.array([0.0, 0, 20, 20]), np.array([False, True, False, False])
    asked_room = room(plan, 0, requested=requested, least=np.where(requested, -wanted, -free), most=free)
    (priced,) = asked(case, plan, asked_room).priced
    facts = without_positions(case, plan)

    def value(volume):
        high = asked_room.baseline_kw + np.where(requested, volume, free) + 4e-4
        low = np.where(requested, -np.inf, asked_room.baseline_kw - free - 4e-4)
        return best_value(replace(facts, limits=limit(ISPS, import_kw=high, export_kw=low, penalty=1e5)))

    assert priced.cost_eur == pytest.approx(value(0.0) - value(priced.volume_kw), abs=2e-4)
