"""Audits limits of connections and groups: what all units behind one draw, reserve included, and what is beyond it.

The most is Σ (p + reserve held down), the least Σ (p − reserve held up); a breach is exactly what lies beyond a bound.
When called, the same holds for the called programs, at limits with units at congestion points with a reservation.
"""

from collections.abc import Iterator

import numpy as np

from models.audit.findings import above, isp, named, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.resources.registry import CLASSES
from models.audit.scenario import Situation, by_point, held_kw, mwh, on_side, reserved_points, scenarios
from models.case import NO_LIMIT, UNIT_CLASSES, Case, Floats
from models.outcome import Outcome

_SIDES = ("import", "export")


def _check(case: Case, outcome: Outcome) -> Findings:
    limits = case.connection_limits
    if not len(limits.name):
        return
    nothing = np.zeros((len(limits.name), case.isps))
    due = {(word, side): nothing for word in ("", "called ") for side in _SIDES}
    for situation in scenarios(case, outcome):
        for side, beyond in zip(_SIDES, _beyond(case, situation), strict=True):
            due[situation.word, side] = beyond
    for (word, side), beyond in due.items():
        found = _stated(outcome, word, side)
        axes, what = (
            (named(f"{word}connection limit", limits.name), isp),
            f"breach of the {side} limit is not stated as",
        )
        yield from above(axes, f"{what} it is, wrong", np.abs(found - beyond), slack(found, beyond, _size(case)))


def _size(case: Case) -> Floats:
    """Return the size of the bounds that are compared with (L,T); 0 where there is none."""
    limits = case.connection_limits
    bounds = [np.where(np.isfinite(bound), np.abs(bound), 0.0) for bound in (limits.import_kw, limits.export_kw)]
    return np.maximum(*bounds)


def _stated(outcome: Outcome, word: str, side: str) -> Floats:
    values: Floats = getattr(outcome, f"{word.replace(' ', '_')}connection_{side}_breach_kw")
    return values


def _beyond(case: Case, situation: Situation) -> Iterator[Floats]:
    """Yield what lies beyond the import and the export limits (L,T) in a situation."""
    limits, counted = case.connection_limits, _with_parents(case, _concerned(case, situation)[:, None])
    for side, held, sign, bound in (
        ("import", "down", 1.0, limits.import_kw),
        ("export", "up", -1.0, -limits.export_kw),
    ):
        del side
        drawn = sign * _with_parents(case, _power(case, situation)) + _with_parents(case, _held(case, situation, held))
        yield np.where(counted > 0, np.maximum(drawn - bound, 0.0), 0.0)


def _concerned(case: Case, situation: Situation) -> Floats:
    """Return how many of the units (L,) at each limit alone a situation concerns; a plan concerns every limit."""
    limits = case.connection_limits
    if not situation.word:
        return np.ones(len(limits.name))
    found, reserved = np.zeros(len(limits.name)), reserved_points(case)
    for name, leaf in zip(UNIT_CLASSES, limits.leaf, strict=True):
        mine = (leaf != NO_LIMIT) & reserved[case.units(name).point]
        np.add.at(found, leaf[mine], 1.0)
    return found


def _power(case: Case, situation: Situation) -> Floats:
    limits = case.connection_limits
    total = np.zeros((len(limits.name), case.isps))
    for of_class in CLASSES:
        leaf = limits.leaf[UNIT_CLASSES.index(of_class.name)]
        behind = leaf != NO_LIMIT
        np.add.at(total, leaf[behind], of_class.power_kw(case, situation.programs)[behind])
    return total


def _held(case: Case, situation: Situation, side: str) -> Floats:
    limits = case.connection_limits
    total, takes = np.zeros((len(limits.name), case.isps)), on_side(case, side)
    for of_class in CLASSES:
        if of_class.reserve_kw is None or situation.headroom is None:
            continue
        leaf = limits.leaf[UNIT_CLASSES.index(of_class.name)]
        behind = leaf != NO_LIMIT
        held = held_kw(situation.headroom, of_class.name, side)[takes][:, behind].sum(axis=0, dtype=np.float64)
        np.add.at(total, leaf[behind], held)
    return total


def _with_parents(case: Case, own: Floats) -> Floats:
    """Return the sums (L,…) over each limit and all that lie in it, one chain of parents after the other."""
    parent, total = case.connection_limits.parent, own.copy()
    for limit in range(len(parent)):
        above_it = int(parent[limit])
        while above_it != NO_LIMIT:
            total[above_it] += own[limit]
            above_it = int(parent[above_it])
    return total


def _eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    limits = case.connection_limits
    if not len(limits.name):
        return {}
    found = {}
    for word in ("", "called "):
        breached = sum(mwh(case, _stated(outcome, word, side)).sum(axis=1) for side in _SIDES)
        eur = -limits.penalty_eur_per_mwh * breached
        found[f"{word}connection limit breach"] = by_point(case, limits.point, eur)
    return found


def _shapes(case: Case) -> dict[str, tuple[int, ...]]:
    limits = case.connection_limits
    if not len(limits.name):
        return {}
    names = (f"{word}connection_{side}_breach_kw" for word in ("", "called_") for side in _SIDES)
    return dict.fromkeys(names, (len(limits.name), case.isps))


def _shadows(case: Case) -> dict[str, tuple[str, ...]]:
    names = tuple(f"connection limit {name}" for name in case.connection_limits.name)
    return {f"connection_{side}_eur_per_mwh": names for side in _SIDES} if names else {}


AUDIT = MarketAudit(
    name="connection_limits",
    check=_check,
    shapes=_shapes,
    shadows=_shadows,
    placed_eur=_eur,
    payers=lambda _case: {
        "connection limit breach": Payer.NOBODY,
        "called connection limit breach": Payer.NOBODY,
    },
)
