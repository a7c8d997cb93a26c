"""Trades that are facts: the same as so much less load, and their own money; by every way of solving."""

from dataclasses import replace

import numpy as np
import pytest

from agr.planning import serialisation
from models.audit import audit
from models.baseline import no_flexibility
from models.case import Case
from models.decomposition.solve import solve as decomposed
from models.errors import CaseError
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, imbalance, intraday, load, make
from tests.models.solved import near, solved
from tests.models.test_formulation_oracle import world

EUR = 12.5


def with_trades(case: Case, kw, eur: float = EUR) -> Case:
    return replace(case, intraday=replace(case.intraday, traded_kw=np.asarray(kw, dtype=float), traded_eur=eur))


def with_less_load(case: Case, kw) -> Case:
    """The same need expressed otherwise: another load of the negative of what was bought, in no congestion point."""
    fixed = case.fixed
    program = np.vstack([fixed.program_kw, -np.asarray(kw, dtype=float)])
    return replace(case, fixed=replace(fixed, point=np.append(fixed.point, -1), program_kw=program))


def test_what_was_bought_is_not_bought_again_and_costs_what_it_cost() -> None:
    # 7 kW are needed and 5 bought day-ahead at 50; 1.5 were traded at 70, the rest is bought at 60
    market = intraday(1, 60, 40, depth_kw=3, traded_kw=1.5, traded_eur=-1.5 * 0.07)
    outcome = solved(make(1, load(1, 7), day_ahead=day_ahead(1, 50, committed_kw=5), intraday=market))
    assert near(outcome.intraday_buy_kw, [0.5])
    assert near(outcome.objective_eur, -0.25 - 1.5 * 0.07 - 0.5 * 0.06)


def test_what_was_traded_too_much_is_traded_back_up_to_the_depth_and_is_imbalance_beyond() -> None:
    market = intraday(1, 60, 40, depth_kw=3, traded_kw=6.0, traded_eur=-0.3)
    case = make(
        1, load(1, 7), day_ahead=day_ahead(1, 50, committed_kw=5), intraday=market, imbalance=imbalance(1, 900, 700)
    )
    outcome = solved(case)
    assert near(np.concatenate([outcome.intraday_sell_kw, outcome.long_kw]), [3, 1])
    assert near(outcome.objective_eur, -0.25 - 0.3 + 3 * 0.04 - 0.7)


def test_a_closed_isp_has_its_position_and_its_trades() -> None:
    market = intraday(1, 60, 40, committed_kw=1.0, traded_kw=1.0, traded_eur=0.0)
    outcome = solved(make(1, load(1, 7), day_ahead=day_ahead(1, 50, committed_kw=5), intraday=market))
    assert near(outcome.short_kw, [0])
    assert near(outcome.intraday_buy_kw, [1])


@pytest.mark.parametrize("seed", range(4))
def test_trades_are_worth_what_so_much_less_load_is_worth_and_their_own_money(seed: int) -> None:
    case = world(seed)
    kw = np.random.default_rng(seed).uniform(-3, 3, case.isps).round(1)
    traded, less = with_trades(case, kw), with_less_load(case, kw)
    base = no_flexibility(traded)
    assert base.objective_eur == pytest.approx(no_flexibility(less).objective_eur + EUR)
    assert audit(traded, base) == ()
    mine, theirs = reference(traded, time_limit_s=600.0), reference(less, time_limit_s=600.0)
    assert audit(traded, mine) == ()
    rounding = 1e-6 * max(1.0, theirs.gross_cost_eur)
    assert mine.bound_eur >= theirs.objective_eur + EUR - rounding
    assert mine.objective_eur <= theirs.bound_eur + EUR + rounding
    quick = decomposed(traded, relative_gap=1e-4, time_limit_s=600.0)
    assert audit(traded, quick) == ()
    assert quick.bound_eur >= mine.objective_eur - rounding
    assert quick.objective_eur <= mine.bound_eur + rounding


def test_the_audit_notices_trades_that_are_forgotten_or_paid_otherwise() -> None:
    market = intraday(1, 60, 40, depth_kw=3, traded_kw=1.5, traded_eur=-0.1)
    case = make(1, load(1, 7), day_ahead=day_ahead(1, 50, committed_kw=5), intraday=market)
    outcome = solved(case)
    without = replace(case, intraday=replace(market, traded_kw=np.zeros(0), traded_eur=-0.1))
    assert any("balance" in finding for finding in audit(without, outcome))
    assert audit(replace(case, intraday=replace(market, traded_eur=-0.2)), outcome) != ()


def test_no_trades_change_neither_archives_nor_digests_and_trades_do() -> None:
    case = make(2, load(2, 3), intraday=intraday(2, 60, 40, depth_kw=3))
    traded = with_trades(case, [1.0, 0.0])
    assert serialisation.digest(case) == serialisation.digest(with_trades(case, [0.0, 0.0], 0.0))
    assert serialisation.digest(case) != serialisation.digest(traded)
    again = serialisation.unpack(Case, serialisation.pack(traded))
    assert (again.intraday.traded_kw.tolist(), again.intraday.traded_eur) == ([1.0, 0.0], EUR)


def test_trades_of_another_length_are_no_case() -> None:
    market = replace(intraday(2, 60, 40, depth_kw=3), traded_kw=np.ones(3))
    with pytest.raises(CaseError, match=r"intraday\.traded_kw"):
        make(2, load(2, 3), intraday=market)
