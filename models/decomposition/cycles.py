"""How much work each cycle of the decomposition gets, from what those before it left. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.decomposition.tuning import Cycles


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """What a cycle of searching, generating and mixing left."""

    gap_eur: float  # of the best mixture to the bound
    asked_eur: float  # the gap asked for

    def within(self, times: float) -> bool:
        """Say whether the gap is at most so many times the one asked for."""
        return self.gap_eur <= times * self.asked_eur


@dataclass(frozen=True, kw_only=True)
class Effort:
    """A price search, if it has any rounds, and the column generation that follows it."""

    search_rounds: int
    generation_rounds: int
    first_step: float  # of the column generation: factor on the step of prices
    close: float  # gaps from the bound at which the generation ends


def efforts(done: Sequence[Cycle], tuning: Cycles, *, from_sample: bool) -> tuple[Effort, ...]:
    """Return the work of the next cycle.

    A sample's prices are nearly as good as those a search would find: columns are generated first, and six rounds of
    search gain more once there are some.
    """
    if from_sample and not done:
        few = tuning.sampled_rounds
        return (
            Effort(
                search_rounds=0,
                generation_rounds=tuning.sampled_generation_rounds,
                first_step=tuning.first_step,
                close=tuning.nearly_close,
            ),
            Effort(search_rounds=few, generation_rounds=few, first_step=tuning.later_step, close=tuning.close),
        )
    search, generation = tuning.search_rounds, tuning.generation_rounds
    if done and done[-1].within(tuning.narrow):
        search = generation = rounds_after(done[-1], tuning)
    return (
        Effort(
            search_rounds=search,
            generation_rounds=generation,
            first_step=tuning.later_step if done else tuning.first_step,
            close=tuning.close if from_sample else 0.0,
        ),
    )


def rounds_after(missed: Cycle, tuning: Cycles) -> int:
    """Return how many rounds a cycle gets after a narrow miss: the more, the wider it was."""
    too_wide = missed.gap_eur / max(missed.asked_eur, 1e-9) - 1.0
    return int(np.clip(tuning.least_rounds * too_wide / tuning.round_step, tuning.least_rounds, tuning.most_rounds))


def aim_of(done: Sequence[Cycle], tuning: Cycles) -> float:
    """Return the share of the gap at which the next mixture aims: less after each good one that did not suffice."""
    return tuning.first_aim * tuning.tightening ** sum(cycle.within(tuning.good) for cycle in done)


def promising(done: Sequence[Cycle], tuning: Cycles) -> bool:
    """Say whether programs are worth making of the last mixture, although another cycle follows.

    It is the best so far, and the next cycle may drop its columns; but narrow misses are first tried to be closed.
    """
    last, before = done[-1], min((cycle.gap_eur for cycle in done[:-1]), default=np.inf)
    return last.gap_eur < before and not (last.within(tuning.narrow) and len(done) <= tuning.narrow_cycles)
