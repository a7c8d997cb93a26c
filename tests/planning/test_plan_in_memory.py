"""A plan in force that is in memory is not read from the store again: a large one takes seconds to unpack."""

from collections.abc import Callable
from pathlib import Path

from agr.planning.case import build
from agr.planning.difference import Solved
from agr.planning.incremental import IncrementalPlanner
from agr.planning.inputs import read_inputs
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.serialisation import digest
from agr.planning.stored_plans import StoredInputs, StoredPlans
from agr.settings import Planning
from tests.builders.worlds import PERIOD, World
from tests.planning.test_service import PlanningStage


def test_a_plan_in_force_that_is_in_memory_is_not_read_again_and_gives_the_same_case(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.know_register(contracts=())
    world.know_points()
    solver = SolverPool(Planning(threads=1, method="decomposition"))
    try:
        stage = PlanningStage(world, solver)
        stage.ask()
        assert stage.planner.run_due() == 1
        planner = IncrementalPlanner(StoredPlans(world.store), world.settings, solver, world.clock.now)
    finally:
        solver.close()
    number = stage.made[-1].id
    with world.store.transaction() as tx:
        planner.keep(stage.made[-1], load_solved(tx, number))
    assert planner.kept(number) is not None
    assert planner.kept(number + 1) is None
    read: list[int] = []

    class Counted(StoredInputs):
        def archived(self, number: int) -> Callable[[], Solved]:
            read.append(number)
            return super().archived(number)

    now = PERIOD.isp_start(21)
    with world.store.transaction() as tx:
        stored = read_inputs(Counted(tx), world.settings, PERIOD, now)
        assert read == [number]
        kept = read_inputs(Counted(tx), world.settings, PERIOD, now, kept=planner.kept)
        assert read == [number]
    assert stored is not None
    assert kept is not None
    assert kept.before is planner.kept(number)
    assert digest(build(kept.inputs)) == digest(build(stored.inputs))
    planner.forget()
    assert planner.kept(number) is None
    world.store.close()
