"""Convex combinations of responses, and the programs made from them, against plain numpy."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from models.audit import audit
from models.case import Direction
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing, prepared
from models.decomposition.primal.convex_combination import choose_programs, combine
from models.decomposition.solve import solve
from models.errors import CaseError
from models.mixing import MIXES, Shares, power_seen
from models.resources.curtailable.resource import RESOURCE as CURTAILABLE
from models.resources.curtailable.response import CurtailableResponder
from models.resources.registry import PRICED
from models.resources.storage.complementarity_repair import one_way
from models.resources.storage.reachability import charge_limit_kw, discharge_limit_kw
from models.resources.storage.resource import RESOURCE as STORAGE
from models.resources.storage.response import StorageResponder
from models.response import Prices, Rows
from tests.models.builders import make, solar, storage
from tests.models.obligation_builders import reserve
from tests.models.random_units import HOURS, products, random_prices, random_storage
from tests.models.worlds import portfolio

ISPS, UNITS, ROUNDS, TOTALS = 12, 600, 5, 4


def world(seed, *, sustain):
    """Storage of all kinds, many with a minimum power, many that cannot keep their band, and solar systems."""
    rng = np.random.default_rng(seed)
    units = [random_storage(rng, ISPS) for _ in range(UNITS)]
    least = np.where(rng.random(UNITS) < 0.2, rng.uniform(0.5, 4.0, UNITS), 0.0)
    units = [replace(unit, charge_min_kw=least[i : i + 1]) for i, unit in enumerate(units)]
    suns = [solar(ISPS, -rng.uniform(0, 5, ISPS), reserve_kw=1.0 * (i % 3 == 0)) for i in range(UNITS)]
    return make(ISPS, *units, *suns, hours=HOURS, reserves=products(rng, ISPS, count=3, sustain=sustain))


def rounds_of(rng, case):
    """Three rows of power and two of rewards in each of five rounds."""
    several = [[random_prices(rng, case) for _ in range(3)] for _ in range(ROUNDS)]
    return [
        Prices(
            power_eur_per_kw=np.concatenate([p.power_eur_per_kw for p in one]),
            held_eur_per_kw=np.concatenate([p.held_eur_per_kw for p in one[:2]]),
        )
        for one in several
    ]


def shares_of(rng, units):
    weight = np.ascontiguousarray(rng.dirichlet(np.ones(ROUNDS), TOTALS).T)  # as a search has it
    weight[rng.random(weight.shape) < 0.3] = 0.0
    return Shares(weight=weight, only=np.where(rng.random(units) < 0.2, rng.integers(0, ROUNDS, units), MIXES))


def rows_of(rng, units):
    return Rows(power=rng.integers(0, 3, units), held=rng.integers(0, 2, units), total=rng.integers(0, TOTALS, units))


def share(shares, rows, k):
    """How much the answers to round k count (U,)."""
    return np.where(shares.only == MIXES, shares.weight[k, rows.total], shares.only == k)


def spread(case, mixed):
    """What a mixture says of every unit, in one dict."""
    units = len(next(iter(mixed.fields.values())))
    held = np.zeros((len(case.reserves), units, case.isps))
    held[:, mixed.reserve_units] = mixed.held_kw
    found = dict(mixed.fields)
    for name, values in mixed.sparse.items():
        found[name] = np.zeros((units, case.isps))
        found[name][mixed.short] = values
    power = found.pop("curtailable_kw", None)
    return found | {"power_kw": found["charge_kw"] - found["discharge_kw"] if power is None else power, "held_kw": held}


@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("sustain", [(0.0,), (0.0, 0.5)])
@pytest.mark.parametrize("kind", [StorageResponder, CurtailableResponder])
def test_mixtures_are_sums_of_weighted_answers_however_many_threads(kind, sustain, called):
    rng = np.random.default_rng(5)
    case = world(3, sustain=sustain)
    chosen, rows, shares, rounds = (
        rng.permutation(UNITS), rows_of(rng, UNITS), shares_of(rng, UNITS), rounds_of(rng, case)
    )  # fmt: skip
    one, two = (kind.of(case, chosen, called=called, threads=threads) for threads in (1, 2))
    everyone = np.arange(UNITS)
    ((some, mixed),), ((_, again),) = (list(unit.mixtures(rounds, rows, shares, everyone)) for unit in (one, two))
    assert np.array_equal(some, everyone)
    for name in ("short", "reserve_units", "held_kw"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(again, name))
    for name in ("fields", "sparse"):
        np.testing.assert_equal(getattr(mixed, name), getattr(again, name))
    found = spread(case, mixed)
    expected = dict.fromkeys(found, 0.0)
    for k, prices in enumerate(rounds):
        answers, weight = one.answers(prices, rows, everyone), share(shares, rows, k)[:, None]
        for name in expected:
            if hasattr(answers, name):
                expected[name] = expected[name] + weight * getattr(answers, name)
    for name, values in expected.items():
        if np.ndim(values):
            np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-12, err_msg=name)
    assert found["held_kw"].any()
    if kind is StorageResponder:
        assert found["unmet_kwh"].any()
        assert (shares.only[case.storage.charge_min_kw[chosen] > 0] != MIXES).any()


def test_a_few_units_mix_as_they_do_among_all():
    rng = np.random.default_rng(6)
    case = world(4, sustain=(0.0, 0.5))
    rows, shares, rounds = rows_of(rng, UNITS), shares_of(rng, UNITS), rounds_of(rng, case)
    unit = prepared(case, STORAGE, np.arange(UNITS), called=False)
    ((_, every),) = unit.mixtures(rounds, rows, shares, np.arange(UNITS))
    few = np.array([17, 3, 599, 250])
    ((_, some),) = unit.mixtures(rounds, rows, shares, few)
    for name, values in spread(case, some).items():
        expected = spread(case, every)[name]
        np.testing.assert_array_equal(values, expected[:, few] if name == "held_kw" else expected[few], err_msg=name)
    power, row = power_seen(rounds, rows, few)
    for k, prices in enumerate(rounds):
        np.testing.assert_array_equal(power[k, row], prices.power_eur_per_kw[rows.power[few]])


def test_shares_that_do_not_fit_are_refused():
    rng = np.random.default_rng(7)
    case = world(5, sustain=(0.0,))
    rows, rounds = rows_of(rng, UNITS), rounds_of(rng, case)
    unit = prepared(case, STORAGE, np.arange(UNITS), called=False)
    good = shares_of(rng, UNITS)
    for bad in (
        replace(good, weight=good.weight[1:]), replace(good, weight=good.weight[:, :1]),
        replace(good, only=good.only[1:]), replace(good, only=np.full(UNITS, ROUNDS)),
    ):  # fmt: skip
        with pytest.raises(CaseError):
            next(unit.mixtures(rounds, rows, bad, np.arange(3)))


# In one direction: docs/explanation/optimisation.md §3.5, in plain numpy


def purified(case, units, charge, discharge):
    data = case.storage
    gain = np.broadcast_to(data.charge_efficiency[units], charge.shape)
    loss = data.discharge_efficiency[units][:, None]
    change, both = gain * charge - discharge / loss, np.minimum(charge, discharge) > 1e-9
    more = charge >= discharge
    return (
        np.where(both, np.maximum(change, 0) / gain, np.where(~more & (charge > 0), 0.0, charge)),
        np.where(both, np.maximum(-change, 0) * loss, np.where(more & (discharge > 0), 0.0, discharge)),
    )


def purified_called(case, units, charge, discharge, energy, slack):
    data, hours, shape = case.storage, case.isp_hours, (len(case.storage.point), case.isps)
    charge, discharge, energy = charge.copy(), discharge.copy(), energy.copy()
    counts = np.zeros((len(case.points) + 1, case.isps), dtype=bool)
    np.logical_or.at(counts, case.reservations.point, case.reservations.reserved_kw != 0)
    gain = np.broadcast_to(data.charge_efficiency, shape)[units] * hours
    drain = hours / data.discharge_efficiency[units]
    into, out = charge_limit_kw(data, case.isps)[units], discharge_limit_kw(data, case.isps)[units]
    before = data.energy_start_kwh[units]
    for t in range(case.isps):
        net = charge[:, t] - discharge[:, t]
        idle = data.retention[units] * before - data.demand_kwh[units, t] + slack[0, :, t] - slack[1, :, t]
        kept = np.where(net > 0, net * gain[:, t], net * drain)
        change = np.where(counts[data.point[units], t], kept, energy[:, t] - idle)
        change = np.minimum(change, data.energy_max_kwh[units, t] - idle)
        change = np.clip(change, -out[:, t] * drain, into[:, t] * gain[:, t])
        charge[:, t], discharge[:, t] = np.maximum(change, 0) / gain[:, t], np.maximum(-change, 0) / drain
        before = energy[:, t] = idle + change
    return charge, discharge, energy


@pytest.mark.parametrize("called", [False, True])
def test_mixed_storage_runs_in_one_direction(called):
    case = portfolio(400, 24, points=3)
    grouping, rng = group_units(case), np.random.default_rng(8)
    index, batch = next((i, b) for i, b in enumerate(grouping.batches) if b.resource is STORAGE and b.called == called)
    groups, points = len(grouping.group_point), len(grouping.priced_points)
    rounds = [
        Prices(
            power_eur_per_kw=rng.normal(0.01, 0.02, (points + 1, case.isps)),
            held_eur_per_kw=rng.uniform(0, 0.01, (2, len(case.reserves), case.isps)),
        )
        for _ in range(3)
    ]
    weight = np.ascontiguousarray(rng.dirichlet(np.ones(3), groups).T)
    shares = Shares(weight=weight, only=np.full(len(batch.units), MIXES))
    everyone = np.arange(len(batch.units))
    ((_, mixed),) = LocalPricing(case, grouping).mixtures(index, rounds, shares, everyone)
    slack = np.zeros((2, len(everyone), case.isps))
    slack[:, mixed.short] = [mixed.sparse[name] for name in ("unmet_kwh", "excess_kwh")]
    before: Any = [mixed.fields[name] for name in ("charge_kw", "discharge_kw", "energy_kwh")]
    charge, discharge, energy = (values.copy() for values in before)
    mixes = (np.minimum(charge, discharge) > 1e-9).any(axis=1)
    assert mixes.any() and not mixes.all()  # noqa: PT018
    one_way(case, batch.units, called, charge, discharge, energy, slack)
    kept = purified(case, batch.units, *before[:2])
    expected = (*kept, before[2])
    if called:
        moved = purified_called(case, batch.units, before[0], before[1], before[2], slack)
        expected = tuple(np.where(mixes[:, None], new, old) for new, old in zip(moved, expected, strict=True))
    for found, value in zip((charge, discharge, energy), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12)
    assert (np.minimum(charge, discharge) == 0).all()


def prices_of(rng, case, grouping):
    points, held = (len(grouping.priced_points), case.isps), (len(case.reserves), case.isps)
    return DualPrices(
        balance=rng.normal(0.01, 0.02, (1, case.isps)), program=rng.normal(0, 0.01, points),
        call=rng.normal(0, 0.01, points), reserve=-rng.uniform(0, 0.01, held), called=-rng.uniform(0, 0.01, held),
        connections=np.zeros((4 * grouping.places.limits, case.isps)), places=grouping.places,
    )  # fmt: skip


def test_every_batch_gets_the_mixture_of_its_group():
    case = portfolio(400, 24, points=3)
    grouping, rng = group_units(case), np.random.default_rng(9)
    prices = {number: prices_of(rng, case, grouping) for number in (0, 3, 4)}
    weight = rng.dirichlet(np.ones(3), len(grouping.group_point)).T
    weights = dict(zip(prices, weight, strict=True))
    pricing = LocalPricing(case, grouping)
    choices = choose_programs(case, grouping, pricing, weights, prices, {}, passes=3)
    found = combine(case, grouping, pricing, weights, prices, choices, {})
    assert {batch.resource for batch in grouping.batches} == set(PRICED)
    for index, (batch, result) in enumerate(zip(grouping.batches, found, strict=True)):
        if batch.resource.choosing is not None:
            (chosen,) = result.fields.values()
            assert np.array_equal(chosen, choices[index])
            continue
        unit: Any = prepared(case, batch.resource, batch.units, called=batch.called).responder
        power: Any = 0.0
        energy = held = power
        for number, asked in prices.items():
            seen = asked.scenario().called if batch.called else asked.scenario().planned
            answers = unit.answers(seen, batch.rows, np.arange(len(batch.units)))
            share = weights[number][batch.rows.total][:, None]
            power, held = power + share * answers.power_kw, held + share * answers.held_kw
            energy = energy + share * answers.energy_kwh if batch.resource is STORAGE else 0.0
        np.testing.assert_allclose(result.held_kw, held[:, result.reserve_units], atol=1e-12)
        assert not np.delete(held, result.reserve_units, axis=1).any()
        if batch.resource is CURTAILABLE:
            np.testing.assert_allclose(result.fields["curtailable_kw"], power, atol=1e-12)
        elif not batch.called:
            np.testing.assert_allclose(result.fields["energy_kwh"], energy, atol=1e-9)


def test_programs_of_a_case_in_single_precision_are_single_and_pass_the_audit():
    case = portfolio(300, 24, points=4)

    def single(part):
        wide = {i.name: getattr(part, i.name) for i in fields(part) if getattr(part, i.name).ndim == 2}
        return replace(part, **{name: values.astype(np.float32) for name, values in wide.items()})

    small = replace(case, storage=single(case.storage), curtailable=single(case.curtailable))
    found, full = (solve(c, relative_gap=2e-3, time_limit_s=240.0) for c in (small, case))
    for name in ("charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh", "curtailable_kw"):
        assert getattr(found.programs, name).dtype == getattr(found.called, name).dtype == np.float32
    assert found.headroom.storage_up_kw.dtype == np.float32
    assert audit(small, found) == ()
    assert full.programs.charge_kw.dtype == np.float64
    assert abs(found.objective_eur - full.objective_eur) <= found.gap_eur + full.gap_eur


def test_called_programs_elsewhere_are_those_planned_and_so_is_what_they_hold():
    case = portfolio(300, 24, points=4)
    found = solve(case, relative_gap=2e-3, time_limit_s=240.0)
    reserved = np.isin(case.storage.point, case.reservations.point)
    assert (found.called.charge_kw != found.programs.charge_kw)[reserved].any()
    for name in ("charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh"):
        np.testing.assert_array_equal(getattr(found.called, name)[~reserved], getattr(found.programs, name)[~reserved])
    for side in ("storage_up_kw", "storage_down_kw"):
        planned, called = getattr(found.headroom, side), getattr(found.called_headroom, side)
        np.testing.assert_array_equal(planned[:, ~reserved], called[:, ~reserved])
        assert planned[:, ~reserved].any()
        assert not planned[:, case.storage.reserve_kw == 0].any()


def test_what_many_hold_in_single_precision_covers_their_bids():
    """Added up in single precision, the power of a hundred thousand batteries is off by kilowatts."""
    isps, units = 2, 120_000
    one = storage(isps, charge_kw=5.0, discharge_kw=5.0, low=0.0, high=20.0, end_value=0.2, reserve_kw=3.29)
    many = {i.name: np.repeat(getattr(one, i.name), units, axis=0) for i in fields(one)}
    many = {name: v.astype(np.float32) if v.ndim == 2 else v for name, v in many.items()}
    up = reserve(isps, [50.0], name="up", direction=Direction.UP, block=np.zeros(isps, dtype=np.int64), step_mw=1e-4)
    base = make(isps, one, hours=1.0, reserves=(replace(up, max_mw=np.array([1e3])),))
    case = replace(base, storage=replace(one, **many))
    found = solve(case, relative_gap=1e-3, time_limit_s=240.0)
    assert found.bids_mw[0][0] > 300
    assert audit(case, found) == ()
