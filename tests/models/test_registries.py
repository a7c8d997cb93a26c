"""The registries are complete: every class and market of cases, outcomes and the audit is registered."""

from dataclasses import fields, replace

import numpy as np
import pytest

from models.audit import balancing_groups
from models.audit.markets.registry import MARKETS as AUDITED_MARKETS
from models.audit.payers import BROUGHT_FORWARD, payers
from models.audit.resources.registry import CLASSES as AUDITED_CLASSES
from models.baseline import no_flexibility
from models.case import POINT_TABLES, UNIT_CLASSES
from models.decomposition.precompile import tiny
from models.markets.registry import MARKETS
from models.outcome import Headroom, Outcome, Programs, ProgramValues, Shadow
from models.reserve_room import SIDES
from models.resources.registry import PRICED, RESOURCES


def names(kind):
    return [item.name for item in fields(kind)]


def test_every_class_of_a_case_is_registered_and_audited():
    assert sorted(UNIT_CLASSES) == sorted(one.name for one in RESOURCES) == sorted(one.name for one in AUDITED_CLASSES)


def test_every_market_is_audited():
    assert [market.name for market in MARKETS] == [market.name for market in AUDITED_MARKETS]


def test_every_program_belongs_to_one_class():
    assert sorted(names(Programs)) == sorted(name for one in RESOURCES for name in one.fields)
    assert sorted(names(Programs)) == sorted(name for one in AUDITED_CLASSES for name in one.fields)


def test_headroom_is_that_of_the_classes_that_hold_reserve():
    held = [f"{one.name}_{side.value}_kw" for one in RESOURCES if one.reserving for side in SIDES]
    assert sorted(held) == sorted(names(Headroom))
    assert {one.name for one in RESOURCES if one.reserving} == {one.name for one in AUDITED_CLASSES if one.reserve_kw}


@pytest.mark.parametrize("resource", PRICED, ids=lambda one: one.name)
def test_a_class_with_a_choice_mixes_or_chooses(resource):
    assert (resource.mixing is None) != (resource.choosing is None)
    assert resource.block is not None
    if resource.choosing is not None:
        assert len(resource.fields) == 1


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)
def test_unmanaged_programs_have_the_fields_and_the_power_of_their_class(resource):
    case = tiny()
    found = resource.unmanaged(case)
    assert tuple(found) == resource.fields
    assert resource.count(case) > 0  # the tiny case has a unit of every class: its code is compiled ahead
    power = resource.power_kw(case, slice(None), found)
    assert power.shape == (resource.count(case), case.isps)
    last = resource.power_kw(case, slice(-1, None), {name: values[-1:] for name, values in found.items()})
    np.testing.assert_array_equal(last, power[-1:])


def test_audited_markets_know_every_position_and_every_shadow_price():
    case = tiny()
    shapes = {name for market in AUDITED_MARKETS if market.shapes for name in market.shapes(case)}
    shadows = {name for market in AUDITED_MARKETS if market.shadows for name in market.shadows(case)}
    units = {"programs", "called", "headroom", "called_headroom", "point_kw", "bids_mw"}
    groups = set(balancing_groups.shapes(case))  # no market's own
    assert shapes == set(names(ProgramValues)) - units - groups
    assert shadows == set(names(Shadow)) - {"balance_eur_per_mwh", "group_balance_eur_per_mwh"}
    assert set(names(ProgramValues)) <= set(names(Outcome))


def test_what_outcomes_say_of_rows_at_congestion_points_is_cut_out_and_put_back():
    whole = {"programs", "called", "headroom", "called_headroom", "point_kw", "bids_mw", "reserve_shortfall_mw"}
    whole |= {"day_ahead_kw", "intraday_buy_kw", "intraday_sell_kw", "short_kw", "long_kw"}
    whole |= set(balancing_groups.shapes(tiny()))
    tables = [table for market in MARKETS for table in market.placed]
    assert {name for table in tables for name in table.values} == set(names(ProgramValues)) - whole
    of_all = {"balance_eur_per_mwh", "group_balance_eur_per_mwh", "reserve_eur_per_mw"}
    assert {name for table in tables for name in table.prices} == set(names(Shadow)) - of_all


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)
def test_a_class_whose_units_can_miss_a_need_says_what_that_costs_at_least(resource):
    assert (resource.guarded is None) == (resource.unavoidable_eur is None)


@pytest.mark.parametrize("resource", PRICED, ids=lambda one: one.name)
def test_a_program_mixes_with_itself_unless_its_class_must_choose(resource):
    case = tiny()
    same = resource.unmanaged(case)
    free = replace(case, storage=replace(case.storage, charge_min_kw=np.zeros(len(case.storage.point))))
    if resource.mixes is not None:
        assert resource.mixes(free, same, same) == (resource.choosing is None)


def test_every_term_has_a_payer():
    case = tiny()
    outcome = no_flexibility(case)
    named = set(outcome.terms_eur) | {BROUGHT_FORWARD}
    for one in AUDITED_CLASSES:  # with terms that only a called program has
        for called in (False, True):
            named |= set(one.terms_eur(case, outcome.programs, called) if one.terms_eur else ())
    for market in AUDITED_MARKETS:
        for eur in (market.portfolio_eur, market.placed_eur):
            named |= set(eur(case, outcome) if eur else ())
    assert set(payers(case)) >= named


def test_a_sample_has_its_share_of_what_is_traded_for_the_whole_portfolio():
    case = tiny()
    sampled = {name: value for market in MARKETS if market.sampled for name, value in market.sampled(case, 0.5).items()}
    assert not set(sampled) & set(POINT_TABLES)  # these are sampled with their congestion points
    halved = replace(case, **sampled)
    assert halved.day_ahead.max_buy_kw.tolist() == [50.0] * case.isps
    assert halved.intraday.sell_depth_kw.tolist() == [2.5] * case.isps
    assert [reserve.max_mw.tolist() for reserve in halved.reserves] == [[0.0015]] * 2
    assert halved.connection_limits.name == halved.connection_tariffs.name == ()


def test_one_market_closes_the_balance_and_one_holds_reserve():
    assert [market.name for market in MARKETS if market.balance] == ["imbalance"]
    assert [market.name for market in MARKETS if market.reserve] == ["balancing_capacity"]
