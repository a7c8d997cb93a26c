"""The log of a solve: HiGHS's log, our steps and rounds; nothing on the terminal."""

import numpy as np
from scipy import sparse

from models.matrix import Matrix
from models.solver import Relaxation, Status, solve_interior, solve_mixed
from models.solver_log import LINES, SolverLog, hurried, without_times


def knapsacks(count=40, rows=12):
    """A problem that HiGHS has to branch for."""
    random = np.random.default_rng(5)
    weight = random.integers(5, 60, (rows, count)).astype(float)
    return Matrix(
        cost=-random.integers(5, 50, count).astype(float), offset=0.0, lower=np.zeros(count), upper=np.ones(count),
        whole=np.ones(count, dtype=bool), rows=sparse.csc_array(weight), row_lower=np.full(rows, -np.inf),
        row_upper=weight.sum(axis=1) * 0.4, column_of={}, row_of={},
    )  # fmt: skip


def told(threads, gap=1e-6):
    log = SolverLog()
    matrix = knapsacks()
    relaxation = Relaxation(matrix, threads=threads, log=log)
    relaxation.solve(60, "simplex")
    before = len(log.lines())
    relaxation.solve(60, "simplex")  # only the first of many is told
    assert len(log.lines()) == before
    log.say("branching: our own words")
    run = solve_mixed(matrix, start=np.zeros(0), absolute_gap=gap, time_limit_s=600, threads=threads, log=log)
    return log.lines(), run


def test_highs_tells_the_log_and_not_the_terminal(capfd):
    lines, run = told(threads=2)
    text = "\n".join(lines)
    assert "LP has 12 rows; 40 cols" in text
    assert "MIP has 12 rows; 40 cols" in text
    assert f"Primal bound      {run.objective:.0f}" in text
    assert text.index("Model status        : Optimal") < text.index("our own words") < text.index("Solving report")
    assert capfd.readouterr() == ("", "")


def test_costs_that_are_enlarged_for_a_small_gap_are_said_before_what_highs_says():
    lines, run = told(threads=1, gap=2e-9)
    said = lines.index("costs are 512 times as large in what HiGHS says next, its report included")
    assert f"Primal bound      {512 * run.objective:.0f}" in "\n".join(lines[said:])
    assert run.objective == told(threads=1)[1].objective


def test_without_times_a_search_says_the_same_again():
    first, second = (without_times(told(threads=1)[0]) for _ in range(2))
    assert first == second
    text = "\n".join(first)
    assert "Simplex   iterations" in text
    assert "LP iterations" in text
    assert not any(word in text for word in ("HiGHS run time", "Timing", "P-D integral", "0.0s"))


def test_lines_of_ours_lose_their_seconds_and_keep_their_figures():
    rounds = (
        "round 7: no program above 12.500000 EUR  3.21 s",
        " H       0       0         0   0.00%   -890.4   -885   0.61%      404     15      2        73     0.1s",
        "        13       0         7 100.00%   -885   -885   0.00%      444      7    119      1265     0.3s",
        "   3   -1.78263177e+03  -2.06748838e+03   5.37e-15   2.81e-03  1.48e-01       0.0",
        "Objective value     : -3.5431462161e+02",
    )  # fmt: skip
    kept = without_times(rounds)
    assert kept[0] == "round 7: no program above 12.500000 EUR"
    assert kept[1].startswith(" H ")
    assert kept[1].endswith(" 73")
    assert kept[2:] == ("Objective value     : -3.5431462161e+02",)


def test_of_a_long_search_the_middle_is_left_out_whatever_the_clock_added():
    def search(slow):
        log = SolverLog()
        for number in range(1000):
            log.say(f"round {number}: no program above 1 EUR  {number * (1 + slow):.2f} s")
            for _ in range(slow * number % 7):
                log.hear(f"   presolving {number} rows 5s\n")
        return log.lines()

    quick, slow = search(0), search(1)
    assert without_times(quick) == without_times(slow)
    assert len(quick) == LINES + 1
    assert len(slow) == 2 * LINES + 1
    assert quick[LINES // 4] == f"({1000 - LINES} lines left out)"
    assert quick[-1].startswith("round 999")


def test_a_run_that_a_time_limit_ended_is_noticed():
    log = SolverLog()
    solve_mixed(knapsacks(200, 60), start=np.zeros(0), absolute_gap=1e-9, time_limit_s=0.05, threads=1, log=log)
    assert hurried(log.lines())
    assert not hurried(told(threads=1)[0])


def test_that_a_time_limit_was_reached_is_never_left_out():
    log = SolverLog()
    for number in range(1000):
        log.hear(f"   presolving {number} rows 5s\n")
        if number in (400, 500):
            log.say("Time limit reached in a run of HiGHS")
    lines = log.lines()
    assert len(lines) == LINES + 2
    assert hurried(lines)


def test_every_run_that_ends_by_its_time_limit_is_told_not_only_the_first():
    random = np.random.default_rng(5)
    rows = random.uniform(1, 2, (600, 900))  # takes far longer than the hundredth of a second that is the least
    matrix = Matrix(
        cost=-random.uniform(1, 2, 900), offset=0.0, lower=np.zeros(900), upper=np.ones(900),
        whole=np.zeros(900, dtype=bool), rows=sparse.csc_array(rows), row_lower=np.full(600, -np.inf),
        row_upper=rows.sum(axis=1) * 0.4, column_of={}, row_of={},
    )  # fmt: skip
    for quiet in (False, True):
        log = SolverLog()
        relaxation = Relaxation(matrix, threads=1, log=log, quiet=quiet)
        for count in (1, 2):
            assert relaxation.solve(0.0, "simplex").status is Status.TIME_LIMIT
            assert log.lines().count("Time limit reached in a run of HiGHS") == count
        assert any("LP has 600 rows" in line for line in log.lines()) != quiet
    log = SolverLog()
    assert solve_interior(matrix, time_limit_s=0.0, threads=1, log=log).status is Status.TIME_LIMIT
    assert log.lines() == ("Time limit reached in a run of HiGHS",)
