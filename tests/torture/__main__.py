"""The long campaigns with a scoreboard: make torture (ARGS="--minutes 4" for a part). Exits 1 on any fault.

Kills add up over runs in build/torture/ledger.jsonl until each campaign has its share: a call that `--minutes` ended is
continued by the next one. A fault stays on the board, with the folder of its logs; `--afresh` resets the counts.
"""

import argparse
import functools
import itertools
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agr.demo.counterparties import Counterparty
from agr.demo.environment import counterparty_python
from tests.builders.campaign_ledger import Ledger
from tests.builders.postgres import emptied, postgres_bin, postgres_server
from tests.day import tiny
from tests.torture.depot import depots, through_changes
from tests.torture.lives import Life, Score
from tests.torture.nursery import PROJECT
from tests.torture.relay import Relay
from tests.torture.tortured import TorturedDay, through
from tests.torture.trader import through_kills

console = Console(width=None if sys.stdout.isatty() else 130)
FOLDER = PROJECT / "build" / "torture"
AT_RANDOM = 12
"""Kills at random times in one day, at most: then the day has to end."""
SLOW_COMMIT_S = 0.2
"""How much longer each commit takes on a slow disk."""
OF_DISPATCH = ("dispatcher.py", "verifier.py", "roads.py", "sessions.py")
"""Commit points at which daemons that carry plans out are killed."""
CSMS_KILLS = 3
"""Changes of one round at which the CSMS is killed, too."""
HEADS = {
    "kills": "kills", "points": "commit points", "days": "days", "taken": "messages taken",
    "arrived": "prognoses arrived", "again": "of them again", "plans": "plans audited", "faults": "faults",
    "takeover": "longest takeover (s)", "seconds": "seconds",
}  # fmt: skip


COUNTED = ("points", "faults", "takeover")
"""Columns that are not sums of the ledger's figures."""


def killer(tortured: TorturedDay, seed: random.Random, most: int, commit_s: float) -> Callable[[], Life]:
    """Return what starts lives that end at a random time, `most` times; the last one may live."""
    lives = 0

    def begin() -> Life:
        nonlocal lives
        life = tortured.live(commit_s=commit_s)
        if lives < most:
            lives += 1
            timer = threading.Timer(seed.uniform(0.0, 5.0 + 20.0 * commit_s), life.kill)
            timer.daemon = True
            timer.start()
        return life

    return begin


@contextmanager
def _parties(python: Path, folder: Path) -> Iterator[tuple[Counterparty, Counterparty, Counterparty]]:
    """Start a CRO and two DSOs in processes of their own."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(Counterparty(python, role=role, domain=domain, log=folder / f"{domain}.log"))
            for role, domain in (("CRO", "cro.example"), ("DSO", tiny.NORTH), ("DSO", tiny.SOUTH))
        ]
        yield started[0], started[1], started[2]


class Campaigns:
    """Whole days, one after the other, until enough daemons were killed or the time is over."""

    def __init__(self, ledger: Ledger, folder: Path, minutes: float, seed: int, python: Path, stack: ExitStack) -> None:
        self._ledger, self._folder = ledger, folder
        self._until, self._seed = time.monotonic() + minutes * 60, seed
        self._others = stack.enter_context(_parties(python, folder))

    def killed(self, name: str) -> Path:
        """Return the file with the commit points at which daemons were killed."""
        return self._ledger.path.parent / f"{name}.killed".replace(" ", "-")

    def run(
        self, name: str, url: str, most: int, *, at_commits: bool = False, commit_s: float = 0.0, relay: bool = False
    ) -> None:
        """Run days of one campaign until it has `most` kills. A day that killed nothing has hit every point."""
        for number in itertools.count(self._ledger.total("days", name=name)):
            kills = self._ledger.total("kills", name=name)
            if kills >= most or self.faults() or time.monotonic() > self._until:
                return
            place, score = self._folder / f"{name} {number}".replace(" ", "-"), Score(name)
            place.mkdir()
            day = TorturedDay(place, self._others, emptied(url) if url else "")
            at_points = functools.partial(day.live, str(self.killed(name)), str(number + 1))
            seed = random.Random(f"{self._seed} {name} {number}")
            try:
                if relay:
                    Relay(day).run(score, seed, AT_RANDOM)
                else:
                    through(day, score, at_points if at_commits else killer(day, seed, AT_RANDOM, commit_s))
            except AssertionError as error:  # no progress
                score.faults.append(f"{error}; logs are in {place}")
            self._ledger.add(name=name, seed=self._seed, **score.figures())
            console.print(f"{name}: day {number + 1} over after {score.kills} kills", highlight=False)
            if at_commits and score.kills == 0:
                return

    def run_depot(self, name: str, url: str, most: int, python: Path) -> None:
        """Change limits at charge points until daemons and their CSMS were killed `most` times."""
        for number in itertools.count(self._ledger.total("days", name=name)):
            kills = self._ledger.total("kills", name=name)
            if kills >= most or self.faults() or time.monotonic() > self._until:
                return
            place, score = self._folder / f"{name} {number}".replace(" ", "-"), Score(name)
            place.mkdir()
            try:
                with depots(python, place, emptied(url) if url else "") as depot:
                    at_points = functools.partial(depot.live, str(self.killed(name)), str(number + 1), *OF_DISPATCH)
                    through_changes(depot, score, at_points, csms_kills=CSMS_KILLS)
            except AssertionError as error:  # no progress, or a wrong limit
                score.faults.append(f"{error}; logs are in {place}")
            self._ledger.add(name=name, seed=self._seed, **score.figures())
            console.print(f"{name}: round {number + 1} over after {score.kills} kills", highlight=False)

    def run_trading(self, name: str) -> None:
        """Kill a service that sells flexibility before and after each of its commits, once."""
        if self._ledger.total("kills", name=name):
            return
        for before in (True, False):
            score, began = Score(name), time.monotonic()
            score.kills, score.faults = through_kills(self._folder / name.replace(" ", "-"), before=before)
            score.seconds = time.monotonic() - began
            self._ledger.add(name=name, seed=self._seed, **score.figures())
            when = "before" if before else "after"
            console.print(f"{name}: over after {score.kills} kills {when} a commit", highlight=False)

    def faults(self) -> list[str]:
        """Return every fault of every run."""
        return [f"{row['name']} ({row['revision']}): {fault}" for row in self._ledger.rows() for fault in row["faults"]]

    def board(self) -> Table:
        """Return the scoreboard: sums over all runs."""
        table = Table(title=f"Killed, and what came of it, at {self._ledger.revisions()}")
        for head in ("campaign", *HEADS.values()):
            table.add_column(head, justify="left" if head == "campaign" else "right")
        names = list(dict.fromkeys(row["name"] for row in self._ledger.rows()))
        sums = dict.fromkeys(HEADS, 0)
        for name in names:
            killed = self.killed(name)
            figures = {key: self._ledger.total(key, name=name) for key in HEADS if key not in COUNTED}
            figures["points"] = len(set(killed.read_text().splitlines())) if killed.exists() else 0
            figures["faults"] = sum(len(row["faults"]) for row in self._ledger.rows(name=name))
            takeovers = [took for row in self._ledger.rows(name=name) for took in row["takeovers"]]
            cells = {key: f"{value:.0f}" for key, value in figures.items()}
            cells["takeover"] = f"{max(takeovers):.1f}" if takeovers else ""
            table.add_row(name, *(cells[key] for key in HEADS))
            sums = {key: sums[key] + figures.get(key, 0) for key in HEADS}
        blank = ("points", "takeover")
        table.add_row("all", *("" if key in blank else f"{sums[key]:.0f}" for key in HEADS), style="bold")
        return table


def main() -> int:
    """Run the campaigns, print the scoreboard."""
    parser = argparse.ArgumentParser(prog="make torture ARGS=…")
    parser.add_argument("--kills", type=int, default=220, help="how many kills in all, at least")
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="begin no day later; call again to go on")
    parser.add_argument("--seed", type=int, default=1, help="of the random times")
    parser.add_argument("--afresh", action="store_true", help="count from nothing")
    given = parser.parse_args()
    if given.afresh:
        for file in FOLDER.glob("*"):
            file.unlink()
    ledger, folder = Ledger(FOLDER / "ledger.jsonl"), Path(tempfile.mkdtemp(prefix="agr-torture-"))
    console.print(f"logs and stores: {folder}; seed {given.seed}", highlight=False)
    with ExitStack() as stack:
        python = counterparty_python(PROJECT / ".venv-counterparty")
        campaigns = Campaigns(ledger, folder, given.minutes, given.seed, python, stack)
        server = stack.enter_context(postgres_server()) if postgres_bin() else None
        share = 3 * given.kills // 10
        if server:
            campaigns.run("PostgreSQL at commits", server, share, at_commits=True)
        campaigns.run("SQLite at commits", "", share, at_commits=True)
        campaigns.run("SQLite at random", "", given.kills // 5)
        campaigns.run("SQLite on a slow disk", "", given.kills // 10, commit_s=SLOW_COMMIT_S)
        if server:
            campaigns.run("PostgreSQL, two daemons", server, given.kills // 10, relay=True)
        campaigns.run_trading("trading at commits")
        campaigns.run_depot("charge points", server or "", given.kills // 10, python)
        others = ledger.total("kills") - ledger.total("kills", name="SQLite at random")
        campaigns.run("SQLite at random", "", given.kills - others)  # whatever is missing
    console.print(campaigns.board())
    kills, faults = ledger.total("kills"), campaigns.faults()
    console.print(f"{kills} kills of {given.kills}, {len(faults)} faults", highlight=False)
    for fault in faults:
        console.print(fault, style="red", markup=False)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
