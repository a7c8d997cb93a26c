"""What travels back from a worker: sums and answers without what is zero or follows from the rest."""

from dataclasses import dataclass

import numpy as np

from models.case import Bools, Floats, Ints
from models.response import Answers, Totals
from models.units.shiftable import ShiftableAnswers
from models.units.storage import StorageAnswers
from models.units.switched import SwitchedAnswers


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """Totals of a shard (K); reserve only of those that may hold any."""

    power_kw: Floats  # (K,T)
    held_kw: Floats  # (H,R,T)
    money_eur: Floats  # (K,2) own cost, bound


@dataclass(frozen=True, kw_only=True, eq=False)
class Parcel:
    """Answers of some units of a shard (n); what a class does not have is empty."""

    power_kw: Floats  # (n,T)
    money_eur: Floats  # (n,2) own cost, bound
    holder: Ints  # (h,) who holds reserve
    held_kw: Floats  # (R,h,T)
    energy_kwh: Floats  # (n,T) of storage
    short: Ints  # (s,) whose energy band could not be kept
    short_kwh: Floats  # (2,s,T) unmet, excess
    start: Ints  # (n,) of shiftable runs
    on: Bools  # (n,T) of switched units


def sums(totals: Totals, holding: Ints) -> Sums:
    """Return what travels of totals."""
    return Sums(
        power_kw=totals.power_kw,
        held_kw=totals.held_kw[holding],
        money_eur=np.column_stack([totals.cost_eur, totals.bound_eur]),
    )


def add(total: Totals, more: Sums, group: Ints, holding: Ints) -> None:
    """Add sums (K) to the totals of their groups, in order."""
    np.add.at(total.power_kw, group, more.power_kw)
    np.add.at(total.held_kw, group[holding], more.held_kw)
    np.add.at(total.cost_eur, group, more.money_eur[:, 0])
    np.add.at(total.bound_eur, group, more.money_eur[:, 1])


def packed(answers: Answers) -> Parcel:
    """Return what travels of answers."""
    isps = answers.power_kw.shape[1]
    nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros((0, isps))
    holder = np.flatnonzero((answers.held_kw != 0).any(axis=(0, 2)))
    energy, short, short_kwh, start = nothing, nobody, np.zeros((2, 0, isps)), nobody
    on = np.zeros((0, isps), dtype=np.bool_)
    if isinstance(answers, StorageAnswers):
        energy = answers.energy_kwh
        slack = np.stack([answers.unmet_kwh, answers.excess_kwh])
        short = np.flatnonzero((slack != 0).any(axis=(0, 2)))
        short_kwh = slack[:, short]
    elif isinstance(answers, ShiftableAnswers):
        start = answers.start
    elif isinstance(answers, SwitchedAnswers):
        on = answers.on
    return Parcel(
        power_kw=answers.power_kw,
        money_eur=np.column_stack([answers.cost_eur, answers.bound_eur]),
        holder=holder,
        held_kw=answers.held_kw[:, holder],
        energy_kwh=np.ascontiguousarray(energy),
        short=short,
        short_kwh=short_kwh,
        start=start,
        on=on,
    )


def unpacked(parcel: Parcel, label: str) -> Answers:
    """Return the answers of units of a class."""
    power, money = parcel.power_kw, parcel.money_eur
    held = np.zeros((len(parcel.held_kw), *power.shape))
    held[:, parcel.holder] = parcel.held_kw
    if label == "shiftable":
        return ShiftableAnswers(
            power_kw=power, held_kw=held, cost_eur=money[:, 0], bound_eur=money[:, 1], start=parcel.start
        )
    if label == "switched":
        return SwitchedAnswers(power_kw=power, held_kw=held, cost_eur=money[:, 0], bound_eur=money[:, 1], on=parcel.on)
    if label == "curtailable":
        return Answers(power_kw=power, held_kw=held, cost_eur=money[:, 0], bound_eur=money[:, 1])
    slack = np.zeros((2, *power.shape))
    slack[:, parcel.short] = parcel.short_kwh
    return StorageAnswers(
        power_kw=power,
        held_kw=held,
        cost_eur=money[:, 0],
        bound_eur=money[:, 1],
        charge_kw=np.maximum(power, 0.0),
        discharge_kw=np.maximum(-power, 0.0),
        energy_kwh=parcel.energy_kwh,
        unmet_kwh=slack[0],
        excess_kwh=slack[1],
    )
