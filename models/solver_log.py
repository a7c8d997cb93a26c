"""What a search said of itself, line by line: the solver's log and our own steps or rounds. Strings only; no output.

Times are part of the lines; `without_times` leaves what is the same whenever the same case is solved again.
"""

import re

LINES = 240
"""Most lines that are kept of one search, and as many again that the clock has a part in."""
LATE = "Time limit reached"
"""Is in every line, HiGHS' own and ours, that says that a time limit ended something."""
_NOISE = ("Running HiGHS", "Includes third-party", "Src: ", "     I =>", "     S =>", "     Z =>")
_TIMED = re.compile(r"[\d.]+ ?s( |$)|\btime\b|Timing|Runtime|P-D integral|^ +[\d.]+ \(\w+\)$", re.IGNORECASE)
_ROW = re.compile(r"^ *\d+\*? .*[\d.]+$")  # of the interior-point method's table
_FOUND = re.compile(r"^ [A-Za-z] .* [\d.]+s$")  # HiGHS found a better answer: not said by the clock
_SECONDS = re.compile(r" +[\d.]+ ?s$")


class SolverLog:
    """Collects lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._begun = ""

    def say(self, line: str) -> None:
        """Add a line of our own."""
        if self._begun:
            self.hear("\n")
        self._lines.append(line)

    def hear(self, text: str) -> None:
        """Add what the solver says, which may be half a line or several."""
        *whole, self._begun = (self._begun + text).split("\n")
        self._lines += [line.rstrip() for line in whole if line.strip() and not line.startswith(_NOISE)]

    def lines(self) -> tuple[str, ...]:
        """Return what was said; of a long search the middle is left out, and a line says how much.

        Lines that the clock has a part in are counted by themselves, so that they never push others out. That a time
        limit was reached is never left out.
        """
        if self._begun:
            self.hear("\n")
        steady = [i for i, line in enumerate(self._lines) if _steady(line) is not None]
        timed = sorted(set(range(len(self._lines))) - set(steady) - {i for i, s in enumerate(self._lines) if LATE in s})
        gone = _middle(steady)
        gap = gone[0] if gone else -1
        hidden = {*gone, *_middle(timed)}
        kept = [(i, line) for i, line in enumerate(self._lines) if i not in hidden or i == gap]
        return tuple(f"({len(gone)} lines left out)" if i == gap else line for i, line in kept)


def without_times(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines without times and without those that the solver writes when some time has passed."""
    return tuple(line for line in map(_steady, lines) if line is not None)


def hurried(lines: tuple[str, ...]) -> bool:
    """Return whether a time limit ended a part of the search, so that the machine's speed had a part in the answer."""
    return any(LATE in line for line in lines)


def _middle(places: list[int]) -> list[int]:
    """Return what to leave out: all but the first quarter and the last three."""
    first = LINES // 4
    return places[first : len(places) - (LINES - first)] if len(places) > LINES else []


def _steady(line: str) -> str | None:
    """Return a line as it is whenever the case is solved; None where the clock decides whether it is there."""
    if _FOUND.match(line) or line.startswith("round "):
        return _SECONDS.sub("", line)
    return None if _TIMED.search(line) or _ROW.match(line) else line
