"""Reads what stores were measured to hold while a Period runs, and lets a plan of the rest of it begin with that."""

from dataclasses import replace
from datetime import datetime, timedelta

from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.quantities import STORED
from agr.domain.register import Register
from agr.planning.case import Inputs
from agr.planning.contents import Forecasts, named_some
from agr.planning.difference import Solved
from agr.planning.ports import PlanReader
from agr.planning.present import Measured, Paths, measured, present
from agr.planning.session_registers import sessions_contents

_INSTANT = timedelta(microseconds=1)


def read_measured(
    reader: PlanReader, register: Register, entered: Forecasts, paths: Paths, now: datetime
) -> list[Measured]:  # fmt: skip
    """Return what stores were measured to hold in the Period up to now, by name, beside the plan in force.

    `entered`: forecasts and measurements from tables, which win. Cars count while they are plugged in; where no state
    of charge was reported, the registers of their charge point tell what they hold.
    """
    period = paths.period
    contents, capacities = dict[str, tuple[datetime, float]](), dict[str, float]()
    visits = {row.resource: row for row in register.of(EvSession)}
    for kind in KINDS:
        if STORED in kind.measured:
            for row in register.of(kind.row):
                capacity_kwh = kind.capacity_kwh(row)
                if capacity_kwh is not None and (row.resource, STORED.name) not in entered:
                    capacities[row.resource] = capacity_kwh
    contents |= reader.newest_contents(capacities.keys(), period.start + _INSTANT, now)
    here = [row for row in visits.values() if row.arrival < now and row.departure > period.start]
    since = min((row.arrival for row in here), default=now) - timedelta(hours=1)
    registers = reader.registers({row.resource for row in here}, since, now) if here else {}
    for resource, (at, kwh) in sessions_contents(here, registers).items() if registers else ():
        if at > period.start and (resource not in contents or at > contents[resource][0]):
            contents[resource] = at, kwh
            row = visits[resource]
            capacities.setdefault(resource, row.initial_kwh + row.energy_kwh)
    known = {
        name: one
        for name, one in contents.items()
        if name not in visits or visits[name].arrival <= one[0] <= visits[name].departure
    }
    return measured(known, capacities, paths)


def begun_now(
    inputs: Inputs, reader: PlanReader, before: Solved | None, now: datetime, longest: timedelta, notes: list[str]
) -> Inputs:  # fmt: skip
    """Return the inputs as they are while the Period runs: with what stores were measured to hold since midnight.

    Says in `notes` what was measured beside what was planned, and how old it is; from a measurement that is older than
    `longest` on, a store follows its plan.
    """
    period = inputs.period
    if now <= period.start:
        return inputs
    paths = Paths(before, period)
    found = read_measured(reader, inputs.register, inputs.forecasts, paths, now)
    inputs = replace(inputs, past_isps=past_isps(period, now))
    if not found:
        return inputs
    state = present(found, before, paths, inputs.closed_isps, inputs.frozen_points)
    notes.extend(_said(found, now, longest))
    unable = sorted(state.programs_kw)
    if unable:
        notes.append(f"{number_of(len(unable), 'store')} cannot run the program of closed ISPs: {named_some(unable)}")
    programs = dict(inputs.previous.programs_kw) | dict(state.programs_kw)
    return replace(inputs, held=state.held, previous=replace(inputs.previous, programs_kw=programs))


def past_isps(period: Period, now: datetime) -> int:
    """Count the ISPs that have ended."""
    return min(max(period.isp_of(now) - 1, 0), period.isp_count) if now > period.start else 0


def _said(found: list[Measured], now: datetime, longest: timedelta) -> list[str]:
    fresh = [one for one in found if now - one.at <= longest]
    old = [one for one in found if now - one.at > longest]
    said = []
    if fresh:
        said.append(f"{number_of(len(fresh), 'store')} as measured: {named_some([_words(one, now) for one in fresh])}")
    if old:
        which = named_some([_words(one, now) for one in old])
        said.append(f"{number_of(len(old), 'store')} as planned since the last measurement, which is too old: {which}")
    return said


def _words(one: Measured, now: datetime) -> str:
    planned = "not planned yet" if one.planned_kwh is None else f"planned {one.planned_kwh:,.1f}"
    minutes = (now - one.at) / timedelta(minutes=1)
    return f"{one.resource} {one.kwh:,.1f} kWh, {planned}, read {minutes:,.0f} min before"
