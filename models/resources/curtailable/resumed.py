"""Programs of curtailable generation that are kept under new facts."""

import numpy as np

from models.case import Bools, Case, Ints
from models.outcome import Fields
from models.reserve_room import wide_rows

_SLACK_KW, _SLACK = 1e-4, 1e-6  # tolerances in kW and as a share of the forecast, as in the audit


def resumed(case: Case, units: Ints, before: Case, rows: Ints, fields: Fields) -> tuple[Fields, Bools]:
    """Return the programs of units (n,), which had `fields` at rows (n,) of the case before, and True (n,).

    Where nothing was curtailed, the program is the new forecast. A curtailed unit stays at its level, or at the
    forecast where that is less production.
    """
    isps = case.isps
    power, forecast = fields["curtailable_kw"], case.curtailable.forecast_kw[units]
    expected, pinned = before.curtailable.forecast_kw[rows], wide_rows(case.curtailable.pinned_kw, units, isps)
    curtailed = power - expected > _SLACK_KW + _SLACK * np.abs(expected)
    kept = np.where(curtailed, np.maximum(power, forecast), forecast)
    return {"curtailable_kw": np.where(np.isnan(pinned), kept, pinned)}, np.ones(len(units), dtype=np.bool_)
