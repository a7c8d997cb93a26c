"""A program: power per ISP of one Period, and its run-length coded form on the wire. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """`power_w` holds for `duration` ISPs from ISP `start` (from 1)."""

    start: int
    power_w: int
    duration: int = 1

    @property
    def stop(self) -> int:
        """The first ISP after the run."""
        return self.start + self.duration


def compress(powers_w: Sequence[int]) -> tuple[Run, ...]:
    """Return the shortest run-length form of one value per ISP."""
    runs: list[Run] = []
    for isp, power in enumerate(powers_w, start=1):
        if runs and runs[-1].power_w == power:
            runs[-1] = Run(runs[-1].start, power, runs[-1].duration + 1)
        else:
            runs.append(Run(isp, power))
    return tuple(runs)


def expand(runs: Iterable[Run], isp_count: int) -> tuple[int | None, ...]:
    """Return one value per ISP, None where no run speaks. Runs must be checked for bounds and overlap before."""
    powers: list[int | None] = [None] * isp_count
    for run in runs:
        powers[run.start - 1 : run.stop - 1] = [run.power_w] * run.duration
    return tuple(powers)
