"""What differs from the plan while a Period runs: charging sessions, and the power of loads and generators."""

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.register import Register
from agr.planning.case import Inputs, programs_kw
from agr.planning.contents import named_some
from agr.planning.difference import Solved
from agr.planning.measured_now import past_isps
from agr.planning.measured_powers import LONGEST_GAP, carried_on, deviations
from agr.planning.ports import PlanningSettings, PlanReader
from agr.planning.sessions_now import as_seen

Floats = NDArray[np.float64]


def with_sessions(inputs: Inputs, reader: PlanReader, notes: list[str]) -> Inputs:
    """Return the inputs with charging sessions as their charge points have seen them; says in `notes` who has left."""
    seen = as_seen(inputs.register, reader.sessions(inputs.period), inputs.previous.programs_kw, inputs.period)
    if seen.left:
        notes.append(f"{number_of(len(seen.left), 'car')} left before the planned departure: {named_some(seen.left)}")
    if seen.register is inputs.register:
        return inputs
    return replace(
        inputs, register=seen.register, previous=replace(inputs.previous, programs_kw=seen.programs_kw)
    )  # fmt: skip


def as_measured(
    reader: PlanReader, settings: PlanningSettings, register: Register, forecasts: dict[tuple[str, str], Floats],
    before: Solved | None, period: Period, now: datetime, closed: int, notes: list[str],
) -> dict[tuple[str, str], Floats]:  # fmt: skip
    """Return the forecasts; if the settings say so, measured deviations of loads and generators are carried on.

    They are carried on from ISP `closed` (from 0); `before`: the plan in force.
    """
    share, ended = settings.planning.rolling.carry_on, past_isps(period, now)
    if share <= 0 or not ended:
        return forecasts
    names = {row.resource for kind in (FixedLoad, Generator) for row in register.of(kind)}
    registers = reader.registers(names, period.start - LONGEST_GAP, now)
    if not registers:
        return forecasts
    programs = {} if before is None else programs_kw(before.named, before.outcome.programs)
    found = deviations(register, forecasts, registers, programs, period, ended)
    return carried_on(forecasts, found, share, closed, notes)
