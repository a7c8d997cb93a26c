"""Loads and generators whose measured power deviates from the forecast: the deviation is carried on, and fades. Pure.

Rule: over the last hour that was measured, a load's mean deviation from its forecast, in kW, and a generator's ratio to
its forecast, between 0 and 2. `share` of it (of what the ratio differs from 1) is expected to last from one ISP to the
next. It counts in ISPs that a plan can still change; a generator is not judged in ISPs in which it was curtailed.
Source: docs/how-to/plan-through-the-day.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.registers import Quality, energy, judged, net
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.kinds.quantities import POWER
from agr.domain.reading import EXPORTED, IMPORTED
from agr.domain.register import Register

Floats = NDArray[np.float64]
Forecasts = Mapping[tuple[str, str], Floats]
Registers = Mapping[tuple[str, str], Sequence[tuple[datetime, float]]]
LONGEST_GAP = timedelta(hours=1)
"""Two readings further apart than this say nothing about the ISPs between them."""
_WINDOW = timedelta(hours=1)
_LEAST_KW, _MOST_RATIO = 1e-3, 2.0
_UNLIMITED_KW = 1e9
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What is carried on of a resource's deviation: in kW for a load, as a ratio for a generator."""

    resource: str
    generator: bool
    amount: float  # a load's kW more than forecast; a generator's ratio to its forecast less 1
    isps: int  # how many ISPs had ended with the last one that was measured


def deviations(
    register: Register, forecasts: Forecasts, registers: Registers, programs_kw: Mapping[str, Floats], period: Period,
    ended: int,
) -> list[Carried]:  # fmt: skip
    """Return the deviations of measured loads and generators over the last hour of the first `ended` ISPs, by name."""
    borders = [*period.starts(), period.end]
    found = []
    rows = [(row.resource, kind.produces) for kind in KINDS if POWER in kind.follows for row in register.of(kind.row)]
    for resource, generator in sorted(rows):
        forecast = forecasts.get((resource, POWER.name))
        if forecast is None or len(forecast) != period.isp_count:
            continue
        read = {
            quantity: energy(judged(values, _UNLIMITED_KW).runs, borders, LONGEST_GAP)
            for quantity in (IMPORTED, EXPORTED)
            if (values := registers.get((resource, quantity)))
        }
        both = net(read.get(IMPORTED), read.get(EXPORTED))
        if both is None:
            continue
        whole = (both.quality >= Quality.INTERPOLATED) & (np.arange(period.isp_count) < ended)
        program = programs_kw.get(resource)
        if generator and program is not None:
            whole &= program <= forecast + _LEAST_KW  # it was not curtailed
        known = np.flatnonzero(whole)[-max(int(_WINDOW / period.isp_length), 1) :]
        if not len(known):
            continue
        measured_kw, expected_kw = both.kwh[known] / period.isp_hours, forecast[known]
        if not generator:
            amount = float((measured_kw - expected_kw).mean())
        elif abs(float(expected_kw.sum())) > _LEAST_KW:
            amount = min(max(float(measured_kw.sum() / expected_kw.sum()), 0.0), _MOST_RATIO) - 1.0
        else:
            continue
        found.append(Carried(resource=resource, generator=generator, amount=amount, isps=int(known[-1]) + 1))
    return found


def carried_on(
    forecasts: Forecasts, found: Sequence[Carried], share: float, first: int, notes: list[str]
) -> dict[tuple[str, str], Floats]:  # fmt: skip
    """Return the forecasts with the deviations carried on from ISP `first` (from 0) on; says in `notes` what it did."""
    changed = dict(forecasts)
    total_kw, names = 0.0, list[str]()
    for one in found:
        before = forecasts[one.resource, POWER.name]
        fades = share ** np.arange(1 - one.isps, len(before) - one.isps + 1, dtype=np.float64)
        fades[:first] = 0.0
        after = np.minimum(before * (1.0 + one.amount * fades), 0.0) if one.generator else before + one.amount * fades
        if not one.generator and bool((before >= 0).all()):
            after = np.maximum(after, 0.0)
        changed[one.resource, POWER.name] = after
        moved = float(after[first] - before[first]) if first < len(before) else 0.0
        total_kw += moved
        names.append(f"{one.resource} {moved:+z,.1f} kW")
    if names:
        more = f"; and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        notes.append(
            f"{number_of(len(names), 'resource')} measured otherwise than forecast, carried on and fading by "
            f"{1 - share:.0%} an ISP, {total_kw:+z,.1f} kW at first: {'; '.join(names[:_SHOWN])}{more}"
        )
    return changed
