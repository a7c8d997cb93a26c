"""The worked example of docs/explanation/balancing-groups.md: its values are those of the plan."""

import re
from pathlib import Path

import pytest

from tests.models.builders import day_ahead, intraday, load, make, solar, storage
from tests.models.obligation_builders import balanced
from tests.models.solved import near, solved

PAGE = (Path(__file__).parents[2] / "docs/explanation/balancing-groups.md").read_text(encoding="utf-8")


def stated(row: str) -> float:
    (eur,) = re.findall(rf"^\| {row} \|.*\| ([−\d.]+) EUR \|$", PAGE, re.MULTILINE)
    return float(eur.replace("−", "-"))


def test_the_two_plans_are_worth_what_the_page_says():
    case = make(
        2, load(2, [0.0, 10.0]), solar(2, [-10.0, 0.0]), storage(2, charge_kw=10, discharge_kw=10, high=10),
        day_ahead=day_ahead(2, 50.0, committed_kw=0.0), intraday=intraday(2, 70.0, 30.0, depth_kw=100.0),
    )  # fmt: skip
    together = solved(case)
    assert together.objective_eur == pytest.approx(stated("together"), abs=1e-6)
    assert near(together.intraday_buy_kw + together.intraday_sell_kw, 0)
    apart = solved(balanced(case, {"name": "supplier"}, {"name": "sun"}, curtailable=[1], storage=[1]))
    assert apart.objective_eur == pytest.approx(stated("each by itself"), abs=1e-6)
    assert near(apart.group_intraday_kw[0], [0, 10])
    assert apart.group_intraday_kw[1].sum() == pytest.approx(-10)
