"""Compares what was measured with what was planned, ISP by ISP, and says why they differ. Pure.

An ISP counts as measured where registers cover all of it, or all of the time in which a car was there: who is not there
takes nothing. Source: docs/reference/operators-page.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.registers import Energy
from agr.domain.execution import DeviationCause, Verdict

Floats = NDArray[np.float64]

TOLERANCE_KWH = 0.05
TOLERANCE_SHARE = 0.05
"""Measured energy may differ from the plan by this share, or by TOLERANCE_KWH where that is more: meters and cars are
no more accurate."""
NO_SESSION = "no session"
_WHOLE = 1e-6  # share of an ISP (a millisecond): shares that differ by less are equal, and at less nobody was there


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What is known of a charge point, per ISP."""

    present: Floats  # (T,) share of the ISP in which the car was there; NaN: nobody knows, as the station says nothing
    accepted: NDArray[np.bool_]  # (T,) a limit of the plan was accepted when the ISP began
    late: NDArray[np.bool_]  # (T,) a limit of the plan was accepted only after that
    limit_kw: Floats  # (T,) the limit in force when the ISP began; NaN: none is known
    offered_kw: Floats  # (T,) mean power that the station offered the car; NaN: it did not tell
    car_paused: Floats  # (T,) share of the ISP in which the car paused by itself


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedIsps:
    """One resource's ISPs."""

    measured_kwh: Floats  # (T,) NaN: not measured
    quality: Sequence[str]
    verdict: Sequence[Verdict]
    cause: Sequence[DeviationCause]


def tolerance_kwh(planned_kwh: Floats) -> Floats:
    """Return how far from the plan still counts as executed."""
    return np.maximum(TOLERANCE_KWH, TOLERANCE_SHARE * np.abs(planned_kwh))


def judged(planned_kwh: Floats, energy: Energy, isp_hours: float, evidence: Evidence | None = None) -> JudgedIsps:
    """Return a verdict per ISP (T,). `evidence` None: the resource is not behind a charge point."""
    absent = np.zeros(len(planned_kwh), dtype=bool) if evidence is None else evidence.present <= _WHOLE
    needed = np.ones(len(planned_kwh)) if evidence is None else evidence.present
    covered = (energy.covered >= needed - _WHOLE) | absent
    measured = np.where(absent, 0.0, energy.kwh)
    near = np.abs(measured - planned_kwh) <= tolerance_kwh(planned_kwh)
    quality = [NO_SESSION if gone else word for gone, word in zip(absent, energy.quality_words(), strict=True)]
    verdicts, causes = [], []
    for isp in range(len(planned_kwh)):
        verdict = _verdict(bool(covered[isp]), bool(near[isp]), evidence, isp)
        verdicts.append(verdict)
        why = DeviationCause.UNKNOWN
        if verdict is Verdict.DEVIATED and evidence is not None:
            why = _cause(float(planned_kwh[isp]), float(measured[isp]), isp_hours, evidence, isp)
        causes.append(why)
    return JudgedIsps(measured_kwh=measured, quality=quality, verdict=verdicts, cause=causes)


def _verdict(covered: bool, near: bool, evidence: Evidence | None, isp: int) -> Verdict:
    if covered and near:
        return Verdict.EXECUTED
    if evidence is not None and not (evidence.accepted[isp] or evidence.late[isp] or evidence.present[isp] <= _WHOLE):
        return Verdict.UNREACHABLE
    return Verdict.DEVIATED if covered else Verdict.UNMEASURED


def _cause(planned: float, measured: float, isp_hours: float, evidence: Evidence, isp: int) -> DeviationCause:
    slack = max(TOLERANCE_KWH, TOLERANCE_SHARE * abs(planned))
    present = float(evidence.present[isp])
    if present <= _WHOLE:
        return DeviationCause.ABSENT
    limit = float(evidence.limit_kw[isp]) * isp_hours * present  # NaN: no comparison with it holds
    if measured < planned:
        if measured + planned * (1 - present) >= planned - slack:
            return DeviationCause.ABSENT
        if evidence.late[isp]:
            return DeviationCause.LATE
        if limit < planned * present - slack:
            return DeviationCause.LIMIT
        if evidence.car_paused[isp] > 0:
            return DeviationCause.CAR
        offered = float(evidence.offered_kw[isp]) * isp_hours * present
        return (
            DeviationCause.LIMIT if offered < planned * present - slack else DeviationCause.CAR
        )  # something else holds it lower
    if evidence.late[isp]:
        return DeviationCause.LATE
    if limit > planned + slack and measured <= limit + slack:
        return DeviationCause.LIMIT
    return DeviationCause.STATION


def presence(stays: Sequence[tuple[datetime, datetime]], borders: Sequence[datetime]) -> Floats:
    """Return the share of each ISP (T,) that lies within any of some stays, which do not overlap."""
    edges = np.array([border.timestamp() for border in borders])
    found = np.zeros(len(edges) - 1)
    for first, last in stays:
        inside = np.clip(edges, first.timestamp(), max(last, first).timestamp())
        found += np.diff(inside) / np.diff(edges)
    return np.minimum(found, 1.0)
