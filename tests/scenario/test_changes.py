"""Changes: what --set and --without do, and the errors of impossible changes."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.errors import InputError
from agr.domain.kinds import KINDS
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.scenario.change_expression import read_setting
from agr.scenario.changes import changed
from agr.scenario.description import Release


@pytest.mark.parametrize(
    ("value", "new"),
    [("5", 5), ("=-5", -5), ("+5", 15), ("-5", 5), ("+20%", 12), ("-20%", 8), ("*1.5", 15), ("1e-3", 1e-3)],
)
def test_an_amount_sets_adds_or_multiplies(value, new):
    assert read_setting(f"a.b={value}").of(10.0) == pytest.approx(new)


@pytest.mark.parametrize("text", ["", "a", "a=", "=5", "a=5%"])
def test_what_is_no_change_is_refused(text):
    with pytest.raises(InputError, match="write"):
        read_setting(text)


@pytest.mark.parametrize("text", ["connections=1e400", "connections=+1e400%", "batteries=*1e400", "fcr.price=-1e400"])
def test_an_amount_without_end_is_refused(text):
    with pytest.raises(InputError, match=rf"{re.escape(text)}.*expected a finite number"):
        read_setting(text)


def prices(scenario, series):
    return np.array([p.value for p in scenario.register.prices if p.series == series])


def test_the_price_of_a_product_rises_and_nothing_else(small):
    new = changed(small, ["markets.fcr.price=+20%"])
    assert prices(new, "fcr_capacity") == pytest.approx(prices(small, "fcr_capacity") * 1.2)
    assert (prices(new, "day_ahead") == prices(small, "day_ahead")).all()
    assert changed(small, ["fcr.price=+20%"]).register == new.register
    assert new.changes == ("markets.fcr.price=+20%",)


def test_the_day_ahead_price_is_changed_as_expected_and_as_it_came(small):
    new = changed(small, ["day_ahead.price=+10"])
    for series in ("day_ahead", "day_ahead_forecast"):
        assert prices(new, series) == pytest.approx(prices(small, series) + 10)


@given(first=st.integers(0, 40), more=st.integers(0, 40))
def test_a_larger_portfolio_contains_the_smaller_one(small, first, more):
    few = changed(small, [f"batteries={first}"]).register.of(Battery)
    many = changed(small, [f"batteries={first + more}"]).register.of(Battery)
    assert (len(few), len(many)) == (first, first + more)
    assert {b.resource for b in few} <= {b.resource for b in many}
    assert len({b.resource for b in many}) == len(many)


def test_copies_follow_the_forecast_of_what_they_copy(small):
    new = changed(small, ["heat_pumps=+3"])
    day = new.forecasts[small.description.period]
    for pump in new.register.of(HeatPump):
        original = pump.resource.partition("~")[0]
        for quantity in ("heat_kw", "cop"):
            assert (day[pump.resource, quantity] == day[original, quantity]).all()


def test_a_column_and_a_forecast_are_changed_for_all_or_for_one(small):
    one = small.register.of(Battery)[1].resource
    all_of_them = changed(small, ["batteries.capacity_kwh=*2"]).register.of(Battery)
    assert [b.capacity_kwh for b in all_of_them] == [b.capacity_kwh * 2 for b in small.register.of(Battery)]
    of_one = changed(small, [f"batteries.{one}.wear_eur_per_mwh=3"]).register.of(Battery)
    assert [b.wear_eur_per_mwh for b in of_one] == [3 if b.resource == one else 8 for b in of_one]
    day = small.description.period
    sunnier = changed(small, ["generators.power_kw=+50%"]).forecasts[day]
    sun = small.register.of(Generator)[0].resource
    assert sunnier[sun, "power_kw"] == pytest.approx(small.forecasts[day][sun, "power_kw"] * 1.5)


def test_contracts_limits_events_and_settings(small):
    assert changed(small, ["contracts.*.power_w=-50%"]).register.contracts[0].power_w == -200_000
    point = small.register.limits[0].congestion_point
    assert changed(small, [f"limits.{point}.import_kw=1"]).register.limits[0].import_kw == 1
    (release, *_) = changed(small, ["events.1.keep_share=0"]).description.events
    assert isinstance(release, Release)
    assert release.keep_share == 0
    assert changed(small, ["planning.relative_gap=1e-3"]).description.planning.relative_gap == 1e-3
    assert changed(small, ["intraday.depth_kw=0"]).description.markets.intraday.depth_kw == 0


def test_without_takes_out(small):
    assert [c.contract for c in changed(small, (), ["reservation:FO-north-grid-1"]).register.contracts] == [
        "FO-south-grid-1"
    ]
    assert changed(small, (), ["market:FCR"]).description.markets.capacity == ()
    assert changed(small, (), ["market:intraday"]).description.markets.intraday.depth_kw == 0
    assert changed(small, (), ["class:batteries"]).register.of(Battery) == ()
    assert changed(small, (), ["event:1"]).description.events == ()
    there = small.register.of(Battery)[0].connection
    assert there not in {b.connection for b in changed(small, (), [f"connection:{there}"]).register.of(Battery)}


@pytest.mark.parametrize(
    ("settings", "without", "words"),
    [
        (["bateries=5"], [], "did you mean batteries?"),
        (["fcr.max=3"], [], "did you mean max_mw?"),
        (["fcr.direction=sideways"], [], "'up', 'down' or 'symmetric'"),
        (["intraday.price=5"], [], "hold no price series of intraday"),
        (["batteries=-100"], [], "there are 3 batteries"),
        (["batteries.charge_efficiency=2"], [], "charge_efficiency 2 must be above 0"),
        (["batteries.capacity_kwh=1"], [], "end_kwh"),
        (["events.2.keep_share=1"], [], "in events the '2' does not exist; known are 1"),
        (["fcr=3"], [], "expected fcr.NAME=VALUE; known are price"),
        (["contracts.X.power_w=1"], [], "the 'X' does not exist; known are FO-north-grid-1"),
        (["planning.time_limit_s.x=5"], [], "the setting 'time_limit_s.x' does not exist; did you mean time_limit_s?"),
        (["planning.time_limit_s.x.y=5"], [], "the setting 'time_limit_s.x.y' does not exist"),
        (["seed.d=5"], [], "the setting 'seed.d' does not exist; did you mean seed?"),
        (["planning.time_limits=5"], [], "the setting 'time_limits' does not exist; did you mean time_limit_s?"),
        (["connections=*1e308"], [], "expected a finite number"),
        (["fcr.max_mw=lots"], [], "expected a number"),
        ([], ["reservation:X"], "the reservation 'X' does not exist"),
        ([], ["FO-1"], "expected KIND:NAME"),
        ([], ["market:gas"], "the market 'gas'"),
    ],
)
def test_what_cannot_be_changed_says_what_can(small, settings, without, words):
    with pytest.raises(InputError, match=re.escape(words)):
        changed(small, settings, without)


def places(scenario):
    """Return the congestion point of every connection ("": in none that is listed)."""
    return {c: point.address for point in scenario.points for c in point.connections}


@given(count=st.integers(0, 60))
def test_copied_connections_have_everything_behind_them_and_lie_where_their_models_lie(small, count):
    new = changed(small, [f"connections={count}"])
    addresses = [c.address for c in new.register.connections]
    assert len(addresses) == len(set(addresses)) == count
    old_place, place = places(small), places(new)
    behind = {}
    for kind in KINDS:
        rows = new.register.of(kind.row)
        assert len({row.resource for row in rows}) == len(rows)
        for row in rows:
            behind.setdefault(row.connection, set()).add(row.resource.partition("~")[0])
    assert behind.keys() <= set(addresses)
    for address in addresses:
        model = address.partition("~")[0]
        assert place.get(address) == old_place.get(model)
        if address != model:
            assert behind[address] == behind.get(model, behind[address])
            assert not any(b.reserve_kw for b in new.register.of(Battery) if b.connection == address)
    day = new.forecasts[small.description.period]
    for load in new.register.of(FixedLoad):
        assert (day[load.resource, "power_kw"] == day[load.resource.partition("~")[0], "power_kw"]).all()


def test_connections_grow_at_one_congestion_point_alone_and_twice_over(small):
    point = small.points[0].address
    ours = {c.address for c in small.register.connections}
    there = [c for c in small.points[0].connections if c in ours]
    new = changed(small, [f"connections.{point}=+5", f"connections.{point}=*2", "batteries=+9", "batteries=+9"])
    assert len(new.points[0].connections) - len(small.points[0].connections) == len(there) + 10
    assert [p.connections for p in new.points[1:]] == [p.connections for p in small.points[1:]]
    names = [b.resource for b in new.register.of(Battery)]
    assert len(names) == len(set(names))


def test_connections_that_cannot_be_counted_are_said(small):
    for text, words in (
        ("connections.nowhere=5", "the congestion point 'nowhere'"),
        ("connections=-99", "at least 0 must be left"),
        ("connexions=5", "did you mean connections?"),
    ):
        with pytest.raises(InputError, match=re.escape(words)):
            changed(small, [text])
    large = {b.connection for b in small.register.of(Battery) if b.reserve_kw}
    only = changed(small, (), [f"connection:{c.address}" for c in small.register.connections if c.address not in large])
    assert {c.address for c in only.register.connections} == large
    with pytest.raises(InputError, match="no connection without prequalified power"):
        changed(only, ["connections=+1"])
