"""The feed that a run publishes its rounds to."""

from datetime import UTC, datetime

from agr.planning.progress import KEPT_ROUNDS, PlanningProgress, RoundProgress

NOW = datetime(2026, 3, 28, 6, tzinfo=UTC)


def a_round(number: int) -> RoundProgress:
    return RoundProgress(round=number, bound=100.0, value=90.0 + number, gap=10.0 - number, seconds=0.5 * number)


def test_a_run_is_told_from_its_start_to_its_end():
    progress, told = PlanningProgress(), []
    progress.listeners.append(lambda: told.append(progress.latest()))
    assert progress.latest() is None
    progress.started("2026-03-29", ("first plan",), False, NOW)
    progress.reached(a_round(1))
    progress.ended(NOW, "audited", 7)
    assert [(r.number, len(r.rounds), r.outcome, r.plan) for r in told] == [
        (1, 0, "", None),
        (1, 1, "", None),
        (1, 1, "audited", 7),
    ]


def test_a_round_that_comes_after_the_end_is_nobody_s():
    progress = PlanningProgress()
    progress.reached(a_round(1))
    assert progress.latest() is None
    progress.started("2026-03-29", (), True, NOW)
    progress.ended(NOW, "preview", 1)
    progress.reached(a_round(2))
    assert progress.latest().rounds == ()


def test_a_search_without_end_does_not_fill_the_memory():
    progress = PlanningProgress()
    progress.started("2026-03-29", (), False, NOW)
    for number in range(KEPT_ROUNDS + 5):
        progress.reached(a_round(number))
    assert len(progress.latest().rounds) == KEPT_ROUNDS
    assert progress.latest().rounds[-1].round == KEPT_ROUNDS + 4
