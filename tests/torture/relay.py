"""A day of two daemons on one PostgreSQL whose leader is killed again and again: each time the other one takes over."""

import random
import threading
import time

from tests.torture.tortured import PATIENCE_S, Died, Life, Score, Standing, TorturedDay

AT_ONCE_S = 10.0
"""A takeover that takes longer is a fault."""


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
            standing = self._start(0)
            if not standing.leading or self._start(1).leading:
                score.faults.append("of two daemons, not exactly the first one leads")
                return
            while True:
                leader, place = self._lives[0]
                if score.kills < most:
                    timer = threading.Timer(seed.uniform(0.0, 2.0), leader.kill)
                    timer.daemon = True
                    timer.start()
                try:
                    self._day.drive(leader, standing=standing)
                except Died:
                    standing = self._take_over(score, place)
                    continue
                break
            for life, _ in self._lives:
                if life.end() not in (0, -9):
                    score.faults.append("a daemon did not stop well")
            self._lives.clear()
            self._day.judge(score)
        finally:
            for life, _ in self._lives:
                life.kill()
                life.bury()
            score.seconds += time.monotonic() - began

    def _take_over(self, score: Score, place: int) -> Standing:
        """Wait until the other one leads, start another to stand by; return how things stand."""
        ended = time.monotonic()
        self._lives.pop(0)[0].bury()
        score.kills += 1
        successor, where = self._lives[0]
        while not (standing := successor.ask(self._day.now)).leading:
            assert time.monotonic() - ended < PATIENCE_S, f"nobody leads; see {self._day.folder}"
            time.sleep(0.02)
        took = time.monotonic() - ended
        score.takeovers.append(round(took, 2))
        if took > AT_ONCE_S:
            score.faults.append(f"a takeover took {took:.1f} s")
        self._day.meet(self._places[where][1])
        if self._start(place).leading:
            score.faults.append("two lead")
        return standing
