"""Energy per ISP from readings of energy registers. Pure; the order in which readings arrived does not matter.

A register is a sum of energy in kWh that only grows. Between two readings, power is taken as constant, so the register
is interpolated at the borders of ISPs. Readings that no device could have made one after the other are not joined: the
series is cut there into runs, which is how a meter that was replaced goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SLACK_KWH = 0.05
"""Energy in kWh that a register may gain beyond what its device can do, since registers count in steps."""
_ROUNDING_KWH = 1e-9
_AT_BORDER_S = 1.0
"""A reading no more than this many seconds from the border of an ISP counts as made at the border."""
_WHOLE = 1 - 1e-9


class Quality(IntEnum):
    """How well the energy of an ISP is known, the worst first."""

    MISSING = 0  # nothing was read
    PARTIAL = 1  # only a part of the ISP lies between readings
    INTERPOLATED = 2  # readings on both sides, not at both borders
    MEASURED = 3  # a reading at both borders


@dataclass(frozen=True, kw_only=True, eq=False)
class RegisterRun:
    """Readings of one register that may follow each other, by time."""

    at_s: Floats  # (N,) s since 1970 UTC, rising
    kwh: Floats  # (N,) not falling


@dataclass(frozen=True, kw_only=True)
class Aside:
    """A reading that no run contains, and why."""

    at: datetime
    words: str


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedReadings:
    """A register's readings after judgement."""

    runs: tuple[RegisterRun, ...]
    aside: tuple[Aside, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Energy:
    """Energy per ISP; consumption positive."""

    kwh: Floats  # (T,) of the covered part; NaN where nothing was read
    covered: Floats  # (T,) share of the ISP that lies between readings
    quality: NDArray[np.int8]  # (T,) a Quality

    def quality_words(self) -> list[str]:
        """Return the quality per ISP in small letters."""
        return [Quality(value).name.lower() for value in self.quality.tolist()]


def judged(readings: Sequence[tuple[datetime, float]], limit_kw: float) -> JudgedReadings:
    """Return the runs of a register, and the single readings that fit nowhere.

    `readings`: (aware instant, kWh) in any order, each instant once. `limit_kw`: the largest power of the device.
    """
    ordered = sorted(readings)
    runs: list[list[int]] = []
    aside: list[int] = []
    for place in range(len(ordered)):
        if runs and not _fault(ordered[runs[-1][-1]], ordered[place], limit_kw):
            runs[-1].append(place)
        elif len(runs) > 1 and len(runs[-1]) == 1 and not _fault(ordered[runs[-2][-1]], ordered[place], limit_kw):
            aside += runs.pop()  # what was before and what comes now fit without it
            runs[-1].append(place)
        else:
            runs.append([place])
    kept = runs if len(ordered) == 1 else [run for run in runs if len(run) > 1]
    aside += [run[0] for run in runs if run not in kept]
    whole = [
        RegisterRun(at_s=_seconds(ordered, run), kwh=np.array([ordered[place][1] for place in run])) for run in kept
    ]
    said = [Aside(at=ordered[place][0], words=_words(ordered, place, limit_kw)) for place in sorted(aside)]
    return JudgedReadings(runs=tuple(whole), aside=tuple(said))


def _seconds(ordered: Sequence[tuple[datetime, float]], run: Sequence[int]) -> Floats:
    return np.array([ordered[place][0].timestamp() for place in run])


def _fault(one: tuple[datetime, float], other: tuple[datetime, float], limit_kw: float) -> str:
    """Return why a reading cannot follow another one; empty where it can."""
    hours, gained = (other[0] - one[0]) / timedelta(hours=1), other[1] - one[1]
    when = f"at {one[0]:%Y-%m-%dT%H:%M:%SZ}"
    if gained < -_ROUNDING_KWH:
        return f"the register runs backwards: {other[1]:,.6g} kWh after {one[1]:,.6g} {when}"
    if gained > limit_kw * hours + SLACK_KWH:
        return f"the register jumps by {gained:,.6g} kWh since {when[3:]}, more than {limit_kw:,.6g} kW can do"
    return ""


def _words(ordered: Sequence[tuple[datetime, float]], place: int, limit_kw: float) -> str:
    before = _fault(ordered[place - 1], ordered[place], limit_kw) if place else ""
    after = _fault(ordered[place], ordered[place + 1], limit_kw) if place + 1 < len(ordered) else ""
    return before or f"the next reading contradicts it: {after}"


def energy(runs: Sequence[RegisterRun], borders: Sequence[datetime], longest_gap: timedelta) -> Energy:
    """Return what a register has counted per ISP.

    `borders`: the T+1 instants at which ISPs begin and end. Readings further apart than `longest_gap` are not joined.
    """
    edges = np.array([border.timestamp() for border in borders])
    lengths, count = np.diff(edges), len(edges) - 1
    kwh, covered, exact = np.zeros(count), np.zeros(count), np.zeros(count, dtype=bool)
    for part in _without_gaps(runs, longest_gap.total_seconds()):
        inside = np.clip(edges, part.at_s[0], part.at_s[-1])
        kwh += np.diff(np.interp(inside, part.at_s, part.kwh))
        covered += np.diff(inside) / lengths
        near = np.abs(part.at_s[_nearest(part.at_s, edges)] - edges) <= _AT_BORDER_S
        exact |= near[:-1] & near[1:]
    covered[exact] = 1.0  # up to the tolerance at its borders
    quality = np.full(count, Quality.MISSING, dtype=np.int8)
    quality[covered > 0] = Quality.PARTIAL
    quality[covered >= _WHOLE] = Quality.INTERPOLATED
    quality[exact] = Quality.MEASURED
    return Energy(kwh=np.where(covered > 0, kwh, np.nan), covered=np.minimum(covered, 1.0), quality=quality)


def _nearest(at_s: Floats, edges: Floats) -> NDArray[np.intp]:
    right = np.clip(np.searchsorted(at_s, edges), 1, len(at_s) - 1)
    return np.where(edges - at_s[right - 1] <= at_s[right] - edges, right - 1, right)


def _without_gaps(runs: Sequence[RegisterRun], longest_s: float) -> list[RegisterRun]:
    """Return the runs cut where readings are too far apart, without what is then a single reading."""
    parts = []
    for run in runs:
        cuts = np.flatnonzero(np.diff(run.at_s) > longest_s) + 1
        pairs = zip(np.split(run.at_s, cuts), np.split(run.kwh, cuts), strict=True)
        parts += [RegisterRun(at_s=at_s, kwh=kwh) for at_s, kwh in pairs if len(at_s) > 1]
    return parts


def net(imported: Energy | None, exported: Energy | None) -> Energy | None:
    """Return what a resource consumed less what it produced; a register that never reported is not there (None)."""
    if imported is None or exported is None:
        one = exported if imported is None else imported
        return one if one is None or one is imported else _negative(one)
    missing = np.isnan(imported.kwh) | np.isnan(exported.kwh)
    return Energy(
        kwh=np.where(missing, np.nan, imported.kwh - exported.kwh),
        covered=np.where(missing, 0.0, np.minimum(imported.covered, exported.covered)),
        quality=np.minimum(imported.quality, exported.quality),
    )


def _negative(one: Energy) -> Energy:
    return Energy(kwh=0.0 - one.kwh, covered=one.covered, quality=one.quality)
