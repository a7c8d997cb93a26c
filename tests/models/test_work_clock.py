"""Time limits count work: what else the machine does moves no deadline, and a search that starves still ends."""

from types import SimpleNamespace

import highspy
import numpy as np
import pytest

from models.decomposition.stopping import Interrupted, StopReason
from models.listening import Listener
from models.work_clock import LONGEST, WorkClock


class Machine:
    """A wall clock, and the processor time that a process gets on a machine with two cores."""

    def __init__(self):
        self.wall, self.processor = 100.0, 7.0

    def clock(self):
        return WorkClock(wall=lambda: self.wall, processor=lambda: self.processor)

    def passes(self, wall, processor):
        self.wall, self.processor = self.wall + wall, self.processor + processor


@pytest.mark.parametrize(
    ("wall", "processor", "work"),
    [(10, 10, 10), (10, 20, 10), (10, 5, 5), (10, 0, 10 / LONGEST), (0, 3, 0), (-5, 0, 0)],
    ids=["alone", "two threads", "half the processor", "it waits", "no time", "a clock set back"],
)
def test_a_second_counts_as_the_processor_time_in_it(wall, processor, work):
    machine = Machine()
    clock = machine.clock()
    machine.passes(wall, processor)
    assert clock() == pytest.approx(work)
    assert clock() == pytest.approx(work)


def test_with_half_the_processor_a_search_may_do_as_much_as_alone():
    done = []
    for share in (1.0, 0.5, 0.3):
        machine, steps = Machine(), 0
        clock = machine.clock()
        stop = Interrupted(deadline_s=clock() + 20, cancelled=lambda: False, clock=clock)
        while stop.reason() is not StopReason.TIME_LIMIT:
            machine.passes(1 / share, 1.0)
            steps += 1
        done.append(steps)
    assert done == [20, 20, 20]


def test_how_slow_it_was_lately_is_remembered_and_forgotten():
    machine = Machine()
    clock = machine.clock()
    assert clock.slowness() == 1.0
    for share, expected in ((1 / 3, 3.0), (1.0, 1.0), (0.01, LONGEST)):
        for _ in range(100):
            machine.passes(1, share)
            clock()
        assert clock.slowness() == pytest.approx(expected, rel=1e-3)


def asked(listener, kind, times=16):
    answer = SimpleNamespace(user_interrupt=False)
    for _ in range(times):
        listener.called(kind, "", None, answer, None)
    return answer.user_interrupt


@pytest.mark.parametrize("kind", ["Simplex", "Ipm", "Mip"])
def test_a_run_of_highs_ends_by_work_not_by_the_wall(kind):
    machine, kinds = Machine(), highspy.cb.HighsCallbackType
    listener = Listener(highspy.Highs(), None, machine.clock())
    assert listener.time_limit_s(5.0) == 5.0 * LONGEST
    called = getattr(kinds, f"kCallback{kind}Interrupt")
    machine.passes(9, 4.9)
    assert not asked(listener, called)
    machine.passes(0.2, 0.2)
    assert asked(listener, called)


def test_branching_gets_the_time_on_the_wall_that_its_work_will_take():
    machine = Machine()
    clock = machine.clock()
    listener = Listener(highspy.Highs(), None, clock)
    machine.passes(60, 30)
    assert listener.time_limit_s(5.0, branching=True) == pytest.approx(10.0)


def branched(listener, gap):
    answer = SimpleNamespace(user_interrupt=False)
    told = SimpleNamespace(mip_primal_bound=-100.0 + gap, mip_dual_bound=-100.0)
    listener.called(highspy.cb.HighsCallbackType.kCallbackMipInterrupt, "", told, answer, None)
    return answer.user_interrupt


def test_branching_ends_once_it_has_worked_four_times_as_long_as_until_it_last_got_further():
    machine = Machine()
    listener = Listener(highspy.Highs(), None, machine.clock())
    assert listener.time_limit_s(600.0, branching=True, stalls_below=1.0) > 0
    assert not branched(listener, 0.9)
    machine.passes(1.9, 1.9)
    assert not branched(listener, 0.89)  # less than two seconds, and 0.89 is hardly less
    machine.passes(0.05, 0.05)
    assert not branched(listener, 0.8)  # after 1.95 s
    machine.passes(5.8, 5.8)
    assert not branched(listener, 0.8)
    machine.passes(0.1, 0.1)
    assert branched(listener, 0.8)
    assert listener.stalled


def test_branching_goes_on_where_the_gap_is_wide_or_nobody_asked_to_end_it():
    for gap, stalls_below in ((1.1, 1.0), (0.5, 0.0)):
        machine = Machine()
        listener = Listener(highspy.Highs(), None, machine.clock())
        assert listener.time_limit_s(600.0, branching=True, stalls_below=stalls_below) > 0
        for _ in range(10):
            machine.passes(10, 10)
            assert not branched(listener, gap)
        assert not listener.stalled


def test_a_solver_frees_its_memory_though_it_knows_its_listener():
    import gc
    import weakref

    solver = highspy.Highs()
    listener = Listener(solver, None)
    gone = weakref.ref(listener)
    assert np.isfinite(listener.time_limit_s(1.0))
    del solver, listener
    gc.collect()
    assert gone() is None
