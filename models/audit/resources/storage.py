"""Audits storage: power, energy, room and margin for reserve, money.

0 <= pc, pd within limits, pc 0 or at least its minimum (or its limit, if lower) where free but for one ISP, not both at
once, pc − pd = pinned where pinned; e[t] = a·e[t−1] + Δ·ηc·pc − Δ·pd/ηd − d + unmet − excess from the start energy, e
within its band, unmet, excess >= 0. Room: pc − pd + discharge limit up, charge limit − (pc − pd) down. The energy that
reserve needs is audited in activated_storage.
"""

from collections.abc import Mapping

import numpy as np

from models.audit.findings import above, beside, isp, slack
from models.audit.protocols import ClassAudit, Findings, Payer, ProgramField
from models.audit.resources.activated_storage import check_activations
from models.audit.scenario import Situation
from models.case import Case, Floats
from models.outcome import Programs


def _net_kw(case: Case, programs: Programs) -> Floats:
    """Return pc − pd (U,T)."""
    del case
    return np.subtract(programs.charge_kw, programs.discharge_kw)


def _check(case: Case, situation: Situation) -> Findings:
    yield from _power(case, situation)
    yield from _energy(case, situation)


def _power(case: Case, situation: Situation) -> Findings:
    data, mine = case.storage, situation.concerns(case.storage.point)[:, None]
    charge, discharge = situation.programs.charge_kw, situation.programs.discharge_kw
    pinned = np.broadcast_to(data.pinned_kw, charge.shape)
    free = np.isnan(pinned)
    axes, allowed = (situation.units("storage"), isp), beside(charge, discharge)
    everywhere = np.ones_like(free)
    rules = (
        ("charge is negative", everywhere, -charge),
        ("discharge is negative", everywhere, -discharge),
        ("charges above its limit", free, charge - data.charge_kw),
        ("charges below its minimum in more than one ISP", everywhere, _short_kw(case, charge, discharge)),
        ("discharges above its limit", free, discharge - data.discharge_kw),
        ("charges and discharges at once", everywhere, np.minimum(charge, discharge)),
        ("leaves its pinned program", ~free, np.abs(charge - discharge - pinned)),
    )
    for what, where, excess in rules:
        yield from above(axes, what, np.where(mine & where, excess, 0.0), allowed)


def _short_kw(case: Case, charge: Floats, discharge: Floats) -> Floats:
    """Return by how much each unit charges below its minimum (U,T), kW, except in the ISP where most is missing."""
    data, short = case.storage, np.zeros(charge.shape)
    units = np.flatnonzero(data.charge_min_kw > 0)
    if len(units):
        some, wide = charge[units], (len(short), case.isps)
        floor = np.minimum(data.charge_min_kw[units, None], np.broadcast_to(data.charge_kw, wide)[units])
        free = np.isnan(np.broadcast_to(data.pinned_kw, wide)[units])
        below = np.maximum(np.minimum(some, floor - some), 0.0)
        below = np.where(free & (some > slack(some, discharge[units])), below, 0.0)
        below[np.arange(len(units)), below.argmax(axis=1)] = 0.0  # there it may charge for a part of the time
        short[units] = below
    return short


def _energy(case: Case, situation: Situation) -> Findings:
    data, programs = case.storage, situation.programs
    mine = situation.concerns(data.point)[:, None]
    energy = programs.energy_kwh
    before = np.column_stack([data.energy_start_kwh, energy[:, :-1]])
    charged = case.isp_hours * data.charge_efficiency * programs.charge_kw
    drawn = case.isp_hours * programs.discharge_kw / data.discharge_efficiency[:, None] + data.demand_kwh
    reached = data.retention[:, None] * before + charged - drawn + programs.unmet_kwh - programs.excess_kwh
    axes, allowed = (situation.units("storage"), isp), beside(energy, before, charged, drawn)
    rules = (
        ("energy does not follow from its power", np.abs(energy - reached)),
        ("energy is below its band", data.energy_min_kwh - energy),
        ("energy is above its band", energy - data.energy_max_kwh),
        ("unmet is negative", -programs.unmet_kwh),
        ("excess is negative", -programs.excess_kwh),
    )
    for what, excess in rules:
        yield from above(axes, what, np.where(mine, excess, 0.0), allowed, "kWh")


def _terms_eur(case: Case, programs: Programs, called: bool) -> Mapping[str, Floats]:
    """Return wear, stored energy and comfort shortfall; of a called program, what it misses beyond what it must."""
    data = case.storage
    missed = np.sum(programs.unmet_kwh + programs.excess_kwh, axis=1)
    if called:
        return {"called comfort shortfall": -data.shortfall_eur_per_kwh * (missed - _never_met_kwh(case, missed))}
    missed_eur = -data.shortfall_eur_per_kwh * missed
    moved_kwh = np.sum(programs.charge_kw + programs.discharge_kw, axis=1) * case.isp_hours
    return {
        "wear": -data.wear_eur_per_kwh * moved_kwh,
        "stored energy": _worth_eur(case, programs.energy_kwh[:, -1]) - _worth_eur(case, data.worth_zero_kwh),
        "comfort shortfall": missed_eur,
    }


def _never_met_kwh(case: Case, missed: Floats) -> Floats:
    """Return what units (U,) that miss anything would miss with any power in any direction, kWh."""
    data, total = case.storage, np.zeros(len(missed))
    units = np.flatnonzero(missed > 0)
    if not len(units):
        return total
    charge, discharge, gain, drawn, least, most, pin = (
        np.broadcast_to(values, (len(missed), case.isps))[units].astype(np.float64)
        for values in (
            data.charge_kw, data.discharge_kw, data.charge_efficiency, data.demand_kwh, data.energy_min_kwh,
            data.energy_max_kwh, data.pinned_kw,
        )
    )  # fmt: skip
    free, keep, loss = np.isnan(pin), data.retention[units], data.discharge_efficiency[units]
    lowest = highest = data.energy_start_kwh[units].astype(np.float64)
    for t in range(case.isps):
        lowest, highest = (
            keep * energy - drawn[:, t] + case.isp_hours * np.where(power > 0, power * gain[:, t], power / loss)
            for energy, power in (
                (lowest, np.where(free[:, t], -discharge[:, t], pin[:, t])),
                (highest, np.where(free[:, t], charge[:, t], pin[:, t])),
            )
        )
        total[units] += np.maximum(least[:, t] - highest, 0.0) + np.maximum(lowest - most[:, t], 0.0)
        lowest, highest = (np.minimum(np.maximum(energy, least[:, t]), most[:, t]) for energy in (lowest, highest))
    return total


def _worth_eur(case: Case, energy: Floats) -> Floats:
    """Return ∫ of the worth of one more kWh from 0 to the energy (U,): it changes at every energy worth_from_kwh."""
    data = case.storage
    total, rate, begin = np.zeros(len(energy)), data.end_value_eur_per_kwh, np.zeros(len(energy))
    for k in range(data.worth_from_kwh.shape[1]):
        total = total + rate * (np.minimum(energy, data.worth_from_kwh[:, k]) - begin)
        rate, begin = rate + data.worth_step_eur_per_kwh[:, k], np.minimum(energy, data.worth_from_kwh[:, k])
    return np.asarray(total + rate * (energy - begin), dtype=np.float64)


def _room_kw(case: Case, situation: Situation, side: str) -> Floats:
    """Return the room in power; a pin beyond the limit shows that the unit can run it, and is then the limit."""
    power, data = _net_kw(case, situation.programs), case.storage
    if side == "up":
        return np.add(power, np.fmax(data.discharge_kw, -data.pinned_kw))
    return np.subtract(np.fmax(data.charge_kw, data.pinned_kw), power)


AUDIT = ClassAudit(
    name="storage",
    fields={
        "charge_kw": ProgramField(),
        "discharge_kw": ProgramField(),
        "energy_kwh": ProgramField(unit="kWh"),
        "unmet_kwh": ProgramField(unit="kWh"),
        "excess_kwh": ProgramField(unit="kWh"),
    },
    power_kw=_net_kw,
    check=_check,
    terms_eur=_terms_eur,
    payers={
        "wear": Payer.OWNER,
        "stored energy": Payer.NEXT_PERIOD,
        "comfort shortfall": Payer.NOBODY,
        "called comfort shortfall": Payer.NOBODY,
    },
    reserve_kw=lambda case: case.storage.reserve_kw,
    room_kw=_room_kw,
    margin=check_activations,
)
