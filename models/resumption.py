"""The plan in force, mended for what has changed, and proven good enough without a search: most plans of a running day.

Units go on with their programs. Stores that cannot come back to theirs; units that have none, or whose program cannot
be mended, answer the prices in force. These prices, answered once by all units, prove a bound: where it is near enough,
the plan is made. Source: docs/explanation/optimisation.md §3.8.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from models.assembly import proven_eur
from models.block import called_units, reserved_points
from models.case import Bools, Case, Floats, Ints
from models.decomposition.executors import LOCAL, executor_of
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices, carried, duals, shadow
from models.decomposition.prices.grouping import Batch, Grouping, group_units, priced_points
from models.decomposition.prices.pricing import Pricing
from models.decomposition.primal.activation import Activation
from models.decomposition.reoptimise.selection import select
from models.decomposition.solve import solve as decompose
from models.decomposition.tuning import DEFAULT, Tuning
from models.evaluation import Earlier, OwnPrograms, bids_before, evaluable, most_worth, own_programs, worth_more
from models.given_programs import Called
from models.mixing import Shares
from models.objective import MISSED
from models.outcome import Fields, Headroom, Outcome, Programs, Termination
from models.reserve_room import SIDES
from models.resources.protocols import ResourceClass
from models.resources.registry import BY_NAME, RESOURCES
from models.response import limited

RESUMED = "program in force, mended"
"""What stands for the solver in an outcome that was made in this way."""
_LEAST, _TIMES = 1_500, 3
"""This many stores are searched again, or this many for each changed unit where that is more."""
_FEW = replace(DEFAULT, cycles=replace(DEFAULT.cycles, search_rounds=30, most=2))
"""How they are searched: prices hardly move, and a gap left open by two cycles needs a plan of the whole portfolio."""
_SHORT_KW = 1e-3
"""A reservation that lacks less than this, kW, lacks it by rounding."""
_SHARE_OF_GAP = 0.5
"""Share of the gap to which they are searched."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Resumed:
    """A program in force under new facts, with its bound."""

    outcome: Outcome
    replaced: dict[str, Ints]  # class → units (n,) that had a program and cannot run it as it was
    searched: bool = False  # whether a few units were searched again, and what was found is worth more

    @property
    def gap(self) -> float:
        """Return the gap as a share of gross cost."""
        return self.outcome.gap_eur / max(self.outcome.gross_cost_eur, 1e-9)


def resume(
    case: Case, earlier: Earlier, *, relative_gap: float, time_limit_s: float = 60.0, threads: int = 2,
    executor: str = LOCAL, cancelled: Callable[[], bool] = lambda: False, tuning: Tuning = DEFAULT,
) -> Resumed | None:  # fmt: skip
    """Return the program in force, mended, with the bound that the prices `case.start` prove.

    Where only a few units must be planned again, they are searched for `time_limit_s` at most.
    It ends as `gap open` where the gap is wider than `relative_gap`, a share of gross cost: then a search is needed.
    None where the case has no such prices, or is not evaluable. Raises ProofError where bound and program contradict
    each other, ExecutorError where the executor fails.
    """
    if case.start is None or case.remainder is not None or not evaluable(case):
        return None
    began = perf_counter()
    grouping = group_units(case, tuning.pool.unpriced_groups)
    with limited(threads), executor_of(executor)(case, grouping) as pricing:
        master = RestrictedMaster(case, grouping, tuning)
        prices = master.within(carried(case.start, grouping))
        bound_eur = -master.bound(prices, float(pricing.respond(prices.scenario()).bound_eur.sum()))
        del master
        priced = perf_counter()
        own = own_programs(case, earlier, earlier.outcome.programs)
        left = {name: units[~keeps[units]] for name, (units, keeps, _) in own.items()}
        programs = _of_everybody(case, earlier, grouping, pricing, prices, own)
        nobody = np.zeros(len(grouping.group_point), dtype=np.bool_)  # all have just answered these prices
        marginal = shadow(case, grouping, prices, pricing.joint_limits(prices.scenario(), nobody))
    calls, again = list[Called]([None]), OwnPrograms()
    if reserved_points(case).any():
        first = earlier.outcome.called or earlier.outcome.programs
        again = own_programs(case, earlier, first, called=True)
        calls = [_called(case, earlier, again, programs)]
    found = replace(
        most_worth(case, earlier, programs, calls, marginal, priced), duals=duals(case, grouping, prices, bound_eur)
    )
    evaluated = perf_counter()
    seconds, better = {"prices": priced - began, "in force": evaluated - priced}, None
    if _only_missed(found, bound_eur, relative_gap):
        wanted = replace(found, bids_mw=tuple(bids_before(case, earlier)))
        changed = {name: np.flatnonzero(_unkept(units, keeps)) for name, (units, keeps, _) in own.items()}
        changed = {name: np.union1d(units, _short(case, found, again, name)) for name, units in changed.items()}
        better = _few_again(case, wanted, changed, relative_gap, time_limit_s, threads, cancelled)
        found = better or found
        seconds["few again"] = perf_counter() - evaluated
    bound_eur = proven_eur(bound_eur, objective_eur=found.objective_eur, gross_cost_eur=found.gross_cost_eur)
    gap_eur = bound_eur - found.objective_eur
    outcome = replace(
        found, bound_eur=bound_eur, gap_eur=gap_eur, solver=RESUMED, seconds=seconds,
        termination=Termination.OPTIMAL if gap_eur <= relative_gap * found.gross_cost_eur else Termination.GAP_OPEN,
    )  # fmt: skip
    replaced = {name: units for name, units in left.items() if len(units)}
    return Resumed(outcome=outcome, replaced=replaced, searched=better is not None)


def _only_missed(found: Outcome, bound_eur: float, relative_gap: float) -> bool:
    """Return whether the gap is open, but would not be if nothing were missed: then a few units can close it."""
    gap_eur, enough_eur = bound_eur - found.objective_eur, relative_gap * found.gross_cost_eur
    missed_eur = -sum(min(eur, 0.0) for name, eur in found.terms_eur.items() if name in MISSED)
    return enough_eur < gap_eur <= enough_eur + missed_eur


def _short(case: Case, found: Outcome, called: OwnPrograms, name: str) -> Ints:
    """Return the units (n,) of a class whose called program is lost, at points where what is reserved is not there."""
    if name not in called:
        return np.zeros(0, dtype=np.int64)
    units, keeps, _ = called[name]
    at = np.zeros(len(case.points) + 1, dtype=np.bool_)
    at[case.reservations.point[(found.reservation_shortfall_kw > _SHORT_KW).any(axis=1)]] = True
    return units[~keeps[units] & at[BY_NAME[name].arrays(case).point[units]]]


def _unkept(units: Ints, keeps: Bools) -> Bools:
    """Return whether each unit (U,) does not keep an earlier program: new ones have none."""
    result = np.ones(len(keeps), dtype=np.bool_)
    result[units] = ~keeps[units]
    return result


def _few_again(
    case: Case, found: Outcome, changed: dict[str, Ints], relative_gap: float, time_limit_s: float, threads: int,
    cancelled: Callable[[], bool],
) -> Outcome | None:  # fmt: skip
    """Return the outcome after the changed units (n,) of each class, and some others, were searched again.

    Its tables are those of `found`. None, and they are as they were, where that is not possible or worth no more.
    """
    selection = select(case, found, _with_others(case, changed))
    if selection is None:
        return None
    traded_eur = sum(abs(eur) for name, eur in found.terms_eur.items() if name not in found.point_terms_eur)
    gap = _SHARE_OF_GAP * relative_gap * max(found.gross_cost_eur / max(traded_eur, 1e-9), 1.0)
    new = decompose(
        selection.case, relative_gap=gap, time_limit_s=time_limit_s, overtime_s=0.0, threads=threads,
        cancelled=cancelled, tuning=_FEW,
    )  # fmt: skip
    undo = selection.put_in(case, found, new)
    better = worth_more(case, found, found.objective_eur)
    if better is None:
        undo()
        return None
    return replace(better, duals=found.duals)


def _with_others(case: Case, changed: dict[str, Ints]) -> dict[str, Ints]:
    """Return the changed units of each class, and others that may make up for what they cannot do any more."""
    more = max(_LEAST, _TIMES * sum(len(units) for units in changed.values()))
    alone = np.append(priced_points(case), np.False_)  # there every unit is in a small group of its own
    rng = np.random.default_rng(len(alone))
    rank = np.where(alone, 1 + rng.permutation(len(alone)), 0)
    found = dict(changed)
    for resource in RESOURCES:
        if resource.mended is not None:
            point = resource.arrays(case).point
            others = np.lexsort((rng.random(len(point)), rank[point]))[:more]
            found[resource.name] = np.union1d(changed[resource.name], others)
    return found


def _of_everybody(
    case: Case, earlier: Earlier, grouping: Grouping, pricing: Pricing, prices: DualPrices, own: OwnPrograms
) -> Programs:  # fmt: skip
    """Return the programs of all units: their own, mended ones, and answers to prices."""
    found: dict[str, Any] = {}
    for name, (units, keeps, mine) in own.items():
        resource = BY_NAME[name]
        fields = _wide(case, resource, units, mine)
        open_ = ~keeps
        known = np.zeros(len(open_), dtype=np.bool_)
        known[units] = True
        if resource.mended is not None:
            some = np.flatnonzero(open_ & known)
            _mend(case, earlier, resource, some, fields, open_)
        _answer(case, grouping, pricing, prices, resource, fields, open_)
        some = np.flatnonzero(open_)  # behind connections that answer as a whole
        if len(some):
            unmanaged = resource.unmanaged(case)
            for key in fields:
                fields[key][some] = unmanaged[key][some]
            if resource.mended is not None:
                _mend(case, earlier, resource, some, fields, open_)
        found |= fields
    return Programs(**found)


def _wide(case: Case, resource: ResourceClass, units: Ints, mine: Fields) -> Fields:
    """Return tables of all units (U,…), to be written to, with the programs of some (n,) of them."""
    if len(units) == resource.count(case):  # what a class does not make anew are the tables of the plan in force
        return {key: values if resource.resumed is not None else values.copy() for key, values in mine.items()}
    nobody = resource.mixing or resource.choosing
    fields = nobody.empty(case, resource.count(case)) if nobody is not None else {}
    for key, values in fields.items():
        values[units] = mine[key]
    return dict(fields)


def _mend(
    case: Case, earlier: Earlier, resource: ResourceClass, some: Ints, fields: Fields, open_: Bools
) -> None:  # fmt: skip
    """Mend the programs of some units (n,) in the tables of all, in place; those that can run them are open no more."""
    if resource.mended is None or not len(some):
        return
    held_kw = held_before_kw(case, resource, earlier.rows[resource.name][some], earlier, earlier.outcome.headroom)
    new, fits = resource.mended(case, some, {key: values[some] for key, values in fields.items()}, held_kw)
    for key, values in new.items():
        fields[key][some[fits]] = values[fits]
    open_[some[fits]] = False


def held_before_kw(case: Case, resource: ResourceClass, rows: Ints, earlier: Earlier, held: Headroom) -> Floats:
    """Return the reserve (2,n,T), kW, that units at some rows (n,) held up and down; −1: they held none."""
    result = np.zeros((len(SIDES), len(rows), case.isps))
    if resource.reserving is not None and earlier.case.reserves:
        for k, side in enumerate(SIDES):
            result[k] = np.where((rows >= 0)[:, None], held.of(resource.name, side)[:, rows].sum(axis=0), 0.0)
    return result


def _answer(
    case: Case, grouping: Grouping, pricing: Pricing, prices: DualPrices, resource: ResourceClass, fields: Fields,
    open_: Bools,
) -> None:  # fmt: skip
    """Give open units (U,) their answers to prices, in place, as far as they answer alone."""
    for index, batch in enumerate(grouping.batches):
        if batch.resource is not resource or batch.called:
            continue
        some = np.flatnonzero(open_[batch.units])
        if len(some):
            _answer_batch(case, grouping, pricing, prices, index, batch, some, fields)
            open_[batch.units[some]] = False


def _answer_batch(
    case: Case, grouping: Grouping, pricing: Pricing, prices: DualPrices, index: int, batch: Batch, some: Ints,
    fields: Fields,
) -> None:  # fmt: skip
    seen, mixing = prices.seen(called=False), batch.resource.mixing
    if mixing is None:
        for few, chosen in pricing.choices(index, seen, some):
            for key in batch.resource.fields:
                fields[key][batch.units[few]] = chosen
        return
    shares = Shares(
        weight=np.ones((1, len(grouping.group_point))), only=np.zeros(len(batch.units), dtype=np.int64)
    )  # fmt: skip
    for few, mixed in pricing.mixtures(index, [seen], shares, some):
        units = batch.units[few]
        if mixing.repair is not None:
            mixing.repair(case, units, False, mixed)
        for key, values in mixed.fields.items():
            fields[key][units] = values
        for key, values in mixed.sparse.items():
            fields[key][units] = 0.0
            fields[key][units[mixed.short]] = values


def _called(case: Case, earlier: Earlier, own: OwnPrograms, planned: Programs) -> Activation:
    """Return the called programs of units that may have one: their own, mended ones, or the planned ones."""
    then = case.when_called()
    found: dict[str, tuple[Ints, Fields]] = {}
    for resource in RESOURCES:
        if not resource.fields:
            continue
        point = resource.arrays(case).point
        everybody = np.flatnonzero(called_units(case, point))
        units, keeps, mine = own[resource.name]
        place = np.searchsorted(everybody, units)
        fields = {key: getattr(planned, key)[everybody] for key in resource.fields}
        kept = keeps[units]
        for key, values in mine.items():
            fields[key][place[kept]] = values[kept]
        lost = np.flatnonzero(~kept)
        if resource.mended is not None and len(lost):
            held = earlier.outcome.called_headroom or earlier.outcome.headroom
            held_kw = held_before_kw(case, resource, earlier.rows[resource.name][units[lost]], earlier, held)
            new, fits = resource.mended(then, units[lost], {key: values[lost] for key, values in mine.items()}, held_kw)
            for key, values in new.items():
                fields[key][place[lost[fits]]] = values[fits]
        found[resource.name] = everybody, fields
    return Activation(called=found)
