"""From weights back to programs: every unit gets the same convex combination of its own answers as its group.

Units that cannot mix choose: a run takes the start whose weight is least covered so far, a switched unit takes the one
of its answers that brings its group closest to the mixture, and storage with a minimum charging power takes one of its
answers. Storage that would charge and discharge at once makes the same change of its energy in one direction.
Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.case import Case, Floats, Ints
from models.decomposition.joint.responder import JointMixed
from models.decomposition.master.restricted_master import SETTLED, RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import Batch, Grouping, may_hold
from models.decomposition.prices.pricing import Pricing
from models.decomposition.primal.whole_answers import Answers, answers_of
from models.mixing import MIXES, Mixed, Shares
from models.outcome import Fields
from models.resources.protocols import Choices, ResourceClass
from models.resources.registry import BY_NAME


@dataclass(frozen=True, kw_only=True, eq=False)
class CombinedPrograms:
    """Programs of all units of a class in one scenario, as precise as the programs in the case.

    Fields that are zero for most units take memory only where they are not.
    """

    resource: ResourceClass
    called: bool
    units: Ints  # (n,) positions within the class: all of them, or those that may have a called program
    fields: Fields  # the class's fields of Programs
    reserve_units: Ints  # (h,) positions of the units that may hold reserve
    held_kw: Floats  # (R,h,T)


def used_rounds(master: RestrictedMaster) -> dict[int, Floats]:
    """Return the weights (G,) of each round whose answers have any, by number of the round."""
    columns = master.columns
    result: dict[int, Floats] = {}
    for number in np.unique(columns.round[columns.weight > 0]).tolist():
        mine = (columns.round == number) & (columns.weight > 0)
        result[number] = np.where(mine, columns.weight, 0.0).sum(axis=1)
    return result


BatchChoices = dict[int, Choices]
"""The choices of units that cannot mix, by position of their batch."""


def choose_programs(
    case: Case,
    grouping: Grouping,
    pricing: Pricing,
    weights: dict[int, Floats],
    prices: dict[int, DualPrices],
    before: BatchChoices,
    passes: int,
) -> BatchChoices:
    """Return a choice for each unit that cannot mix, such that its group comes closest to its weights.

    `weights` (G,) and `prices` are given per round. `before` are the choices behind settled columns. Units choose in
    at most `passes` passes.
    """
    result: BatchChoices = {}
    for index, batch in enumerate(grouping.batches):
        choosing = batch.resource.choosing
        if choosing is not None:
            group, share = batch.rows.total, np.array(list(weights.values()))
            rounds = [partial(_answered, index, batch, pricing, n, w, prices, before) for n, w in weights.items()]
            result[index] = choosing.choose(case, batch.units, group, share, rounds, passes)
    return result


def _answered(
    index: int,
    batch: Batch,
    pricing: Pricing,
    number: int,
    weight: Floats,
    prices: dict[int, DualPrices],
    before: BatchChoices,
) -> Iterator[tuple[Ints, Choices]]:
    """Yield the choices of units whose group has weight in a round, or in the settled column."""
    chosen = np.flatnonzero(weight[batch.rows.total] > 0)
    if number == SETTLED:
        yield chosen, before[index][chosen]
    else:
        yield from pricing.choices(index, prices[number].seen(called=batch.called), chosen)


def settle_choices(case: Case, grouping: Grouping, master: RestrictedMaster, choices: BatchChoices) -> None:
    """Settle the groups of units that cannot mix in the master: each keeps the sum of its units' choices."""
    for index, chosen in choices.items():
        batch = grouping.batches[index]
        fields = dict.fromkeys(batch.resource.fields, chosen)
        programs = batch.resource.power_kw(case, batch.units, fields)
        cost = np.zeros(len(batch.units))
        for eur in batch.resource.terms_eur(case, batch.units, fields, batch.called).values():
            cost -= eur
        groups, place = np.unique(batch.rows.total, return_inverse=True)
        power, total = np.zeros((len(groups), case.isps)), np.zeros(len(groups))
        np.add.at(power, place, programs)
        np.add.at(total, place, cost)
        master.settle(groups, power, total)


def combine(
    case: Case,
    grouping: Grouping,
    pricing: Pricing,
    weights: dict[int, Floats],
    prices: dict[int, DualPrices],
    choices: BatchChoices,
    settled: Mapping[int, Answers],
) -> list[CombinedPrograms]:
    """Return the programs of every class and scenario, for which the rounds with weight are priced again.

    `weights` (G,) and `prices` are given per round; `settled`: what settled columns stand for, by batch.
    """
    numbers = [number for number in weights if number != SETTLED]  # settled groups do not mix
    weight = np.array([weights[number] for number in numbers]).reshape(len(numbers), len(grouping.group_point))
    results: dict[tuple[str, bool], CombinedPrograms] = {}

    def of(resource: ResourceClass, called: bool) -> CombinedPrograms:
        key = (resource.name, called)
        if key not in results:
            results[key] = _empty(case, grouping, resource, called)
        return results[key]

    for index, batch in enumerate(grouping.batches):
        mixing = batch.resource.mixing
        if mixing is None:
            results[batch.resource.name, batch.called] = _chosen(batch, case, choices[index])
            continue
        answers, result = (
            answers_of(case, batch, weights, prices, settled.get(index)), of(batch.resource, batch.called)
        )  # fmt: skip
        everyone = np.arange(len(batch.units))
        for some, mixed in pricing.mixtures(index, answers.rounds, answers.shares, everyone):
            _enter(case, result, batch.units[some], mixed)
    for index, joint in enumerate(grouping.joint):
        rounds = [prices[number].seen(called=joint.called) for number in numbers]
        shares = Shares(weight=weight, only=np.full(joint.connections.count, MIXES))
        for found in pricing.joint_mixtures(index, rounds, shares):
            for name, some, mixed in found.by_class():
                if len(some):
                    _enter(case, of(BY_NAME[name], joint.called), joint.connections.units(name)[some], mixed)
    return list(results.values())


def of_connections(case: Case, grouping: Grouping, programs: Sequence[JointMixed]) -> list[CombinedPrograms]:
    """Return the programs of every class and scenario, where all are behind the connections of some joint batches."""
    results: dict[tuple[str, bool], CombinedPrograms] = {}
    for joint, found in zip(grouping.joint, programs, strict=True):
        for name, some, mixed in found.by_class():
            key = name, joint.called
            if key not in results:
                results[key] = _empty(case, grouping, BY_NAME[name], joint.called)
            _enter(case, results[key], joint.connections.units(name)[some], mixed)
    return list(results.values())


def _enter(case: Case, result: CombinedPrograms, units: Ints, mixed: Mixed) -> None:
    """Write the mixtures of units (n,) into the result, made programs where they are none."""
    mixing = result.resource.mixing
    if mixing is not None and mixing.repair is not None:
        mixing.repair(case.when_called() if result.called else case, units, result.called, mixed)
    some = np.searchsorted(result.units, units)
    if result.held_kw.size:
        result.held_kw[:, np.searchsorted(result.reserve_units, some[mixed.reserve_units])] = mixed.held_kw
    for name, values in mixed.fields.items():
        result.fields[name][some] = values
    for name, values in mixed.sparse.items():
        result.fields[name][some[mixed.short]] = values


def _empty(case: Case, grouping: Grouping, resource: ResourceClass, called: bool) -> CombinedPrograms:
    """Return programs of zero of all units of a class that mixes."""
    if resource.mixing is None:
        raise TypeError(f"{resource.name} does not mix")
    of_class = [batch.units for batch in grouping.batches if batch.resource is resource and batch.called == called]
    behind = [joint.connections.units(resource.name) for joint in grouping.joint if joint.called == called]
    units = np.sort(np.concatenate([*of_class, *behind]))
    fields = resource.mixing.empty(case, len(units))
    precision = next(iter(fields.values())).dtype
    reserve_units = np.flatnonzero(may_hold(case, resource)[units])
    held = np.zeros((len(case.reserves), len(reserve_units), case.isps), dtype=precision)
    return CombinedPrograms(
        resource=resource, called=called, units=units, fields=fields, reserve_units=reserve_units, held_kw=held
    )


def _chosen(batch: Batch, case: Case, chosen: Choices) -> CombinedPrograms:
    nothing = np.zeros((len(case.reserves), 0, case.isps))
    fields = dict.fromkeys(batch.resource.fields, chosen.copy())  # programs are mended, choices are kept
    return CombinedPrograms(
        resource=batch.resource, called=batch.called, units=batch.units, fields=fields,
        reserve_units=np.zeros(0, dtype=np.int64), held_kw=nothing,
    )  # fmt: skip
