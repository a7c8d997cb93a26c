"""Checks what the plan of the Period before has credited for what it left, and this one debits. Pure.

Source: docs/reference/formulation.md §4.
"""

from collections.abc import Iterator

import numpy as np

from agr.planning.case_audit.context import Context
from agr.planning.case_audit.findings import differences


def check_case(context: Context) -> Iterator[str]:
    """Yield debits that are not what was credited."""
    facts, case = context.facts, context.case
    for field, due in (
        ("brought_forward_eur", facts.brought_forward_eur),
        ("unmanaged_brought_forward_eur", facts.unmanaged_brought_forward_eur),
    ):
        yield from differences(
            ["what was left the day before"], field, np.array([getattr(case, field)]), np.array([due])
        )
