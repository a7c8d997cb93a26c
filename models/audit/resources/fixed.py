"""Audits fixed units, which have no choice: only their power counts."""

from models.audit.protocols import ClassAudit, Findings
from models.audit.scenario import Situation
from models.case import Case, Floats
from models.outcome import Programs


def _power_kw(case: Case, programs: Programs) -> Floats:
    del programs
    return case.fixed.program_kw


def _check(case: Case, situation: Situation) -> Findings:
    del case, situation
    yield from ()


AUDIT = ClassAudit(name="fixed", fields={}, power_kw=_power_kw, check=_check)
