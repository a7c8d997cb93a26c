"""What a plan wants a resource, or everything behind a connection, to do, and why, in stretches of ISPs. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.operations.resource_programs import ResourceProgram
from agr.planning.difference import Solved, binding, energy_price_of

Floats = NDArray[np.float64]
_SEEN_KW = 0.0005
"""Powers in kW that differ by less than this look the same with three decimals."""


@dataclass(frozen=True, kw_only=True)
class PlannedStretch:
    """Consecutive ISPs with one power and the same limits and reservations that hold it."""

    first: int  # ISP, from 1
    last: int
    start: str  # local time
    end: str
    power_kw: float
    stored_kwh: float | None  # at its end; None: nothing is stored
    worth_eur_per_mwh: float  # of energy in the portfolio, on average
    held_by: tuple[str, ...]  # limits and reservations that bind at the congestion point


@dataclass(frozen=True, kw_only=True, eq=False)
class Planned:
    """The program of one resource, or of all behind a connection."""

    power_kw: Floats  # (T,)
    stored_kwh: Floats | None  # (T,)
    worth_eur_per_mwh: Floats  # (T,) of energy in the portfolio
    congestion_point: str  # empty: in none
    stretches: tuple[PlannedStretch, ...]
    consumed_kwh: float
    produced_kwh: float
    consuming_eur_per_mwh: float | None  # what energy is worth on average where power is consumed; None: nowhere
    producing_eur_per_mwh: float | None


def planned(
    programs: Sequence[ResourceProgram], solved: Solved, period: Period, *, seen: Callable[[str], bool] = lambda _: True
) -> Planned | None:
    """Return what is planned for these resources together; None without any. They lie at one congestion point.

    `seen` says whether the congestion point may be shown: what binds there tells of others.
    """
    if not programs:
        return None
    power = np.sum([program.power_kw for program in programs], axis=0)
    kept = [program.stored_kwh for program in programs if program.stored_kwh is not None]
    stored = np.sum(kept, axis=0) if kept else None
    worth = energy_price_of(solved, {program.resource for program in programs})
    address = programs[0].congestion_point
    hours = period.isp_hours
    return Planned(
        power_kw=power, stored_kwh=stored, worth_eur_per_mwh=worth, congestion_point=address,
        stretches=_stretches(power, stored, worth, solved, period, address if seen(address) else ""),
        consumed_kwh=float(np.maximum(power, 0).sum()) * hours, produced_kwh=float(np.maximum(-power, 0).sum()) * hours,
        consuming_eur_per_mwh=_mean(worth, np.maximum(power, 0)),
        producing_eur_per_mwh=_mean(worth, np.maximum(-power, 0)),
    )  # fmt: skip


def _mean(worth: Floats, weight: Floats) -> float | None:
    return float(np.average(worth, weights=weight)) if weight.max(initial=0.0) > _SEEN_KW else None


def _stretches(
    power: Floats, stored: Floats | None, worth: Floats, solved: Solved, period: Period, address: str
) -> tuple[PlannedStretch, ...]:  # fmt: skip
    points = solved.named.case.points
    point = points.index(address) if address in points else None
    held = [
        tuple(str(cause) for cause in binding(solved, point, isp)) if point is not None else ()
        for isp in range(len(power))
    ]
    names = [tuple(words.rsplit(" (", 1)[0] for words in causes) for causes in held]
    begins = [0] + [
        isp for isp in range(1, len(power))
        if abs(power[isp] - power[isp - 1]) >= _SEEN_KW or names[isp] != names[isp - 1]
    ]  # fmt: skip
    return tuple(
        PlannedStretch(
            first=begin + 1, last=end, start=period.label(begin + 1), end=period.label(end + 1),
            power_kw=float(power[begin:end].mean()), stored_kwh=None if stored is None else float(stored[end - 1]),
            worth_eur_per_mwh=float(worth[begin:end].mean()), held_by=held[begin],
        )
        for begin, end in zip(begins, [*begins[1:], len(power)], strict=True)
    )  # fmt: skip
