"""The program of a portfolio whose units answer alone, as chains: a store each, with generators dealt among them.

Source: docs/explanation/optimisation.md §3.10.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.block import reserved_points
from models.case import Case, Floats, Ints
from models.decomposition.joint.connections import SOLAR, STORAGE
from models.decomposition.prices.grouping import Batch, Grouping
from models.decomposition.whole.blocks import ChainBlocks
from models.decomposition.whole.chains import Chains
from models.decomposition.whole.fill_frame import fill_solar, fill_stores
from models.decomposition.whole.linking import Kinds
from models.decomposition.whole.lone_stores import LoneStores, lone_stores
from models.decomposition.whole.slots import PRODUCTS, Frame, Slots
from models.reserve_room import wide_rows
from models.resources.shiftable.resource import RESOURCE as RUNS
from models.resources.storage.layout import STEPS


@dataclass(frozen=True, kw_only=True, eq=False)
class LoneSolar:
    """U generators of a batch, and where they are."""

    batch: Batch
    forecast: Floats  # (U,T)
    pinned: Floats  # (U,T) NaN where free
    eur: Floats  # (U,) per kW curtailed in one ISP
    chain: Ints  # (U,)
    slot: Ints  # (U,)

    @property
    def fixed_eur(self) -> Floats:
        """Return what is pinned costs (U,), as curtailment."""
        return np.asarray(self.eur * np.nan_to_num(np.maximum(self.pinned - self.forecast, 0.0)).sum(axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class LoneRuns:
    """Units of a batch that choose one of a few programs, and the family of each."""

    batch: Batch
    family: Ints  # (U,)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoneUnits:
    """All units as chains; `number` (B,T,S) is the variable in each slot, −1 for none."""

    blocks: ChainBlocks
    kinds: Kinds
    number: Ints
    stores: tuple[tuple[LoneStores, Ints], ...]  # with the chain of each
    solar: tuple[LoneSolar, ...]
    runs: tuple[LoneRuns, ...]


def lone_units(case: Case, grouping: Grouping) -> LoneUnits:
    """State the units of all batches, which must be stores, generators without reserve, and runs."""
    kinds, families = _families(case, grouping)
    found = [(batch, family) for batch, family in zip(grouping.batches, families, strict=True)]
    stores = [(lone_stores(case, batch), family) for batch, family in found if batch.resource.name == STORAGE]
    solar = [(batch, family) for batch, family in found if batch.resource.name == SOLAR]
    empty = np.setdiff1d(np.concatenate([np.zeros(0, dtype=np.int64), *(of for _, of in solar)]),
                         np.concatenate([np.zeros(0, dtype=np.int64), *(of for _, of in stores)]))  # fmt: skip
    every = np.concatenate([*(of for _, of in stores), empty])
    order = np.argsort(every, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    chains = np.split(place[: len(every) - len(empty)], np.cumsum([len(of) for _, of in stores])[:-1])
    dealt, generators = _dealt([of for _, of in solar], every[order])
    slots = Slots.of(case)
    holds = np.zeros(len(every), dtype=np.bool_)
    for (one, _), chain in zip(stores, chains, strict=True):
        holds[chain] = (one.reserve_kw > 0.0) & bool(slots.traded.any())
    holder, rank = np.flatnonzero(holds), np.where(holds, np.cumsum(holds) - 1, -1)
    steps = max(((one.scalars.shape[1] - STEPS) // 2 for one, _ in stores), default=0)
    frame = Frame.empty(slots, case.isps, len(every), holder, generators, steps)
    for (one, _), chain in zip(stores, chains, strict=True):
        fill_stores(case, slots, frame, one, chain, rank[chain])
    suns = [
        _solar(case, batch, chain, slots.first_solar + slot)
        for (batch, _), (chain, slot) in zip(solar, dealt, strict=True)
    ]
    for sun in suns:
        fill_solar(frame, sun.forecast, sun.pinned, sun.eur, sun.chain, sun.slot)
    return LoneUnits(
        blocks=_blocks(frame, slots, every[order]), kinds=kinds,
        number=np.where(frame.there, np.cumsum(frame.there.ravel()).reshape(frame.there.shape) - 1, -1),
        stores=tuple((one, chain) for (one, _), chain in zip(stores, chains, strict=True)), solar=tuple(suns),
        runs=tuple(LoneRuns(batch=batch, family=of) for batch, of in found if batch.resource is RUNS),
    )  # fmt: skip


def _families(case: Case, grouping: Grouping) -> tuple[Kinds, list[Ints]]:
    """Return the families, and that of each unit of every batch."""
    priced, reserved, keys = len(grouping.priced_points), reserved_points(case), list[Ints]()
    for batch in grouping.batches:
        point = np.where(batch.rows.power < priced, batch.rows.power, -1)
        held = (point >= 0) & (not batch.called)
        held[held] = reserved[grouping.priced_points[point[held]]]
        called = np.full(len(point), int(batch.called))
        keys.append(np.stack([called, point, held.astype(np.int64), np.zeros_like(point)]))
    every, family = np.unique(np.concatenate(keys, axis=1), axis=1, return_inverse=True)
    kinds = Kinds(called=every[0] > 0, point=every[1], reserved=every[2] > 0, balance=every[3])
    return kinds, np.split(family.reshape(-1), np.cumsum([key.shape[1] for key in keys])[:-1])


def _dealt(wanted: Sequence[Ints], family: Ints) -> tuple[list[tuple[Ints, Ints]], int]:
    """Deal units of families (U,) among chains of family (B,); return (chain, number there), and the most there."""
    taken, result = np.zeros(len(family), dtype=np.int64), list[tuple[Ints, Ints]]()
    for mine in wanted:
        chain = np.empty(len(mine), dtype=np.int64)
        for one in np.unique(mine).tolist():
            some, own = np.flatnonzero(mine == one), np.flatnonzero(family == one)
            chain[some] = own[np.arange(len(some)) % len(own)]
        order = np.argsort(chain, kind="stable")
        slot = np.empty(len(mine), dtype=np.int64)
        slot[order] = np.arange(len(mine)) - np.searchsorted(chain[order], chain[order])
        slot += taken[chain]
        np.add.at(taken, chain, 1)
        result.append((chain, slot))
    return result, int(taken.max(initial=0))


def _solar(case: Case, batch: Batch, chain: Ints, slot: Ints) -> LoneSolar:
    data = (case.when_called() if batch.called else case).curtailable
    wide = (len(batch.units), case.isps)
    forecast, pinned = (
        np.array(np.broadcast_to(wide_rows(values, batch.units, case.isps), wide), dtype=np.float64)
        for values in (data.forecast_kw, data.pinned_kw)
    )
    eur = data.cost_eur_per_mwh[batch.units] * (0.0 if batch.called else case.isp_hours / 1000)
    return LoneSolar(batch=batch, forecast=forecast, pinned=pinned, eur=eur, chain=chain, slot=slot)


def _blocks(frame: Frame, slots: Slots, family: Ints) -> ChainBlocks:
    """Return the chains without their gaps."""
    there, (chains, isps, _) = frame.there, frame.there.shape
    entry = frame.entry * (there[frame.holder][:, :, None, :] & frame.row[..., None])
    filled, local = entry != 0.0, np.cumsum(there, axis=2) - 1
    at = np.broadcast_to(local[frame.holder][:, :, None, :], filled.shape)[filled]
    entries, rows = filled.sum(axis=3)[frame.row], np.zeros((chains, isps), dtype=np.int64)
    rows[frame.holder] = frame.row.sum(axis=2)
    counted = (frame.before != 0.0) & frame.row[..., None] & frame.stores[frame.holder][:, None, None, :]
    rank, sizes = np.cumsum(frame.stores, axis=1) - 1, frame.stores.sum(axis=1)
    of = np.take_along_axis(rank, np.maximum(frame.device, 0).reshape(chains, -1), axis=1).reshape(there.shape)
    energies = np.broadcast_to(frame.stores[:, None, :], frame.kept.shape)
    variables, store_at = there.sum(axis=2).ravel(), _begins(sizes)
    variable_at, entry_at = _begins(variables), _begins(entries)
    step_chain, step = np.nonzero(frame.step_eur > 0.0)
    output = np.zeros((*there.shape, 1 + len(slots.lasts)))
    output[:, :, 0, 0], output[:, :, 1, 0], output[:, :, slots.first_solar :, 0] = 1.0, -1.0, 1.0
    for r in range(len(slots.lasts)):
        output[:, :, PRODUCTS + r, 1 + r] = 1.0
    first = np.repeat(np.repeat(variable_at[:-1], rows.ravel()), entries)
    none, nobody = np.zeros(0), np.zeros(0, dtype=np.int64)
    return ChainBlocks(
        workspaces=(), batch=np.zeros(chains, dtype=np.int64), member=np.arange(chains), family=family, isps=isps,
        own_eur_per_kw=np.zeros((chains, isps)),
        chains=Chains(
            store_at, variable_at, _begins(rows.ravel()), entry_at, at, entry[filled],
            np.where(frame.device >= 0, of, -1)[there], frame.change[there], frame.kept[energies],
            _begins(variables**2), _begins(variables * np.repeat(sizes, isps)), _begins(sizes**2 * isps),
            _begins(counted.sum(axis=3)[frame.row]),
            np.broadcast_to(rank[frame.holder][:, None, None, :], counted.shape)[counted], frame.before[counted],
        ),
        cost=frame.cost[there], most=frame.most[there], output=output[there], fixed_kw=frame.fixed_kw,
        rows=sparse.csr_array((entry[filled], first + at, entry_at), shape=(len(entries), int(variable_at[-1]))),
        right=frame.right[frame.row], price=np.full(len(entries), np.inf), level=np.full(len(entries), -1),
        drift=frame.drift[energies], low=frame.low[energies], high=frame.high[energies],
        held=np.flatnonzero(frame.bounded[energies]), start=frame.start[frame.stores],
        end_eur=frame.end_eur[frame.stores], step_at=store_at[step_chain] * isps + (isps - 1) * sizes[step_chain],
        step_eur=frame.step_eur[step_chain, step], step_from=frame.step_from[step_chain, step], level_eur=none,
        level_low=none, level_chain=nobody,
    )  # fmt: skip


def _begins(sizes: Ints) -> Ints:
    return np.append(0, np.cumsum(sizes)).astype(np.int64)
