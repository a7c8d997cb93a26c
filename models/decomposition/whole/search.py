"""Solves a portfolio of connections as one linear program where it is one; turns its solution into prices and programs.

The bound is proven, and the value computed, as for any other prices and programs.
Source: docs/explanation/optimisation.md §3.9.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from models.case import Floats
from models.decomposition.joint.exact import make_exact
from models.decomposition.joint.responder import JointMixed, JointResponder
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.master_tuning import WholeLps
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import Grouping
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.search_state import SearchState
from models.decomposition.whole.blocks import ChainBlocks, blocks_of
from models.decomposition.whole.equations import NewtonSolver
from models.decomposition.whole.interior import first_iterate, solve
from models.decomposition.whole.linking import families_of, joined, linking_of, parted
from models.decomposition.whole.whole_lp import WholeLp
from models.mixing import Mixed, places
from models.resources.storage.layout import ENERGY, EXCESS, POWER, RESERVE, SLACK, UNMET


def is_one_lp(grouping: Grouping, responders: Sequence[JointResponder], tuning: WholeLps) -> bool:
    """Return whether everything that has a choice is behind connections that answer as a whole, with linear programs.

    It is required that no connection limit has a price, every connection has a store, all stores can keep their bands,
    no side of reserve is sold as two products, and the case is no part of a larger portfolio.
    """
    if grouping.batches or not grouping.joint or grouping.places.planned.nnz or grouping.places.called.nnz:
        return False
    case, joint = responders[0].case, [responder.joint for responder in responders]
    return (
        case.remainder is None
        and tuning.least_connections <= max(of.count for of in joint)
        and sum(of.count for of in joint) <= tuning.most_connections
        and len({reserve.direction for reserve in case.reserves}) == len(case.reserves)
        and all(int(np.diff(of.store_at).min(initial=1)) > 0 for of in joint)
        and not any((responder.stores.scalars[:, SLACK] > 0.0).any() for responder in responders)
    )


def whole_programs(
    master: RestrictedMaster, pricing: Pricing, state: SearchState, *, relative_gap: float, tuning: WholeLps,
    interrupted: Callable[[], object], say: Callable[[str], None],
) -> Iterator[tuple[JointMixed, ...]]:  # fmt: skip
    """Solve the whole where it is one LP, to one gap after the other.

    After each gap, the prices become the centre if their bound is better, and the positions become the master's; the
    programs of all connections of each joint batch are yielded.
    """
    responders, case, start = pricing.joint_responders(), master.case, state.centre
    if not is_one_lp(master.grouping, responders, tuning) or interrupted():
        return
    kinds, families = families_of(master.grouping, case.isps)
    linking, y = linking_of(master, kinds), joined(start)
    if len(linking.right) > tuning.most_rows:
        say(f"whole LP: not solved, its {len(linking.right)} linking rows are too many")
        return
    blocks = blocks_of(responders, families)
    solver = NewtonSolver(WholeLp(blocks, linking, y))
    eur = tuning.first_price * float(np.abs(start.balance).mean()) + 1e-9
    iterate, steps = first_iterate(solver.lp, y[linking.used], eur), 0
    gap_eur = relative_gap * max(master.gross(), 1e-9)
    for share in tuning.gaps:
        with threadpool_limits(1, "blas"):  # threads that wait for others of a busy machine take more than they save
            found = solve(solver, iterate, steps, enough_eur=share * gap_eur, tuning=tuning, interrupted=interrupted)
        if not np.isfinite(found.gap_eur) or found.steps == steps:
            return
        say(
            f"whole LP: {found.steps} steps of the interior-point method, {found.gap_eur:.3g} EUR from the best, "
            f"rows within {found.miss_kw:.2g} kW"
        )
        steps, y[linking.used] = found.steps, iterate.prices
        variables, _, _, others = solver.lp.parts(iterate.value)
        prices = master.within(parted(y, start))
        totals = pricing.respond(prices.scenario())
        bound_eur = master.bound(prices, float(totals.bound_eur.sum()))
        state.record(master, prices, totals, bound_eur)
        if bound_eur > state.centre_eur:
            state.centre, state.centre_eur = prices, bound_eur
        positions = linking.positions_of(others)[: len(master.free.value)]
        master.mix(master.columns.weight, np.clip(positions, master.free.low, master.free.high))
        yield _programs(master.grouping, responders, blocks, prices, variables)
        if interrupted():
            return


def _programs(
    grouping: Grouping, responders: Sequence[JointResponder], blocks: ChainBlocks, prices: DualPrices, variables: Floats
) -> tuple[JointMixed, ...]:
    """Make exact programs of the variables (n,) of all connections."""
    made = [_BatchPrograms(responder) for responder in responders]
    power = [
        prices.seen(called=batch.called).power_eur_per_kw[batch.rows.power] for batch in grouping.joint
    ]  # fmt: skip
    for b, (of, i) in enumerate(zip(blocks.batch.tolist(), blocks.member.tolist(), strict=True)):
        blocks.state(b)
        batch = blocks.workspaces[of]
        w, hours = batch.arrays, batch.responder.case.isp_hours
        mine = np.arange(w.iterate.x.shape[1]) < w.lp.number[:, None]
        w.iterate.x[mine] = variables[blocks.variables(b)]
        make_exact(batch.responder.shared, i, hours, np.ascontiguousarray(power[of][i]), batch.product, w)
        made[of].take(i, w.tried, w.tried_held, w.tried_solar)
    return tuple(each.mixed() for each in made)


class _BatchPrograms:
    """The programs of all devices of a batch of connections."""

    def __init__(self, responder: JointResponder) -> None:
        case, joint = responder.case, responder.joint
        self._responder, stores = responder, len(joint.stores)
        self._answers = np.zeros((stores, 4, case.isps))
        self._held = np.zeros((stores, len(case.reserves), case.isps))
        self._solar = np.zeros((len(joint.solars), case.isps))

    def take(self, i: int, answers: Floats, held: Floats, solar: Floats) -> None:
        """Keep the programs of connection i."""
        joint = self._responder.joint
        stores = slice(int(joint.store_at[i]), int(joint.store_at[i + 1]))
        solars = slice(int(joint.solar_at[i]), int(joint.solar_at[i + 1]))
        self._answers[stores] = answers[: stores.stop - stores.start]
        self._held[stores] = held[: stores.stop - stores.start]
        self._solar[solars] = solar[: solars.stop - solars.start]

    def mixed(self) -> JointMixed:
        """Return them as if they were mixtures."""
        answers, scalars = self._answers, self._responder.stores.scalars
        reserve_units, _ = places(scalars[:, RESERVE] > 0)
        power = answers[:, POWER]
        missing = answers[:, [UNMET, EXCESS]].swapaxes(0, 1)
        short = np.flatnonzero((missing != 0).any(axis=(0, 2)))
        nobody = np.zeros(0, dtype=np.int64)
        return JointMixed(
            stores=np.arange(len(answers)),
            storage=Mixed(
                fields={
                    "charge_kw": np.maximum(power, 0.0), "discharge_kw": np.maximum(-power, 0.0),
                    "energy_kwh": answers[:, ENERGY],
                },
                short=short, sparse={"unmet_kwh": missing[0, short], "excess_kwh": missing[1, short]},
                reserve_units=reserve_units, held_kw=self._held[reserve_units].swapaxes(0, 1),
            ),
            solars=np.arange(len(self._solar)),
            curtailable=Mixed(
                fields={"curtailable_kw": self._solar}, short=nobody, sparse={}, reserve_units=nobody,
                held_kw=np.zeros((self._held.shape[1], 0, self._held.shape[2])),
            ),
        )  # fmt: skip
