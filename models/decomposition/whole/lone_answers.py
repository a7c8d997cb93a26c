"""What the solution of a program of lone units means: exact programs of all units, and a proven bound of their cost.

Source: docs/explanation/optimisation.md §3.10.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from models.case import Case, Floats
from models.decomposition.prices.grouping import may_hold
from models.decomposition.primal.convex_combination import CombinedPrograms
from models.decomposition.whole.lone import LoneUnits
from models.decomposition.whole.lone_stores import LoneStores
from models.decomposition.whole.slots import CHARGE, DISCHARGE, PRODUCTS
from models.decomposition.whole.whole_lp import WholeIterate, WholeLp, priced_by
from models.headroom import traded_isps
from models.resources.storage.layout import OFFSET, RETENTION, START, WEAR


def programs(case: Case, units: LoneUnits, variables: Floats, nothing: float = 0.0) -> Iterator[CombinedPrograms]:
    """Yield the programs of all stores and generators, given the variables (n,) of chains.

    Stores rest where they would move with no more than `nothing`, a share of their power.
    """
    values = np.where(units.number >= 0, variables[units.number], 0.0)
    last = PRODUCTS + len(case.reserves)
    for stores, chain in units.stores:
        batch, mine = stores.batch, values[chain]
        if batch.resource.mixing is None:
            raise TypeError(f"{batch.resource.name} does not mix")
        fields = batch.resource.mixing.empty(case, len(chain))
        for name, found in _followed(stores, mine[:, :, CHARGE], mine[:, :, DISCHARGE], nothing).items():
            fields[name][:] = found
        holders = np.flatnonzero(may_hold(case, batch.resource)[batch.units])
        held = np.ascontiguousarray(np.moveaxis(mine[holders][:, :, PRODUCTS:last], 2, 0))
        yield CombinedPrograms(
            resource=batch.resource, called=batch.called, units=batch.units, fields=fields, reserve_units=holders,
            held_kw=held,
        )  # fmt: skip
    for sun in units.solar:
        kw = np.where(
            np.isnan(sun.pinned), np.minimum(sun.forecast + values[sun.chain, :, sun.slot], 0.0), sun.pinned
        )  # fmt: skip
        if sun.batch.resource.mixing is None:
            raise TypeError(f"{sun.batch.resource.name} does not mix")
        fields = sun.batch.resource.mixing.empty(case, len(sun.chain))
        fields["curtailable_kw"][:] = kw
        yield CombinedPrograms(
            resource=sun.batch.resource, called=sun.batch.called, units=sun.batch.units, fields=fields,
            reserve_units=np.zeros(0, dtype=np.int64), held_kw=np.zeros((len(case.reserves), 0, case.isps)),
        )  # fmt: skip


def _followed(stores: LoneStores, charge: Floats, discharge: Floats, nothing: float) -> dict[str, Floats]:
    """Return the powers and energies (U,T) that follow from what a solution charges and discharges, in one direction.

    Energies stay within what keeps the band, so rounding adds up to nothing.
    """
    energy, kept = stores.scalars[:, START], stores.scalars[:, RETENTION]
    power, energies, free = np.zeros_like(charge), np.zeros_like(charge), stores.free
    moved = stores.gain * charge - stores.drain * discharge
    moved[np.abs(moved) <= nothing * stores.gain * np.maximum(stores.charge, stores.discharge)] = 0.0
    for t in range(charge.shape[1]):
        gain, drain = stores.gain[:, t], stores.drain[:, t]
        rest = kept * energy - stores.demand[:, t]
        change = np.clip(rest + moved[:, t], stores.low[:, t], stores.high[:, t]) - rest
        change = np.clip(change, -drain * stores.discharge[:, t], gain * stores.charge[:, t])
        chosen = np.divide(change, np.where(change > 0.0, gain, drain), out=np.zeros_like(change), where=change != 0.0)
        power[:, t] = np.where(free[:, t], chosen, stores.fixed_kw[:, t])
        energies[:, t] = energy = rest + power[:, t] * np.where(power[:, t] > 0.0, gain, drain)
    return {
        "charge_kw": np.maximum(power, 0.0), "discharge_kw": np.maximum(-power, 0.0), "energy_kwh": energies,
    }  # fmt: skip


def without_surplus(
    case: Case, combined: Iterable[CombinedPrograms], bids_mw: Sequence[Floats], surplus: float
) -> None:
    """Lower reserve in place by the share by which more was asked for than bids need; none is held that nobody wants.

    bids_mw: of free and awarded bids, per product (B,). What one product holds too much of may be what another lacks:
    all use the same power and energy. Awards were asked for as they are.
    """
    for r, product in enumerate(case.reserves):
        free = np.append(np.isnan(product.committed_mw), False)[product.block]
        wanted = traded_isps(product) & (np.append(bids_mw[r], 0.0)[product.block] > 0.0)
        kept = np.where(wanted, np.where(free, 1.0 / (1.0 + surplus), 1.0), 0.0)
        for one in combined:
            one.held_kw[r] *= kept


def proven_eur(units: LoneUnits, lp: WholeLp, point: WholeIterate, prices: Floats, isp_hours: float) -> float:
    """Return the least that chains can cost at prices of all couplings, by the multipliers of a point.

    Any multipliers prove a bound: what they leave is taken at the better end of each variable and energy.
    """
    blocks, linking, chains = lp.blocks, lp.linking, lp.blocks.chains
    rows, isps = len(blocks.right), blocks.isps
    dual = np.maximum(point.dual, 0.0)
    dual[rows:] = np.minimum(dual[rows:], blocks.step_eur)
    left = blocks.cost + priced_by(blocks, linking, lp.isp) @ prices + lp.rows_back @ dual[:rows]
    of_energy = lp.end_cost + lp.before_back @ dual[:rows]
    np.add.at(of_energy, blocks.step_at, dual[rows:])
    (_, below, _, _), (_, above, _, _) = lp.parts(point.below), lp.parts(point.above)
    wanted, worth = np.zeros(len(blocks.low)), np.zeros(len(blocks.low))
    wanted[blocks.held] = below - above
    stride = np.repeat(blocks.sizes, blocks.sizes)
    first = np.repeat(chains.store_at[:-1] * (isps - 1), blocks.sizes) + np.arange(len(stride))
    for t in range(isps - 1, -1, -1):
        at = first + t * stride
        after = chains.kept[at + stride] * worth[at + stride] if t < isps - 1 else 0.0
        worth[at] = of_energy[at] + after - wanted[at]
    left += lp.moves.T @ worth
    total = np.minimum(left * blocks.most, 0.0).sum() + np.minimum(wanted * blocks.low, wanted * blocks.high).sum()
    total += (worth[first] * chains.kept[first] * blocks.start).sum() + (worth * blocks.drift).sum()
    total -= dual[:rows] @ blocks.right + dual[rows:] @ blocks.step_from
    seen = (linking.seen @ prices).reshape(-1, isps, blocks.output.shape[1])[:, :, 0]
    total += (seen[blocks.family] * blocks.fixed_kw).sum()
    return float(total + _fixed_eur(units, isp_hours))


def _fixed_eur(units: LoneUnits, isp_hours: float) -> float:
    """Return what units cost whatever they do: offsets, and wear and curtailment of programs that are pinned."""
    total = sum(float(sun.fixed_eur.sum()) for sun in units.solar)
    for stores, _ in units.stores:
        wear = stores.scalars[:, WEAR] * isp_hours
        total += float(stores.scalars[:, OFFSET].sum() + wear @ np.abs(stores.fixed_kw).sum(axis=1))
    return total
