"""What a given program is worth in a case: the program in force, kept under new facts, with everything that follows.

Units keep the programs of an earlier outcome; those that cannot run theirs any more, or had none, take that of another
outcome. Positions, reserve, bids and shortfalls follow from the programs as in the decomposition, and money from the
same terms as every outcome's. Nothing is searched. Source: docs/explanation/optimisation.md §3.7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from time import perf_counter
from typing import Any

import numpy as np

from models.arrays import chosen_rows, of_rows
from models.assembly import assemble, no_prices
from models.baseline import unmanaged_of
from models.block import called_units, reserved_points
from models.case import Bools, Case, Floats, Ints
from models.decomposition.primal.recovery import (
    reserving,
)
from models.errors import CaseError
from models.given_programs import Called, Consequences, HeldBefore, answer_of
from models.headroom import takes
from models.markets.registry import MARKETS
from models.outcome import Fields, Headroom, Outcome, Programs, ProgramValues, Shadow, Termination
from models.reserve_room import SIDES
from models.resources.protocols import ResourceClass
from models.resources.registry import RESOURCES

KEPT = "program in force"
"""What stands for the solver in an outcome that keeps an earlier program."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Earlier:
    """A program in force: the case and outcome of its plan, and where the units of a new case stand in them."""

    case: Case
    outcome: Outcome
    rows: Mapping[str, Ints]  # class → (U,) row in `case` of each unit of the new case, −1: it had none


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """An earlier program under new facts."""

    outcome: Outcome  # without a bound
    replaced: Mapping[str, Ints]  # class → units (n,) of the new case that had a program and cannot run it


def evaluable(case: Case) -> bool:
    """Return whether everything else follows from programs: not where a market can only be planned as a whole."""
    return not any(market.whole_only(case) for market in MARKETS)


def keep(case: Case, earlier: Earlier, instead: Outcome | None = None) -> Kept:
    """Return the outcome of `case` in which units keep their earlier programs, and others take those of `instead`.

    Without `instead` they take the unmanaged program, made for these units only (see models.baseline.unmanaged_of).
    Called programs are those planned with the earlier program, those of `instead`, or the plan itself, whichever make
    the whole worth most. Bids stay as far as they can still be held. Raises CaseError for a case that is not evaluable.
    """
    if not evaluable(case):
        raise CaseError("a given program cannot be evaluated in this case: see models.evaluation.evaluable")
    began = perf_counter()
    own = own_programs(case, earlier, earlier.outcome.programs)
    others = instead.programs if instead else unmanaged_of(case, _needed(case, own))
    programs = _joined(others, own)
    calls: list[Programs | None] = [None]
    if reserved_points(case).any():
        first = earlier.outcome.called or earlier.outcome.programs
        second = (instead.called if instead else None) or others
        calls = [_joined(second, own_programs(case, earlier, first, called=True)), second, programs]
    shadow = no_prices(case) if instead is None or instead.termination is Termination.NO_PROGRAM else instead.shadow
    outcome = most_worth(case, earlier, programs, calls, shadow, began)
    return Kept(outcome=replace(outcome, duals=instead.duals if instead else None), replaced=replaced(own))


def replaced(own: "OwnPrograms") -> dict[str, Ints]:
    """Return class → units (n,) that had a program and cannot run it; only classes that have such units."""
    left = {name: units[~keeps[units]] for name, (units, keeps, _) in own.items()}
    return {name: units for name, units in left.items() if len(units)}


def most_worth(
    case: Case, earlier: Earlier, programs: Programs, calls: Sequence[Called], shadow: Shadow, began: float
) -> Outcome:  # fmt: skip
    """Return the outcome of the programs of all units, with those of the given called programs that make it worth most.

    Units hold the reserve that they held before as far as they can, bids stay as far as they can be held. `calls`: only
    None where nothing is reserved; `began`: the reading of perf_counter when the evaluation began.
    """
    outcome, answer = _most_worth(case, earlier, programs, calls, shadow, began)
    return replace(outcome, **answer.headroom(case))


def worth_more(case: Case, changed: Outcome, than_eur: float) -> Outcome | None:
    """Return the outcome that follows where some programs, and reserve held, have changed; None if it is worth less.

    `changed`: the outcome before, whose tables of programs and reserve are already as they are to be; they are written
    to, those of called programs even where the result is worth less.
    """
    every = {one.name: np.arange(one.count(case)) for one in RESOURCES}
    before = Earlier(case=case, outcome=changed, rows=every)
    outcome, answer = _most_worth(
        case, before, changed.programs, [changed.called], changed.shadow, perf_counter(), into=changed.called
    )  # fmt: skip
    if outcome.objective_eur <= than_eur:
        return None
    return replace(outcome, **answer.headroom(case, changed))


def _most_worth(
    case: Case, earlier: Earlier, programs: Programs, calls: Sequence[Called], shadow: Shadow, began: float,
    into: Programs | None = None,
) -> tuple[Outcome, Consequences]:  # fmt: skip
    held = _held(case, earlier, earlier.outcome.headroom)
    other = earlier.outcome.called_headroom
    called_held = held if other is None else _held(case, earlier, other)
    bids = bids_before(case, earlier)
    answers = (answer_of(case, programs, called, held, called_held, bids, into) for called in calls)
    found = ((_outcome(case, one.plain, shadow, perf_counter() - began), one) for one in answers)
    return max(found, key=lambda pair: pair[0].objective_eur)


def _outcome(case: Case, answer: ProgramValues, shadow: Shadow, seconds: float) -> Outcome:
    """Return the outcome of an answer, with the prices that were found for the case."""
    return assemble(
        case, answer, shadow, termination=Termination.TIME_LIMIT, bound_eur=np.inf, solver=KEPT,
        seconds={"in force": seconds},
    )  # fmt: skip


OwnPrograms = dict[str, tuple[Ints, Bools, Fields]]
"""Class → units that had a program (n,), whether each of all units (U,) keeps its own, and these programs (n, …)."""


def own_programs(case: Case, earlier: Earlier, programs: Programs, *, called: bool = False) -> OwnPrograms:
    """Return the earlier programs under the facts of the case; if `called`, of units that may be called."""
    case = case.when_called() if called else case
    result: OwnPrograms = {}
    for resource in RESOURCES:
        if resource.fields:
            rows = earlier.rows[resource.name]
            if called:
                rows = np.where(called_units(case, resource.arrays(case).point), rows, -1)
            units = np.flatnonzero(rows >= 0)
            given = programs.of(resource.fields, chosen_rows(rows[units], resource.count(earlier.case)))
            found, fit = _of_class(case, resource, units, earlier.case, rows[units], given)
            keeps = np.zeros(len(rows), dtype=np.bool_)
            keeps[units] = fit
            result[resource.name] = units, keeps, found
    return result


def _of_class(
    case: Case, resource: ResourceClass, units: Ints, before: Case, rows: Ints, given: Fields
) -> tuple[Fields, Bools]:
    if resource.resumed is not None:
        return resource.resumed(case, units, before, rows, given)
    now, was = of_rows(resource.arrays(case), units), of_rows(resource.arrays(before), rows)
    same = np.ones(len(units), dtype=np.bool_)
    for item in fields(now):
        if item.name not in ("point", *resource.unpriced):
            same &= _equal_rows(getattr(now, item.name), getattr(was, item.name))
    return given, same


def _equal_rows(new: Any, old: Any) -> Bools:
    """Return whether each row (n,) of two arrays is the same, NaN included."""
    if np.shape(new) != np.shape(old):
        return np.zeros(len(new), dtype=np.bool_)
    both = (new == old) | ((new != new) & (old != old))
    return np.asarray(both.all(axis=tuple(range(1, both.ndim))))


def _needed(case: Case, own: OwnPrograms) -> dict[str, Ints]:
    """Return class → units (n,) that cannot keep their programs, or may be called."""
    return {
        name: np.flatnonzero(~keeps | called_units(case, case.units(name).point))
        for name, (_, keeps, _) in own.items()
    }  # fmt: skip


def _joined(instead: Programs, own: OwnPrograms) -> Programs:
    """Return the programs of `instead`, with those in their place that units keep."""
    found: dict[str, Any] = {}
    for resource in RESOURCES:
        for name in resource.fields:
            units, keeps, mine = own[resource.name]
            found[name] = np.array(getattr(instead, name))
            found[name][units[keeps[units]]] = mine[name][keeps[units]]
    return Programs(**found)


def _held(case: Case, earlier: Earlier, held: Headroom) -> dict[str, HeldBefore]:
    """Return class → what its units held before, of the products that there still are."""
    known = {product.name: r for r, product in enumerate(earlier.case.reserves)}
    result: dict[str, HeldBefore] = {}
    for resource, how in reserving():
        units = np.flatnonzero(how.reserve_kw(case) > 0)
        rows = earlier.rows[resource.name][units]
        had = np.flatnonzero(rows >= 0)
        tables = np.zeros((len(case.reserves), len(units), case.isps), dtype=how.precision(case))
        for r, product in enumerate(case.reserves):
            if product.name in known:
                side = next(side for side in SIDES if takes(product, side))
                tables[r, had] = held.of(resource.name, side)[known[product.name], rows[had]]
        result[resource.name] = HeldBefore(units=units, held_kw=tables)
    return result


def bids_before(case: Case, earlier: Earlier) -> list[Floats]:
    """Return the earlier bids (B,), MW, within what is bought now; zero for new products and blocks."""
    known = {product.name: bids for product, bids in zip(earlier.case.reserves, earlier.outcome.bids_mw, strict=True)}
    found = []
    for product in case.reserves:
        most = np.asarray(product.max_mw, dtype=np.float64)
        bids = known.get(product.name, np.zeros(0))
        wanted = np.minimum(bids, most) if len(bids) == len(most) else np.zeros(len(most))
        found.append(np.where(np.isnan(product.committed_mw), wanted, product.committed_mw))
    return found
