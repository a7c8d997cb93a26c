"""Audits the energy of reserve held by storage: could a unit still meet its needs after a full activation?

For every ISP the reserve of one side is called from its beginning, each product for as long as it must be sustained,
one ISP where it does not say. While a product is called, the unit follows its program less (up) or plus (down) what it
holds. When a call has ended, the unit makes up for its energy as fast as its limits allow, up to where it would be
without that call. Energy that the program misses anyway is given. The energy band must be kept throughout.
"""

from collections.abc import Iterator

import numpy as np

from models.audit.findings import above, beside, isp
from models.audit.protocols import Findings
from models.audit.scenario import Situation
from models.case import Case, Floats, Ints


class _Units:
    """Some units (n,) with their programs, as rows of (n,T)."""

    def __init__(self, case: Case, situation: Situation, units: Ints) -> None:
        data, programs = case.storage, situation.programs

        def rows(values: Floats) -> Floats:
            return np.broadcast_to(values, (len(data.point), case.isps))[units].astype(np.float64)

        self.hours = case.isp_hours
        self.power_kw = rows(np.subtract(programs.charge_kw, programs.discharge_kw))
        self.energy_kwh, self.unmet_kwh, self.excess_kwh = (
            rows(values) for values in (programs.energy_kwh, programs.unmet_kwh, programs.excess_kwh)
        )
        self.start_kwh = data.energy_start_kwh[units].astype(np.float64)
        self.demand_kwh, self.low_kwh, self.high_kwh = (
            rows(values) for values in (data.demand_kwh, data.energy_min_kwh, data.energy_max_kwh)
        )
        pinned = rows(data.pinned_kw)
        self.most_kw, self.least_kw = np.fmax(rows(data.charge_kw), pinned), -np.fmax(rows(data.discharge_kw), -pinned)
        self.charge_efficiency, self.retention = rows(data.charge_efficiency), data.retention[units].astype(np.float64)
        self.discharge_efficiency = data.discharge_efficiency[units].astype(np.float64)

    def before(self, rows: Ints, t: int) -> Floats:
        """Return the energy with which an ISP begins."""
        return self.energy_kwh[rows, t - 1] if t else self.start_kwh[rows]

    def after(self, rows: Ints, t: int, before_kwh: Floats, power_kw: Floats, side: str) -> Floats:
        """Return the energy at the end of an ISP that begins with `before_kwh` and has this power."""
        charged: Floats = self.charge_efficiency[rows, t] * np.maximum(power_kw, 0.0)
        drawn = np.maximum(-power_kw, 0.0) / self.discharge_efficiency[rows]
        kept: Floats = self.retention[rows] * before_kwh - self.demand_kwh[rows, t] + self.hours * (charged - drawn)
        if side == "up":
            kept = np.minimum(kept + self.unmet_kwh[rows, t], self.high_kwh[rows, t])
        else:
            kept = np.maximum(kept - self.excess_kwh[rows, t], self.low_kwh[rows, t])
        return kept


def check_activations(case: Case, situation: Situation, side: str, held: Floats) -> Findings:
    """Yield the ISPs in which an activation of what is held, (R,U,T) kW, would end in missed needs."""
    sustained = np.array([reserve.sustain_h > 0 for reserve in case.reserves], dtype=np.bool_)
    held = np.where(sustained[:, None, None], held, 0.0)  # the others take power only
    mine = situation.concerns(case.storage.point) & (held > 0).any(axis=(0, 2))
    units = np.flatnonzero(mine)
    if not len(units):
        return
    some, called = _Units(case, situation, units), held[:, units].astype(np.float64)
    missed = np.zeros((*mine.shape, case.isps))
    for begin in range(case.isps):
        rows = np.flatnonzero((called[:, :, begin] > 0).any(axis=0))
        for still, miss in _simulate(case, some, called, rows, begin, side):
            missed[units[still], begin] = np.maximum(missed[units[still], begin], miss)
    energy, band = situation.programs.energy_kwh, case.storage.energy_max_kwh
    what = f"{side} headroom is beyond its energy: called from here on, its needs are missed"
    yield from above((situation.units("storage"), isp), what, missed, beside(energy, band, missed), "kWh")


def _simulate(
    case: Case, some: _Units, called: Floats, rows: Ints, begin: int, side: str
) -> Iterator[tuple[Ints, Floats]]:
    """Yield for each ISP from `begin` on the units still away from their program, and the energy they then miss."""
    sign = 1.0 if side == "up" else -1.0
    lasts = np.array([reserve.sustain_h for reserve in case.reserves]) / case.isp_hours
    ends = np.unique(np.ceil(lasts - 1e-9).astype(np.int64))
    energy = some.before(rows, begin)
    paths = {int(end): energy.copy() for end in ends}  # with only the products that last at least so long
    for t in range(begin, case.isps):
        if not len(rows):
            return
        share = np.clip(lasts - (t - begin), 0.0, 1.0)
        for end, path in paths.items():
            longer = np.where(np.ceil(lasts - 1e-9) >= end, share, 0.0)
            power = some.power_kw[rows, t] - sign * (longer @ called[:, rows, t])
            paths[end] = some.after(rows, t, path, power, side)
        last = [end for end in paths if end > t - begin]
        aim = paths[min(last)] if last else some.energy_kwh[rows, t]
        limit = some.most_kw if side == "up" else some.least_kw
        fastest = some.after(rows, t, energy, limit[rows, t], side)
        energy = np.minimum(aim, fastest) if side == "up" else np.maximum(aim, fastest)
        miss = some.low_kwh[rows, t] - energy if side == "up" else energy - some.high_kwh[rows, t]
        yield rows, np.maximum(miss, 0.0)
        if not last:
            away = sign * (some.energy_kwh[rows, t] - energy) > 1e-9
            rows, energy, paths = rows[away], energy[away], {}
