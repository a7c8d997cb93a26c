"""A day of two daemons on one PostgreSQL whose leader is killed again and again: each time the other one takes over."""

import random
import signal
import threading
import time

from tests.torture.lives import PATIENCE_S, Died, Life, Score, Standing
from tests.torture.tortured import TorturedDay

AT_ONCE_S = 10.0
"""A takeover that takes longer is a fault, with its measured time."""


class Relay:
    """The leader, the one who stands by, and where each listens."""

    def __init__(self, tortured: TorturedDay) -> None:
        self._day = tortured
        config, port = tortured.second()
        self._places = [(tortured.config, tortured.port), (config, port)]
        self._lives: list[tuple[Life, int]] = []

    def _start(self, place: int) -> Standing:
        config, _ = self._places[place]
        life = Life(config, self._day.now, self._day.folder / f"daemon-{place}.log")
        self._day.started(life)
        self._lives.append((life, place))
        return life.read()

    def run(self, score: Score, seed: random.Random, most: int) -> None:
        """Drive the day; kill the leader at random times, `most` times."""
        began = time.monotonic()
        try:
            self._run(score, seed, most)
        except Died as died:
            log = self._day.folder / "daemon-*.log"
            score.faults.append(f"a daemon ended by itself with {died.life.bury()}; see {log}")
        finally:
            for life, _ in self._lives:
                life.kill()
                life.bury()
            score.seconds += time.monotonic() - began

    def _run(self, score: Score, seed: random.Random, most: int) -> None:
        """Do so; raises Died when one dies that was not killed."""
        standing = self._start(0)
        if not standing.leading or self._start(1).leading:
            score.faults.append("of two daemons, not exactly the first one leads")
            return
        while True:
            leader, place = self._lives[0]
            killing = score.kills < most
            if killing:
                timer = threading.Timer(seed.uniform(0.0, 2.0), leader.kill)
                timer.daemon = True
                timer.start()
            try:
                self._day.drive(leader, standing=standing)
            except Died as died:
                ended = time.monotonic()
                if not killing or died.life.bury() != -signal.SIGKILL:
                    raise
                standing = self._take_over(score, place, ended)
                continue
            break
        for life, _ in self._lives:
            if (code := life.end()) not in (0, -signal.SIGKILL):
                score.faults.append(f"a daemon stopped with {code}")
        self._lives.clear()
        self._day.judge(score)

    def _take_over(self, score: Score, place: int, ended: float) -> Standing:
        """Wait until the other one leads, start another to stand by; return how things stand. Raises Died."""
        self._lives.pop(0)
        score.kills += 1
        successor, where = self._lives[0]
        while not (standing := successor.ask(self._day.now)).leading:
            assert time.monotonic() - ended < PATIENCE_S, f"nobody leads; see {self._day.folder}"
            time.sleep(0.02)
        took = time.monotonic() - ended
        score.takeovers.append(round(took, 2))
        if took > AT_ONCE_S:
            score.faults.append(
                f"a takeover took {took:.1f} s, more than {AT_ONCE_S:g} s; where other work kept this machine busy, "
                "run again with --afresh"
            )
        self._day.meet(self._places[where][1])
        if self._start(place).leading:
            score.faults.append("two lead")
        return standing
