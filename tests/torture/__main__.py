"""The long campaigns with a scoreboard: make torture (ARGS="--kills 50" for a shorter one). Exits 1 on any fault."""

import argparse
import functools
import random
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agr.demo.environment import counterparty_python
from tests.postgres import emptied, postgres_bin, postgres_server
from tests.torture.tortured import PROJECT, Life, Score, TorturedDay, parties, through

console = Console()


def killer(tortured: TorturedDay, seed: random.Random, most: int) -> Callable[[], Life]:
    """Return what starts lives that end at a random time, `most` times; the last one may live."""
    lives = 0

    def begin() -> Life:
        nonlocal lives
        life = tortured.live()
        if lives < most:
            lives += 1
            timer = threading.Timer(seed.uniform(0.0, 5.0), life.kill)
            timer.daemon = True
            timer.start()
        return life

    return begin


def main() -> int:
    """Run the campaigns, print the scoreboard."""
    parser = argparse.ArgumentParser(prog="make torture ARGS=…")
    parser.add_argument("--kills", type=int, default=220, help="how many kills in all, at least")
    parser.add_argument("--seed", type=int, default=1, help="of the random times")
    given = parser.parse_args()
    seed, scores = random.Random(given.seed), list[Score]()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="agr-torture-"))
        python = counterparty_python(PROJECT / ".venv-counterparty")
        others = stack.enter_context(contextmanager(parties)(python, folder))
        server = stack.enter_context(postgres_server()) if postgres_bin() else None
        console.print(f"logs and stores: {folder}; seed {given.seed}", highlight=False)

        def campaign(name: str, url: str, most: int, *, at_commits: bool) -> None:
            score = Score(name)
            scores.append(score)
            killed = folder / f"{name}.killed".replace(" ", "-")
            while score.kills < most and not score.faults:
                place = folder / f"{name} {score.days}".replace(" ", "-")
                place.mkdir()
                day = TorturedDay(place, others, emptied(url) if url else "")
                at_points = functools.partial(day.live, str(killed), str(score.days + 1))
                begin = at_points if at_commits else killer(day, seed, 12)
                before = score.kills
                through(day, score, begin)
                console.print(f"{name}: day {score.days} over after {score.kills - before} kills", highlight=False)
                if at_commits and score.kills == before:
                    break
            score.points = set(killed.read_text().splitlines()) if killed.exists() else set()

        share = given.kills // 3
        campaign("SQLite at commits", "", share, at_commits=True)
        campaign("SQLite at random", "", share, at_commits=False)
        if server:
            campaign("PostgreSQL at commits", server, given.kills - 2 * share, at_commits=True)
        missing = given.kills - sum(s.kills for s in scores)
        if missing > 0 and not any(s.faults for s in scores):
            campaign("SQLite at random, more", "", missing, at_commits=False)
    console.print(board(scores))
    for score in scores:
        for fault in score.faults:
            console.print(f"{score.name}: {fault}", style="red", markup=False)
    return 1 if any(s.faults for s in scores) else 0


def board(scores: list[Score]) -> Table:
    """Return the scoreboard."""
    table = Table(title="Killed, and what came of it")
    heads = ("campaign", "kills", "commit points", "days", "messages taken", "prognoses arrived", "of them again",
             "plans audited", "faults", "seconds")  # fmt: skip
    for head in heads:
        table.add_column(head, justify="left" if head == "campaign" else "right")
    for s in scores:
        row = (
            s.name,
            s.kills,
            len(s.points),
            s.days,
            s.taken,
            s.arrived,
            s.again,
            s.plans,
            len(s.faults),
            round(s.seconds),
        )
        table.add_row(*map(str, row))
    return table


if __name__ == "__main__":
    sys.exit(main())
