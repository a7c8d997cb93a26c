"""The algorithm with scripted steps: which steps run, how often, and why it stops."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from models.decomposition.algorithm import optimise
from models.decomposition.cycles import Cycle, aim_of, efforts, promising, rounds_after
from models.decomposition.protocols import Steps
from models.decomposition.stopping import StopReason
from models.decomposition.tuning import Cycles

TUNING = Cycles()


@dataclass
class Scripted:
    """Steps whose mixtures leave given gaps, EUR, where 1 EUR is asked for; recovery adds a little to them."""

    gaps: Sequence[float | None]
    sample: bool = False
    recovery_eur: float = 0.0
    interrupted_after: int = 10**6  # calls of the master LP
    done: list[str] = field(default_factory=list)
    aims: list[float] = field(default_factory=list)
    best_eur: float | None = None
    solved: int = 0

    def first_prices(self) -> bool:
        self.done.append("first prices")
        return self.sample

    def search_prices(self, *, rounds: int, aim_eur: float) -> None:
        self.done.append(f"search {rounds}")

    def commit_bids(self, *, aim_eur: float) -> None:
        assert aim_eur > 0

    def generate_columns(self, *, rounds: int, first_step: float, enough_eur: float) -> None:
        self.done.append(f"generate {rounds} from {first_step:g} to {enough_eur:g}")

    def solve_master_lp(self, *, aim_eur: float) -> float | None:
        self.aims.append(aim_eur)
        self.solved += 1
        return self.gaps[min(self.solved, len(self.gaps)) - 1]

    def settle_indivisible(self, *, aim_eur: float) -> None:
        self.done.append("settle")

    def recover_program(self) -> None:
        self.done.append("recover")
        gap = self.gaps[min(self.solved, len(self.gaps)) - 1]
        found = (99.0 if gap is None else gap) + self.recovery_eur
        self.best_eur = found if self.best_eur is None else min(found, self.best_eur)

    def report(self) -> None:
        pass

    def bound_eur(self) -> float:
        return 0.0

    def gross_cost_eur(self) -> float:
        return 1000.0

    def has_program(self) -> bool:
        return self.best_eur is not None

    def proven(self, relative_gap: float) -> StopReason | None:
        proven = self.best_eur is not None and self.best_eur <= relative_gap * self.gross_cost_eur()
        return StopReason.PROVEN if proven else None

    def interrupted(self) -> StopReason | None:
        return StopReason.CANCELLED if self.solved >= self.interrupted_after else None


def run(steps: Steps) -> StopReason:
    return optimise(steps, relative_gap=1e-3, tuning=TUNING)


def test_a_small_gap_is_asked_for_once_a_wider_one_is_proven_and_the_best_program_stays():
    steps = Scripted(gaps=[0.9, 0.95, 0.05])
    assert optimise(steps, relative_gap=1e-4, tuning=TUNING) is StopReason.PROVEN
    assert steps.aims[0] == pytest.approx(0.7)
    assert steps.aims[1:] == pytest.approx([0.07, 0.07])
    assert steps.best_eur == 0.05


def test_a_good_mixture_is_settled_recovered_and_proven():
    steps = Scripted(gaps=[0.5])
    assert run(steps) is StopReason.PROVEN
    assert steps.done == ["first prices", "search 150", "generate 25 from 0.3 to 0", "settle", "recover"]


def test_at_a_samples_prices_columns_come_before_a_short_search():
    steps = Scripted(gaps=[0.5], sample=True)
    assert run(steps) is StopReason.PROVEN
    assert steps.done[1:4] == ["generate 40 from 0.3 to 3.5", "search 6", "generate 6 from 30 to 2"]


def test_a_narrow_miss_gets_rounds_by_its_size_and_no_programs_at_first():
    steps = Scripted(gaps=[1.5, 0.9])
    assert run(steps) is StopReason.PROVEN
    assert steps.done.count("recover") == 1
    assert "search 33" in steps.done


def test_a_wide_miss_is_recovered_and_searched_in_full_again():
    steps = Scripted(gaps=[5.0, 0.9])
    assert run(steps) is StopReason.PROVEN
    assert steps.done.count("search 150") == 2
    assert steps.done.count("recover") == 2


def test_a_good_mixture_whose_programs_miss_lets_the_next_aim_at_half():
    steps = Scripted(gaps=[1.0, 0.5], recovery_eur=0.2)
    assert run(steps) is StopReason.PROVEN
    assert steps.aims == pytest.approx([0.7, 0.35])


def test_without_progress_it_ends_by_itself_with_what_it_has():
    steps = Scripted(gaps=[5.0])
    assert run(steps) is StopReason.STALLED
    assert steps.solved == 3
    assert steps.done[-2:] == ["settle", "recover"]


def test_small_progress_for_ever_ends_after_the_last_cycle():
    steps = Scripted(gaps=[1000.0 * 0.7**n for n in range(20)])
    assert run(steps) is StopReason.CYCLE_LIMIT
    assert steps.solved == TUNING.most


def test_as_many_cycles_are_made_as_the_tuning_allows():
    steps = Scripted(gaps=[5.0, 4.0])
    assert optimise(steps, relative_gap=1e-3, tuning=Cycles(most=1)) is StopReason.CYCLE_LIMIT
    assert steps.solved == 1


def test_without_a_mixture_programs_are_made_of_the_weights_there_are():
    steps = Scripted(gaps=[None])
    assert run(steps) is StopReason.NO_MIXTURE
    assert steps.done[-1] == "recover"


def test_interrupted_it_makes_programs_of_what_there_is():
    steps = Scripted(gaps=[5.0], interrupted_after=1)
    assert run(steps) is StopReason.CANCELLED
    assert steps.done[-2:] == ["settle", "recover"]


@pytest.mark.parametrize(("gap", "rounds"), [(1.0, 10), (1.15, 10), (1.3, 20), (1.45, 30), (9.0, 40)])
def test_rounds_grow_with_a_miss(gap, rounds):
    assert rounds_after(Cycle(gap_eur=gap + 1e-9, asked_eur=1.0), TUNING) == rounds


def test_the_aim_halves_with_every_good_mixture():
    good, wide = Cycle(gap_eur=1.0, asked_eur=1.0), Cycle(gap_eur=3.0, asked_eur=1.0)
    assert aim_of([], TUNING) == pytest.approx(0.7)
    assert aim_of([good, wide, good], TUNING) == pytest.approx(0.175)


def test_a_later_narrow_miss_that_is_the_best_so_far_is_worth_programs():
    misses = [Cycle(gap_eur=gap, asked_eur=1.0) for gap in (1.9, 1.8, 1.7, 1.6)]
    assert not promising(misses[:3], TUNING)
    assert promising(misses, TUNING)
    assert not promising([*misses, misses[0]], TUNING)


def test_later_cycles_begin_with_larger_steps():
    (effort,) = efforts([Cycle(gap_eur=9.0, asked_eur=1.0)], TUNING, from_sample=True)
    assert (effort.first_step, effort.close, effort.search_rounds) == (30.0, 2.0, 150)
