"""The program in force under new facts, in which units that cannot run theirs any more come back to it soon.

Nothing is searched. Source: docs/explanation/optimisation.md §3.8.
"""

from dataclasses import replace

import numpy as np

from models.block import reserved_points
from models.case import Case, Ints
from models.evaluation import Earlier, Kept, keep
from models.outcome import Headroom, Programs
from models.resources.registry import BY_NAME
from models.resumption import held_before_kw


def keep_or_return(case: Case, earlier: Earlier) -> Kept:
    """Return what models.evaluation.keep does, with the programs of units that come back to theirs.

    `replaced` are the units for which there is no such way: they run the unmanaged program. Raises CaseError for a case
    that is not evaluable.
    """
    kept = keep(case, earlier)
    if not kept.replaced:
        return kept
    found, left = _returned(
        case, earlier, kept, earlier.outcome.programs, kept.outcome.programs, earlier.outcome.headroom
    )
    called = kept.outcome.called
    if called is not None and reserved_points(case).any():
        held = earlier.outcome.called_headroom or earlier.outcome.headroom
        called, _ = _returned(
            case.when_called(), earlier, kept, earlier.outcome.called or earlier.outcome.programs, called, held
        )
    again = keep(case, earlier, replace(kept.outcome, programs=found, called=called))
    return replace(again, replaced=left)


def _returned(
    case: Case, earlier: Earlier, kept: Kept, before: Programs, now: Programs, held: Headroom
) -> tuple[Programs, dict[str, Ints]]:  # fmt: skip
    """Return the programs `now` with those of units that come back to what they had before, and which units do not."""
    left, changed = dict[str, Ints](), {}
    for name, units in kept.replaced.items():
        resource, stays = BY_NAME[name], units
        if resource.mended is not None:
            rows = earlier.rows[name][units]
            own = before.of(resource.fields, rows)
            new, fits = resource.mended(case, units, own, held_before_kw(case, resource, rows, earlier, held))
            for key, values in new.items():
                table = np.array(getattr(now, key))
                table[units[fits]] = values[fits]
                changed[key] = table
            stays = units[~fits]
        if len(stays):
            left[name] = stays
    return replace(now, **changed), left
