"""Best responses of storage against HiGHS on each unit's own program: optimal, feasible, proven, whatever the case."""

from dataclasses import fields, replace

import numpy as np
import pytest

from models.case import Direction
from models.resources.storage.reachability import meetable
from models.resources.storage.response import StorageResponder
from models.response import Prices
from tests.models.builders import make, storage
from tests.models.obligation_builders import reserve
from tests.models.random_units import HOURS, products, random_prices, random_storage, rows, total_eur
from tests.models.unit_programs import TAKES, Owed, storage_cost, traded


def held_on(case, answers, side):
    mine = np.array([r.direction in TAKES[side] for r in case.reserves], dtype=bool)
    return answers.held_kw[mine].sum(axis=0)


def assert_margins(case, answers, side):
    """What an activation of what is held would take leaves what the unit owes: docs/reference/formulation.md §3.5."""
    data, sign, hours = case.storage, 1.0 if side == "up" else -1.0, case.isp_hours
    mine = [(k, r.sustain_h) for k, r in enumerate(case.reserves) if r.direction in TAKES[side] and r.sustain_h > 0]
    if not any(r.sustain_h > 0 for r in case.reserves):  # power only
        return
    for unit in range(len(data.point)):
        owed = Owed(case, unit)
        energy, held = answers.energy_kwh[unit], answers.held_kw[:, unit]
        assert (held[:, : owed.first] == 0).all()
        needed = sum((lasts * held[k] for k, lasts in mine), start=np.zeros(case.isps)) * owed.per_kw
        band = owed.floor if side == "up" else owed.ceiling
        assert (needed <= np.maximum(sign * (energy - band), 0.0) + 1e-8).all()
        able = np.broadcast_to(data.discharge_kw if side == "up" else data.charge_kw, (len(data.point), case.isps))
        pins = np.broadcast_to(data.pinned_kw, able.shape)
        reverses = np.fmax(able, -pins if side == "up" else pins)[unit] > 0
        first = owed.first_floor if side == "up" else owed.first_ceiling
        begin = sign * (np.append(data.energy_start_kwh[unit], energy[:-1]) - np.append(first, band[:-1]))
        sustained = sum((case.reserves[k].sustain_h * held[k] for k, _ in mine), start=np.zeros(case.isps))
        assert (np.where(reverses, sustained * owed.per_kw, 0.0) <= np.maximum(begin, 0.0) + 1e-8).all()
        for t in range(case.isps):
            called = sum(
                min(lasts, hours) * owed.per_kw[s] * held[k, s]
                for k, lasts in mine
                for s in range(t + 1)
                if (t - s) * hours < lasts - 1e-9
            )
            assert called <= max(sign * (energy[t] - band[t]), 0.0) + 1e-8


def assert_storage_runs(case, answers, *, called=False):
    """Every rule of docs/reference/formulation.md §2.3 and §3.5, reckoned from the answers alone."""
    data, isps, n = case.storage, case.isps, len(case.storage.point)
    pin, most_in, most_out = (
        np.broadcast_to(v, (n, isps)) for v in (data.pinned_kw, data.charge_kw, data.discharge_kw)
    )
    free = np.isnan(pin)
    charge, discharge, tiny = answers.charge_kw, answers.discharge_kw, 1e-9
    assert (np.minimum(charge, discharge) == 0).all()
    assert (charge - discharge == answers.power_kw).all()
    assert (charge <= np.where(free, most_in, np.inf) + tiny).all()
    assert (discharge <= np.where(free, most_out, np.inf) + tiny).all()
    floor = np.minimum(data.charge_min_kw[:, None], most_in)
    assert (((charge > tiny) & (charge < floor - tiny) & free).sum(axis=1) <= 1).all()
    assert (np.where(free, 0.0, np.abs(answers.power_kw - pin)) == 0).all()
    before = np.column_stack([data.energy_start_kwh, answers.energy_kwh[:, :-1]])
    reached = data.retention[:, None] * before - data.demand_kwh + answers.unmet_kwh - answers.excess_kwh
    reached = reached + case.isp_hours * (
        data.charge_efficiency * charge - discharge / data.discharge_efficiency[:, None]
    )
    np.testing.assert_allclose(answers.energy_kwh, reached, rtol=0, atol=2e-8)
    assert (answers.energy_kwh >= data.energy_min_kwh - tiny).all()
    assert (answers.energy_kwh <= data.energy_max_kwh + tiny).all()
    assert min(answers.unmet_kwh.min(), answers.excess_kwh.min()) >= 0
    kept = meetable(data, isps, case.isp_hours)
    assert (answers.unmet_kwh[kept] + answers.excess_kwh[kept] == 0).all()
    for r, product in enumerate(case.reserves):
        open_isps = [traded(product, t) for t in range(isps)]
        assert (answers.held_kw[r][:, ~np.array(open_isps)] == 0).all()
    if case.reserves:
        assert answers.held_kw.min() >= 0
    limit_out, limit_in = np.fmax(most_out, -pin), np.fmax(most_in, pin)
    for side, room in (("up", answers.power_kw + limit_out), ("down", limit_in - answers.power_kw)):
        held = held_on(case, answers, side)
        assert (held <= np.minimum(data.reserve_kw[:, None], room) + tiny).all()
        assert_margins(case, answers, side)
    wear = data.wear_eur_per_kwh * (charge + discharge).sum(axis=1) * case.isp_hours
    missed = data.shortfall_eur_per_kwh * (answers.unmet_kwh + answers.excess_kwh).sum(axis=1)
    worth, last, zero = 0.0, answers.energy_kwh[:, -1], data.worth_zero_kwh
    for begin, change in zip(data.worth_from_kwh.T, data.worth_step_eur_per_kwh.T, strict=True):
        worth = worth + change * (np.fmax(last - begin, 0) - np.fmax(zero - begin, 0))
    worth = worth + data.end_value_eur_per_kwh * (last - zero)
    own = missed if called else wear + missed - worth
    np.testing.assert_allclose(answers.cost_eur, own, rtol=1e-9, atol=1e-9)


def random_case(rng, *, isps, units=6, sustain=(0.0,)):
    parts = [random_storage(rng, isps) for _ in range(units)]
    return make(isps, *parts, hours=HOURS, reserves=products(rng, isps, count=int(rng.integers(0, 5)), sustain=sustain))


def may_waste(case, unit, prices):
    """Whether some ISP's price, less all that room upwards could earn, is so low that wasting energy might pay."""
    data = case.storage
    worst = prices.power_eur_per_kw[0] - prices.held_eur_per_kw[0].sum(axis=0)
    return bool(((data.charge_kw[unit] > 0) & (data.discharge_kw[unit] > 0) & (worst < 0)).any())


def assert_best(case, prices, answers, *, called):
    """Compare every answer with HiGHS; return how many were compared exactly, and how many only bounded."""
    reached, kept = total_eur(answers, prices), meetable(case.storage, case.isps, HOURS)
    margins, counts = bool(case.reserves), [0, 0]
    long = any(product.sustain_h > HOURS for product in case.reserves)
    for unit in range(len(reached)):
        arguments = (case, unit, prices.power_eur_per_kw[0], prices.held_eur_per_kw[0])
        options = {"slack": not kept[unit], "called": called}
        bound, relaxed = answers.bound_eur[unit], storage_cost(*arguments, **options)
        slight = 1e-7 * (1 + abs(relaxed))
        assert bound <= reached[unit] + 1e-12
        if reached[unit] <= relaxed + slight and bound >= relaxed - slight:
            assert abs(reached[unit] - relaxed) <= slight
            counts[0] += 1
            continue
        # Wasting energy would pay, which a unit cannot; or it misses its need, and margins are left out of its bound;
        # or activations reach into later ISPs, which the bound leaves out.
        assert may_waste(case, unit, prices) or (margins and not kept[unit]) or long
        without = storage_cost(*arguments, **options, windows=False)
        if not may_waste(case, unit, prices) and kept[unit]:
            assert bound == pytest.approx(without, rel=1e-7, abs=1e-7)
        exact = storage_cost(*arguments, **options, one_way=True)
        assert bound <= exact + slight
        assert exact - slight <= reached[unit]
        assert not kept[unit] or reached[unit] <= exact + 0.1 * (1 + abs(exact))
        assert margins or relaxed - slight <= bound
        counts[1] += 1
    return counts


def answered(seed, isps, *, sustain=(0.0,)):
    rng = np.random.default_rng(seed)
    case, called = random_case(rng, isps=isps, sustain=sustain), bool(rng.random() < 0.3)
    prices, everyone = random_prices(rng, case), np.arange(len(case.storage.point))
    answers = StorageResponder.of(case, everyone, called=called).answers(prices, rows(len(everyone)), everyone)
    assert_storage_runs(case, answers, called=called)
    return assert_best(case, prices, answers, called=called)


def test_large_units_count_exactly_what_activations_over_several_isps_take():
    matter = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        isps = (2, 12, 24, 48)[seed % 4]
        case = random_case(rng, isps=isps, sustain=(1 / 3, 0.5, 1.0, 2.0))
        little = tuple(
            replace(one, max_mw=np.minimum(one.max_mw, 1e-3), committed_mw=np.minimum(one.committed_mw, 1e-3))
            for one in case.reserves
        )
        case, called = replace(case, reserves=little), bool(rng.random() < 0.3)
        prices, everyone = random_prices(rng, case), np.arange(len(case.storage.point))
        answers = StorageResponder.of(case, everyone, called=called).answers(prices, rows(len(everyone)), everyone)
        assert_storage_runs(case, answers, called=called)
        reached, kept = total_eur(answers, prices), meetable(case.storage, isps, HOURS)
        for unit in np.flatnonzero(kept & (case.storage.reserve_kw > 0)):
            if may_waste(case, unit, prices) or not little:
                continue
            arguments = (case, unit, prices.power_eur_per_kw[0], prices.held_eur_per_kw[0])
            least, without = (
                storage_cost(*arguments, slack=False, called=called, windows=windows) for windows in (True, False)
            )
            matter += without < least - 1e-4 * (1 + abs(least))
            slight = 1e-6 * (1 + abs(least))
            assert least - slight <= answers.bound_eur[unit] <= least + 0.1 * slight
            assert least - 0.1 * slight <= reached[unit] <= least + slight
    assert matter > 20


def test_storage_answers_are_the_best_programs():
    counts = np.sum([answered(seed, (1, 2, 5, 12, 24)[seed % 5]) for seed in range(60)], axis=0)
    assert counts[0] > 300
    assert counts[1] > 0


@pytest.mark.parametrize("isps", [92, 96, 100])
def test_storage_answers_are_the_best_programs_on_days_of_every_length(isps):
    assert sum(answered(isps + seed, isps)[0] for seed in (0, 1000)) > 6


def test_reserve_that_must_be_sustained_is_held_with_its_energy():
    counts = np.sum(
        [answered(seed, (1, 2, 5, 12, 24)[seed % 5], sustain=(0.0, 0.25, 1.0, 2.0)) for seed in range(60)], axis=0
    )
    assert counts[0] > 250
    assert answered(4, 96, sustain=(0.25, 1.0))[0] > 2


def random_minimum(rng, isps):
    """A unit that charges with a minimum power; some exactly at it or not at all, some never or always able to."""
    unit = random_storage(rng, isps)
    least = float(rng.choice([1.0, 3.0, 4.2, 20.0]))
    limit = rng.choice([least, 11.0, 11.0]) * rng.choice([0.0, 0.4, 1.0], unit.charge_kw.shape, p=[0.2, 0.1, 0.7])
    return replace(unit, charge_kw=limit, charge_min_kw=np.array([least]))


def test_a_minimum_charging_power_is_kept_and_needs_are_met():
    exact = missed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        isps = (1, 2, 5, 12)[seed % 4]
        sustain = (0.0, 1.0) if seed % 3 == 0 else (0.0,)
        parts = [random_minimum(rng, isps) for _ in range(6)]
        case = make(isps, *parts, hours=HOURS, reserves=products(rng, isps, count=seed % 3, sustain=sustain))
        prices = random_prices(rng, case)
        answers = StorageResponder.of(case, np.arange(6)).answers(prices, rows(6), np.arange(6))
        assert_storage_runs(case, answers)
        reached, kept = total_eur(answers, prices), meetable(case.storage, isps, HOURS)
        for unit in range(6):
            arguments = (case, unit, prices.power_eur_per_kw[0], prices.held_eur_per_kw[0])
            least = storage_cost(*arguments, slack=not kept[unit], one_way=True)
            missed += not kept[unit]
            if not kept[unit]:
                assert storage_cost(*arguments, slack=False, one_way=True) is None
            assert least is not None
            slight = 1e-7 * (1 + abs(least))
            assert answers.bound_eur[unit] <= least + slight
            assert reached[unit] >= least - slight
            exact += reached[unit] <= least + slight
    assert missed > 30
    assert exact > 240


def test_a_tolerance_is_kept_and_the_bound_stays_proven():
    rng = np.random.default_rng(5)
    units = [storage(48, charge_kw=5, discharge_kw=5, eta_c=0.9, high=10, start=5, reserve_kw=4) for _ in range(3)]
    offered = (
        reserve(48, 20.0, name="up", direction=Direction.UP, sustain_h=1.0),
        reserve(48, 20.0, name="fcr", direction=Direction.SYMMETRIC, sustain_h=0.5),
    )
    case = make(48, *units, hours=HOURS, reserves=offered)
    prices = Prices(
        power_eur_per_kw=rng.uniform(0.01, 0.04, (1, 48)), held_eur_per_kw=rng.uniform(0.001, 0.004, (1, 2, 48))
    )
    responder = StorageResponder.of(case, np.arange(3))
    arguments = (case, 0, prices.power_eur_per_kw[0], prices.held_eur_per_kw[0])
    least, without = (storage_cost(*arguments, slack=False, windows=windows) for windows in (True, False))
    assert without < least - 1e-3  # activations reach into later ISPs, which the bound leaves out
    gaps = []
    for tolerance in (1e-9, 1e-2, 1.0):
        answers = responder.answers(prices, rows(3), np.arange(3), tolerance=tolerance)
        assert_storage_runs(case, answers)
        reached = total_eur(answers, prices)
        assert (answers.bound_eur <= without + 1e-9).all()
        assert (reached >= least - 1e-9).all()
        gaps.append((without - answers.bound_eur).max())
        assert gaps[-1] <= tolerance * (1 + abs(least))
    assert gaps[0] < gaps[2]
    totals = responder.respond(prices, rows(3), 3, tolerance=1.0)
    np.testing.assert_allclose(totals.bound_eur, answers.bound_eur)
    np.testing.assert_allclose(totals.held_kw.transpose(1, 0, 2), answers.held_kw)


def test_single_precision_and_narrow_tables_answer_alike():
    rng = np.random.default_rng(3)
    case = random_case(rng, isps=24, units=9)
    tables = [item.name for item in fields(case.storage) if getattr(case.storage, item.name).ndim == 2]
    single = {name: getattr(case.storage, name).astype(np.float32) for name in tables}
    rounded = replace(case, storage=replace(case.storage, **{k: v.astype(np.float64) for k, v in single.items()}))
    single["demand_kwh"], single["charge_kw"] = rounded.storage.demand_kwh, rounded.storage.charge_kw
    small = replace(case, storage=replace(case.storage, **single))
    prices = random_prices(rng, case)
    one, other = (StorageResponder.of(c, np.arange(9)).answers(prices, rows(9), np.arange(9)) for c in (rounded, small))
    np.testing.assert_array_equal(one.power_kw, other.power_kw)
    narrow = storage(24, charge_kw=3.0, high=9.0, start=4.0)
    wide = make(24, narrow, hours=HOURS)
    names = [
        item.name for item in fields(narrow) if getattr(narrow, item.name).ndim == 2 and item.name != "unmanaged_kw"
    ]
    thin = replace(wide, storage=replace(narrow, **{name: getattr(narrow, name)[:, :1] for name in names}))
    prices = random_prices(rng, wide)
    one, other = (StorageResponder.of(c, np.arange(1)).answers(prices, rows(1), np.arange(1)) for c in (wide, thin))
    np.testing.assert_array_equal(one.power_kw, other.power_kw)


def test_a_vanishing_retention_stays_exact():
    case = make(
        96, storage(96, charge_kw=5.0, high=10.0, start=8.0, retention=1e-3, low=1.0, shortfall=0.4), hours=HOURS
    )
    prices = random_prices(np.random.default_rng(1), case)
    answers = StorageResponder.of(case, np.arange(1)).answers(prices, rows(1), np.arange(1))
    least = storage_cost(case, 0, prices.power_eur_per_kw[0], prices.held_eur_per_kw[0], slack=False)
    assert total_eur(answers, prices)[0] == pytest.approx(least, rel=1e-7)
