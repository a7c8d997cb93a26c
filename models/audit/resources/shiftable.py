"""Audits shiftable runs: first_start <= start <= last_start; what lies after the Period costs what is expected then."""

from collections.abc import Mapping

import numpy as np

from models.audit.findings import above
from models.audit.protocols import ClassAudit, Findings, Payer, ProgramField
from models.audit.scenario import Situation
from models.case import Case, Floats
from models.outcome import Programs


def _power_kw(case: Case, programs: Programs) -> Floats:
    """Return the programs (U,T), kW; impossible starts are moved into range."""
    runs = np.zeros((len(case.shiftable.point), case.isps))
    for u, length in enumerate(case.shiftable.length.tolist()):
        start = min(max(int(programs.start[u]), 0), case.isps)
        for step in range(min(length, case.isps - start)):
            runs[u, start + step] = case.shiftable.profile_kw[u, step]
    return runs


def _terms_eur(case: Case, programs: Programs, called: bool) -> Mapping[str, Floats]:
    """Return minus the expected cost of the ISPs after the Period; a called program has none."""
    data = case.shiftable
    if called or not np.any(data.later_eur):
        return {}
    found = np.zeros(len(data.point))
    for u, length in enumerate(data.length.tolist()):
        after = int(programs.start[u]) + length - case.isps
        if after > 0:
            found[u] = -data.later_eur[u, min(after, length) - 1]
    return {"later runs": found}


def _check(case: Case, situation: Situation) -> Findings:
    data, mine = case.shiftable, situation.concerns(case.shiftable.point)
    start = situation.programs.start.astype(np.float64)
    axes = (situation.units("shiftable"),)
    yield from above(axes, "starts too early", np.where(mine, data.first_start - start, 0.0), 0.0, "ISPs")
    yield from above(axes, "starts too late", np.where(mine, start - data.last_start, 0.0), 0.0, "ISPs")


AUDIT = ClassAudit(
    name="shiftable",
    fields={"start": ProgramField(wide=False, kinds="i", unit="ISPs")},
    power_kw=_power_kw,
    check=_check,
    terms_eur=_terms_eur,
    payers={"later runs": Payer.NEXT_PERIOD},
)
