"""The restricted master: prices, bounds and costs of couplings, columns and free positions, which are arrays."""

import numpy as np

from models.block import reserved_points
from models.case import Bools, Case, Floats, Ints
from models.decomposition.master import column_pool, proximal
from models.decomposition.master.coupling_rows import (
    certain_tariffs_eur,
    constants_of,
    costs_of,
    couplings,
    limits_alone_eur,
    linear_tariffs,
)
from models.decomposition.master.empty_columns import empty_columns
from models.decomposition.master.free_positions import free_positions
from models.decomposition.master.pairwise_descent import sweep
from models.decomposition.master.price_steps import set_steps
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.grouping import Grouping, span_kw
from models.decomposition.tuning import DEFAULT, Tuning
from models.headroom import KW_PER_MW
from models.objective import constants_eur
from models.response import NOWHERE, Totals

SETTLED = -2
"""Number, instead of a round's, of the column of a group that keeps its program."""


class RestrictedMaster:
    """The columns of a grouped case and its couplings. Arrays change in place; nothing here sees single units."""

    def __init__(self, case: Case, grouping: Grouping, tuning: Tuning = DEFAULT) -> None:
        self.case, self.grouping, self.tuning = case, grouping, tuning
        other = case.remainder
        called = other is not None and other.called_held_kw is not None
        self.any_reserved = called or bool(reserved_points(case).any())
        self.constants = constants_of(case, grouping, any_reserved=self.any_reserved)
        """What couplings have without columns and positions"""
        self.linear_eur_per_kw = linear_tariffs(case, grouping)
        """(G,T) the linear part of tariffs, which is part of what columns cost"""
        stated = free_positions(case, grouping, any_reserved=self.any_reserved)
        self.free, self.bids, self.products, self.levels = stated.free, stated.bids, stated.products, stated.levels
        self.step_mw, self._reserve_of = stated.step_mw, stated.reserve
        self.capacity_eur = float(
            sum(reserve.price_eur_per_mw @ np.nan_to_num(reserve.committed_mw) for reserve in case.reserves)
        )
        traded = case.energy_products()
        self.decided_eur = float(traded.eur_per_mwh @ traded.decided_kw) * (case.isp_hours / 1000)
        """What the decided positions in energy products cost"""
        costs = costs_of(case, grouping, tuning.master.hard_eur_per_kw, any_reserved=self.any_reserved)
        fee = case.reservations.availability_eur_per_mw_h[:, None] * case.reservations.paid_kw
        self.at_zero_eur = (
            costs.balance.at_zero_eur + costs.program.at_zero_eur + costs.call.at_zero_eur + self.decided_eur
            - self.capacity_eur - float(fee.sum()) * case.isp_hours / 1000 - sum(constants_eur(case).values())
            + costs.connections.at_zero_eur + limits_alone_eur(case, grouping)
            + (certain_tariffs_eur(case, grouping) - stated.lowest_eur)
        )  # fmt: skip
        self.couplings = couplings(costs, self.constants, grouping.priced_points)
        self.groups, self.columns, self.work = empty_columns(case, grouping, tuning.pool)
        self.span = span_kw(case, grouping)

    @property
    def bidding(self) -> slice:
        """Return where bids stand among the free positions; energy products are before, shared shortfalls after."""
        return slice(self.products, self.products + len(self.bids))

    def first_prices(self) -> DualPrices:
        """Return prices to begin with: the markets' own, zero at priced points, bids' prices spread over their ISPs."""
        case, per_kw = self.case, self.case.isp_hours / 1000
        traded = case.energy_products()
        price = np.where(traded.of >= 0, traded.eur_per_mwh, case.intraday.middle_eur_per_mwh) * per_kw
        balance = np.tile(price, (len(self.constants.balance), 1))
        reserve = np.zeros((len(case.reserves), case.isps))
        for p, (r, _) in enumerate(self.bids, start=self.products):
            mine = self.free.bid_of[r] == p
            reserve[r, mine] = self.free.price[p] / mine.sum() / KW_PER_MW
        share = 0.5 if self.any_reserved else 1.0
        zeros = np.zeros((len(self.grouping.priced_points), case.isps))
        return self.within(
            DualPrices(
                balance=balance, program=zeros, call=zeros.copy(), reserve=share * reserve,
                called=(1 - share) * reserve, connections=np.zeros_like(self.constants.connections),
                places=self.grouping.places,
            )
        )  # fmt: skip

    def within(self, duals: DualPrices) -> DualPrices:
        """Return these prices, clipped to the slopes of their couplings."""
        return DualPrices(
            places=self.grouping.places,
            near=duals.near,
            **{
                name: np.clip(prices, coupling.slopes[..., 0], coupling.slopes[..., -1])
                for name, prices, coupling in zip(
                    proximal.Couplings._fields, duals.arrays(), self.couplings, strict=True
                )
            },
        )

    def set_centre(self, duals: DualPrices) -> None:
        """Make these prices the centre of the proximal term."""
        for prices, coupling in zip(duals.arrays(), self.couplings, strict=True):
            coupling.centre[:] = prices

    def set_steps(self, factor: float, relative: tuple[float, float, float, float]) -> None:
        """Set each coupling's step; `relative` are the factors on balance, congestion points, reserve and limits."""
        set_steps(
            self.case, self.grouping, self.groups, self.couplings, self.span, factor, relative, self.tuning.steps
        )  # fmt: skip

    def bound(self, duals: DualPrices, units_eur: float) -> float:
        """Return the Lagrangian bound of the cost at these prices, given Σ of the units' bounds, EUR."""
        total = units_eur + self.at_zero_eur
        for prices, coupling, const in zip(duals.arrays(), self.couplings, self.constants, strict=True):
            total += float((prices * const).sum() + proximal.negative_conjugates(coupling, prices).sum())
        total += proximal.free_bound(self.free, duals.balance, duals.reserve, duals.called, duals.connections)
        return total

    def bound_beside(self, duals: DualPrices, groups_eur: Floats, counted: Bools) -> float:
        """Return the part of the bound, EUR, that is left when reserve, bids and all groups but those counted (G,) go.

        `groups_eur` (G,): the bounds of all groups.
        """
        total = float(groups_eur[counted].sum()) + self.at_zero_eur
        triples = list(zip(duals.arrays(), self.couplings, self.constants, strict=True))
        for prices, coupling, const in (*triples[:3], triples[5]):
            total += float((prices * const).sum() + proximal.negative_conjugates(coupling, prices).sum())
        for p in range(self.products):
            slope = self.free.price[p] - float(duals.balance[self.free.product_of == p].sum())
            total += min(slope * self.free.low[p], slope * self.free.high[p])
        return total + float(self._levels_eur(duals).sum())

    def _levels_eur(self, duals: DualPrices) -> Floats:
        """Return the part of the bound of each level of a peak charge, EUR."""
        free, row = self.free, self.free.level_row[self.levels :]
        slope = free.price[self.levels :] - duals.connections[row].sum(axis=1)
        return np.asarray(np.minimum(slope * free.low[self.levels :], slope * free.high[self.levels :]))

    def commit_bids(self, bids_mw: Floats) -> None:
        """Fix free bids at their entries of bids_mw (P,), in every bound and mixture from now on."""
        chosen = self.bidding
        for values in (self.free.value, self.free.low, self.free.high):
            values[chosen] = bids_mw[chosen]
        self.recount()

    def model(self, duals: DualPrices) -> float:
        """Return the bound, EUR, that the columns promise at these prices; the true bound is never higher."""
        return self.bound(duals, float(self.promised(duals).sum()))

    def promised(self, duals: DualPrices) -> Floats:
        """Return the least cost (G,) of each group's columns at these prices, EUR."""
        return np.asarray(column_pool.model_costs(self.columns, self.groups, *duals.arrays(), self.work))

    def bounds_of_blocks(self, duals: DualPrices, groups_eur: Floats) -> Floats:
        """Return each block's part (B,) of the bound, given the bounds of the groups (G,), EUR."""
        blocks = self.grouping.blocks
        total = np.zeros(blocks.count)
        mine = blocks.of_group >= 0
        np.add.at(total, blocks.of_group[mine], groups_eur[mine])
        c = self.couplings
        for prices, coupling, const, block in (
            (duals.program, c.program, self.constants.program, blocks.of_point),
            (duals.call, c.call, self.constants.call, blocks.of_point),
            (duals.connections, c.connections, self.constants.connections, blocks.of_sum),
        ):
            part = (prices * const).sum(axis=1) + proximal.negative_conjugates(coupling, prices)
            there = block >= 0
            np.add.at(total, block[there], part[there])
        np.add.at(total, blocks.of_sum[self.free.level_row[self.levels :]], self._levels_eur(duals))
        return total

    def add(self, totals: Totals, number: int, asked: Bools | None = None) -> None:
        """Add a round's answers of the groups (G,) that were asked as columns; the first of a group gets all weight."""
        skip = np.zeros(len(self.groups.point), dtype=np.bool_) if asked is None else ~asked
        column_pool.add_columns(
            self.columns,
            self.groups,
            totals.power_kw,
            totals.held_kw,
            totals.cost_eur + self._linear_eur(slice(None), totals.power_kw),
            number,
            self.tuning.pool.idle_rounds,
            skip,
        )
        if number == 0:
            self.recount()

    def _linear_eur(self, groups: Ints | slice, power_kw: Floats) -> Floats | float:
        """Return what the linear part of tariffs costs groups (n,) with these programs (n,T), EUR."""
        if self.linear_eur_per_kw is None:
            return 0.0
        return np.asarray((self.linear_eur_per_kw[groups] * power_kw).sum(axis=1))

    def settle(self, chosen: Ints, power_kw: Floats, cost_eur: Floats) -> None:
        """Let some groups (n,) without reserve keep one program each, whatever the prices; their columns are dropped.

        power_kw (n,T): the programs; cost_eur (n,): their own cost, without the linear part of tariffs.
        """
        cost_eur = cost_eur + self._linear_eur(chosen, power_kw)
        for group, power, cost in zip(chosen.tolist(), power_kw, cost_eur.tolist(), strict=True):
            self.columns.count[group] = 1
            self.columns.power[group, 0], self.columns.cost[group, 0] = power, cost
            self.columns.weight[group] = 0.0
            self.columns.weight[group, 0] = 1.0
            self.columns.round[group, 0] = SETTLED
        self.groups.settled[chosen] = True
        self.recount()

    def free_again(self) -> None:
        """Let settled groups move again from where they are."""
        self.groups.settled[:] = False

    def recount(self) -> None:
        """Add up all couplings anew from weights and positions, so that rounding does not pile up."""
        for coupling, const in zip(self.couplings, self.constants, strict=True):
            coupling.s[:] = const
        proximal.add_up(self.couplings, self.groups, self.columns, self.free, self.work)

    def improve(self, sweeps: int, enough: float) -> float:
        """Sweep until the columns could gain at most `enough` EUR; return what they still could gain."""
        left, slight, pairs = np.inf, 0.0, self.tuning.pairs
        for _ in range(sweeps):
            left = sweep(
                self.couplings, self.groups, self.columns, self.free, slight, pairs.newton_steps, pairs.straightness,
                self.work,
            )  # fmt: skip
            if left <= enough:
                break
            slight = (
                self.tuning.search.waiting * enough / len(self.groups.point)
            )  # groups that gain less than this may wait
        return left

    def mix(self, weight: Floats, free: Floats) -> None:
        """Take the weights (G,K) of the columns and the free positions (F,)."""
        self.columns.weight[:], self.free.value[:] = weight, free
        self.recount()

    def bids_mw(self) -> list[Floats]:
        """Return the bids per product (B,), MW: the awarded ones, and the present value of free ones."""
        bids = [np.nan_to_num(reserve.committed_mw).astype(np.float64) for reserve in self.case.reserves]
        for p, (r, block) in enumerate(self.bids, start=self.products):
            bids[r][block] = self.free.value[p]
        return bids

    def prices(self) -> DualPrices:
        """Return the couplings' prices at the present weights."""
        out = DualPrices(
            places=self.grouping.places,
            near=NOWHERE,
            **{
                name: np.zeros(coupling.s.shape)
                for name, coupling in zip(proximal.Couplings._fields, self.couplings, strict=True)
            },
        )
        proximal.next_prices(self.couplings, *out.arrays())
        return out

    def cost(self) -> float:
        """Return an estimate of the cost at the present weights, EUR, with bids lowered to the reserve held."""
        c = self.couplings
        value = self.free.value.copy()
        reserve, called = c.reserve.s.copy(), c.called.s.copy()
        for p, r in enumerate(self._reserve_of, start=self.products):
            mine = self.free.bid_of[r] == p
            least = (
                float(reserve[r, mine].min())
                if not self.any_reserved
                else float(min(reserve[r, mine].min(), called[r, mine].min()))
            )
            lower = min(max(-least, 0.0) / KW_PER_MW, value[p] - self.free.low[p])
            value[p] -= lower
            reserve[r, mine] += KW_PER_MW * lower
            called[r, mine] += KW_PER_MW * lower
        used = self.columns
        total = float((used.weight * used.cost).sum()) + float(self.free.price @ value) + self.at_zero_eur
        soft = np.clip(c.call.slopes, -self._worst(), self._worst())
        held = (c.reserve._replace(s=reserve), c.called._replace(s=called))
        for coupling in (c.balance, c.program, c.call._replace(slopes=soft), *held, c.connections):
            total += float(proximal.costs(coupling).sum())
        return total

    def _worst(self) -> float:
        return float(self.case.reservations.penalty_eur_per_mwh.max(initial=0.0)) * self.case.isp_hours / 1000

    def gross(self) -> float:
        """Return a cautious estimate of Σ |term|, EUR, in which terms that cancel each other count less."""
        used = self.columns
        energy = self.decided_eur + float(self.free.price[: self.products] @ self.free.value[: self.products])
        capacity = float(self.free.price[self.bidding] @ self.free.value[self.bidding]) - self.capacity_eur
        return (
            abs(energy) + abs(capacity) + abs(float(proximal.costs(self.couplings.balance).sum()))
            + float(np.abs((used.weight * used.cost).sum(axis=1)).sum())
        )  # fmt: skip
