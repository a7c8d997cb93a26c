"""Decides how much work each cycle of the decomposition does, given the results of earlier cycles. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.decomposition.tuning import Cycles


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """The result of one cycle of searching, generating and mixing."""

    gap_eur: float  # cost of this cycle's mixture minus the bound
    asked_eur: float  # the gap asked for

    def within(self, times: float) -> bool:
        """Say whether the gap is at most `times` the one asked for."""
        return self.gap_eur <= times * self.asked_eur


@dataclass(frozen=True, kw_only=True)
class CycleEffort:
    """The rounds of a price search, possibly none, and of the column generation after it."""

    search_rounds: int
    generation_rounds: int
    first_step: float  # factor on the step of prices at the start of the column generation
    close: float  # the generation ends at this distance to the bound, in multiples of the gap asked for


def efforts(done: Sequence[Cycle], tuning: Cycles, *, from_sample: bool) -> tuple[CycleEffort, ...]:
    """Return the work of the next cycle.

    A sample's prices are nearly as good as those of a search. So columns are generated first, and a few rounds of
    search gain more once there are columns.
    """
    if from_sample and not done:
        few = tuning.sampled_rounds
        return (
            CycleEffort(
                search_rounds=0,
                generation_rounds=tuning.sampled_generation_rounds,
                first_step=tuning.first_step,
                close=tuning.nearly_close,
            ),
            CycleEffort(search_rounds=few, generation_rounds=few, first_step=tuning.later_step, close=tuning.close),
        )
    search, generation = tuning.search_rounds, tuning.generation_rounds
    if done and done[-1].within(tuning.narrow):
        search = generation = rounds_after(done[-1], tuning)
    return (
        CycleEffort(
            search_rounds=search,
            generation_rounds=generation,
            first_step=tuning.later_step if done else tuning.first_step,
            close=tuning.close if from_sample else 0.0,  # 0: only where the cost meets the bound
        ),
    )


def rounds_after(missed: Cycle, tuning: Cycles) -> int:
    """Return the number of rounds of the cycle after a narrow miss; a wider miss gets more."""
    too_wide = missed.gap_eur / max(missed.asked_eur, 1e-9) - 1.0
    return int(np.clip(tuning.least_rounds * too_wide / tuning.round_step, tuning.least_rounds, tuning.most_rounds))


def aim_of(done: Sequence[Cycle], tuning: Cycles) -> float:
    """Return the share of the gap that the next mixture aims at; it falls after each good mixture."""
    return tuning.first_aim * tuning.tightening ** sum(cycle.within(tuning.good) for cycle in done)


def promising(done: Sequence[Cycle], tuning: Cycles) -> bool:
    """Return True if the last mixture is the best so far and not an early narrow miss.

    Then a program is recovered although another cycle follows, which may drop its columns. After an early narrow miss,
    the next cycle may well close the gap.
    """
    last, before = done[-1], min((cycle.gap_eur for cycle in done[:-1]), default=np.inf)
    return last.gap_eur < before and not (last.within(tuning.narrow) and len(done) <= tuning.narrow_cycles)
