"""Keeps the log of a search: HiGHS' lines and lines for our own steps and rounds. Nothing is printed.

Lines contain times; `without_times` returns what stays the same whenever the same case is solved again.
"""

import re

LINES = 240
"""Most lines kept of one search, and as many again that depend on the clock."""
LATE = "Time limit reached"
"""The words in every line, of HiGHS and our own, that reports the end of a time limit."""
_NOISE = ("Running HiGHS", "Includes third-party", "Src: ", "     I =>", "     S =>", "     Z =>")
_TIMED = re.compile(r"[\d.]+ ?s( |$)|\btime\b|Timing|Runtime|P-D integral|^ +[\d.]+ \(\w+\)$", re.IGNORECASE)
_ROW = re.compile(r"^ *\d+\*? .*[\d.]+$")  # a row of the interior-point method's table
_FOUND = re.compile(r"^ [A-Za-z] .* [\d.]+s$")  # HiGHS found a better answer, which does not depend on the clock
_SECONDS = re.compile(r" +[\d.]+ ?s$")


class SolverLog:
    """Collects the lines of one search."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._begun = ""

    def say(self, line: str) -> None:
        """Add a line of our own."""
        if self._begun:
            self.hear("\n")
        self._lines.append(line)

    def hear(self, text: str) -> None:
        """Add a message of the solver, which may be half a line or several lines."""
        *whole, self._begun = (self._begun + text).split("\n")
        self._lines += [line.rstrip() for line in whole if line.strip() and not line.startswith(_NOISE)]

    def lines(self) -> tuple[str, ...]:
        """Return the lines; the middle of a long log is left out, and a line says how much.

        Lines that depend on the clock are counted apart, so that they never displace others. Lines that report a time
        limit are never left out.
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
    """Return the lines without their times, and without lines that the solver writes after some time."""
    return tuple(line for line in map(_steady, lines) if line is not None)


def hurried(lines: tuple[str, ...]) -> bool:
    """Return whether a time limit ended part of the search, so that the answer depends on the machine's speed."""
    return any(LATE in line for line in lines)


def _middle(places: list[int]) -> list[int]:
    """Return the places to leave out: all but LINES, a quarter of them first and the others last."""
    first = LINES // 4
    return places[first : len(places) - (LINES - first)] if len(places) > LINES else []


def _steady(line: str) -> str | None:
    """Return a line without its time; None if the clock decides whether the line exists."""
    if _FOUND.match(line) or line.startswith("round "):
        return _SECONDS.sub("", line)
    return None if _TIMED.search(line) or _ROW.match(line) else line
