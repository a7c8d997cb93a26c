"""A program: power per ISP of one Period, its run-length coded form on the wire, and in words. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class IspRun:
    """`power_w` holds for `duration` ISPs from ISP `start` (from 1)."""

    start: int
    power_w: int
    duration: int = 1

    @property
    def stop(self) -> int:
        """The first ISP after the run."""
        return self.start + self.duration


def compress(powers_w: Sequence[int]) -> tuple[IspRun, ...]:
    """Return the shortest run-length form of one value per ISP."""
    runs: list[IspRun] = []
    for isp, power in enumerate(powers_w, start=1):
        if runs and runs[-1].power_w == power:
            runs[-1] = IspRun(runs[-1].start, power, runs[-1].duration + 1)
        else:
            runs.append(IspRun(isp, power))
    return tuple(runs)


def expand(runs: Iterable[IspRun], isp_count: int) -> tuple[int | None, ...]:
    """Return one value per ISP, None where no run has it. Bounds and overlap of runs must have been checked."""
    powers: list[int | None] = [None] * isp_count
    for run in runs:
        powers[run.start - 1 : run.stop - 1] = [run.power_w] * run.duration
    return tuple(powers)


def watt(value: int, sign: bool = False) -> str:
    """Write whole W for people."""
    return (f"{value:+,}" if sign else f"{value:,}").replace("-", "−")


def in_words(power_w: Sequence[int]) -> str:
    """Write a deviation per ISP, W, as ranges of ISPs for people, e.g. `73–80: −200,000 W, 85: +50,000 W`."""
    found = [f"{_isps(run)}: {watt(run.power_w, sign=True)} W" for run in compress(power_w) if run.power_w]
    return ", ".join(found) or "nothing: 0 W in every ISP"


def sums_in_words(power_w: Sequence[int], isp_hours: float) -> str:
    """Write a deviation per ISP as its sums for people: energy, the strongest power and where, each way."""
    found = []
    for sign in (-1, 1):
        isps = [isp for isp, power in enumerate(power_w, start=1) if sign * power > 0]
        if isps:
            kwh = sum(power_w[isp - 1] for isp in isps) * isp_hours / 1000
            most = sign * max(sign * power_w[isp - 1] for isp in isps)
            where = _isps(IspRun(isps[0], most, isps[-1] - isps[0] + 1))
            many, energy = "ISP" if len(isps) == 1 else "ISPs", f"{kwh:+z,.1f}".replace("-", "−")
            found.append(f"{energy} kWh in {len(isps)} {many} of {where}, up to {watt(most, sign=True)} W")
    return "; ".join(found) or "nothing: 0 W in every ISP"


def limits_in_words(power_w: Sequence[int | None]) -> str:
    """Write limits per ISP as ranges of ISPs for people, 0 W included, e.g. `73–80: limit of 4,000 W`."""
    runs: list[IspRun] = []
    for isp, power in enumerate(power_w, start=1):
        if power is None:
            continue
        if runs and (runs[-1].power_w, runs[-1].stop) == (power, isp):
            runs[-1] = IspRun(runs[-1].start, power, runs[-1].duration + 1)
        else:
            runs.append(IspRun(isp, power))
    return ", ".join(f"{_isps(run)}: limit of {watt(run.power_w)} W" for run in runs) or "no limit"


def _isps(run: IspRun) -> str:
    return str(run.start) if run.duration == 1 else f"{run.start}–{run.stop - 1}"
