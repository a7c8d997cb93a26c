"""Random small scenarios: no plan is worth more, and no proof says less, than an independent model finds possible."""

from dataclasses import replace

import pytest

from tests.scenario.monolith.comparing import Compared, faults
from tests.scenario.monolith.generator import make

SEEDS = (1, 2, 9, 11, 12, 16, 22, 24, 26, 28, 30, 32, 39, 42, 66, 109)

WIDER = (  # what is added costs or earns something in each: without it, the optimum is another
    (30004, "limits"), (30003, "tariffs"), (30004, "switched"), (30003, "decomposed"), (30003, "limits+tariffs"),
    (30000, "parties"), (30010, "awards"), (30000, "rolling"), (30001, "clock+limits"),
    (62005, "rolling+parties+switched"), (6, "days"), (25, "days+switched+tariffs"), (122, "days+ahead"),
    (213, "days+ahead+tariffs+switched+limits"), (411, "orders"), (502, "contradicting+orders"),
)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_every_plan_is_worth_what_an_independent_model_finds(seed, tmp_path, solver):
    assert faults(make(tmp_path / "day", seed), solver) == []


@pytest.mark.parametrize(("seed", "kinds"), WIDER)
def test_what_worlds_may_have_beside_devices_is_planned_as_an_independent_model_finds(seed, kinds, tmp_path, solver):
    assert faults(make(tmp_path / "day", seed, kinds.split("+")), solver) == []


def test_a_plan_that_is_worth_too_much_and_a_proof_below_what_is_possible_are_noticed():
    right = Compared(step="1", worth=4.0, bound=5.0, most=4.5, possible=4.5, gross=10.0)
    assert right.wrong() is None
    assert "no more than 4.5" in str(replace(right, worth=4.51).wrong())
    assert "but 4.5" in str(replace(right, bound=4.49).wrong())
