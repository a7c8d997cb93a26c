"""Connections that answer prices as a whole; they are prepared once, and then answer any prices.

Source: docs/explanation/optimisation.md §3.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.case import Case, Floats, Ints
from models.compiled import compiled
from models.decomposition.joint.answer import answer_connection
from models.decomposition.joint.connections import SOLAR, STORAGE, JointConnections
from models.decomposition.joint.known import bounds_at
from models.decomposition.joint.nearby import DevicePrograms, keep_programs
from models.decomposition.joint.shared import NotedPrices, Shared, Workspace, new_workspace
from models.headroom import traded_isps
from models.mixing import Mixed, Shares, chunks, places, power_seen, rewards_of
from models.parameter_views import Tables
from models.resources.storage.kernel_call import respond_address
from models.resources.storage.layout import ENERGY, EXCESS, POWER, RESERVE, STEPS, UNMET
from models.resources.storage.response import StorageResponder
from models.response import Prices, Rows, Sides, Sums, Tasks, Totals, add_up, best_sides, for_each_range

_EXACT = 1e-7
"""Gap, as a share of what programs cost, of answers that are as exact as rounding allows."""
_WORK = 64
"""Units of other classes that take about as long to answer as one connection; decides when threads are worth
starting."""


@dataclass(frozen=True, kw_only=True, eq=False)
class JointMixed:
    """Mixtures of the answers of some connections, for each of their devices."""

    stores: Ints  # (n,) positions among the stores of all connections
    storage: Mixed
    solars: Ints  # (m,)
    curtailable: Mixed

    def by_class(self) -> tuple[tuple[str, Ints, Mixed], ...]:
        """Return each class, positions among its units of all connections (n,), and their mixtures."""
        return (STORAGE, self.stores, self.storage), (SOLAR, self.solars, self.curtailable)


@dataclass(frozen=True, kw_only=True, eq=False)
class JointResponder:
    """Connections of one case in one scenario, ready to answer."""

    case: Case
    joint: JointConnections
    shared: Shared
    noted: NotedPrices
    stores: StorageResponder
    threads: int
    gap: float
    last: DevicePrograms  # of the answers last given with a proof, zero before
    kept: list[DevicePrograms] = field(default_factory=list)

    @staticmethod
    def of(
        case: Case, joint: JointConnections, shared: Shared, *, called: bool, threads: int = 0, gap: float = _EXACT
    ) -> "JointResponder":
        """Prepare connections. With 0 threads all available ones are used.

        `gap`: how close to its best an answer must be, a share of what its programs cost.
        """
        case = case.when_called() if called else case
        return JointResponder(
            case=case, joint=joint, shared=shared,
            noted=NotedPrices(*(np.zeros((len(of), case.isps)) for of in (
                shared.import_room_kw, shared.export_room_kw, shared.kink_eur, shared.peak_eur
            ))),
            stores=StorageResponder.of(case, joint.stores, called, threads), threads=threads, gap=gap,
            last=DevicePrograms(
                np.zeros((len(joint.stores), case.isps)), np.zeros((len(joint.stores), len(case.reserves), case.isps)),
                np.zeros((len(joint.solars), case.isps)),
            ),
        )  # fmt: skip

    def keep(self) -> int:
        """Keep the programs of the answers last given with a proof; return their number for `Prices.near`."""
        in_turn = bool((self.shared.tariff_of < 0).any())  # with a tariff, connections do not answer in turn
        self.kept.append(DevicePrograms(*(values.copy() for values in self.last)) if in_turn else self.last)
        return len(self.kept) - 1

    def respond(self, prices: Prices, rows: Rows, count: int, *, prove: bool = True) -> Totals:
        """Return the sums of all answers per total 0..count−1, see models.response.Totals.

        Without `prove` bounds are valid but poor, and the answers are the same. The prices of what each connection's
        devices share are noted, for `bounds` and `duals`.
        """
        sides, rewards = self._sides(prices.held_eur_per_kw)
        power = np.ascontiguousarray(prices.power_eur_per_kw, dtype=np.float64)
        own, sizes, stay = self.stores, self._sizes(), prices.near >= 0
        near = self.kept[prices.near] if stay else self.last

        def run(begin: int, end: int, tasks: Tasks, sums: Sums) -> None:
            _add(
                begin, end, tasks.order, tasks.first, sums.slot, self.shared, own.double, own.single, own.units,
                own.scalars, self.case.isp_hours, (rows.power, rows.held), power, sides.eur_per_kw, sides.product,
                rewards, self.gap, prove, near, stay, sizes, self.noted, self.last, sums.power_kw, sums.held_kw,
                sums.money_eur,
            )  # fmt: skip

        return add_up(rows, count, (len(self.case.reserves), self.case.isps), run, threads=self.threads, heavy=_WORK)

    def mixtures(self, rounds: Sequence[Prices], rows: Rows, shares: Shares) -> Iterator[JointMixed]:
        """Yield mixtures of the answers of all connections, a few of them at a time, to K rounds' prices."""
        if not rounds:
            return
        sides, rewards = self._sides(rewards_of(rounds))
        for some in chunks(np.arange(self.joint.count)):
            yield self._mixture(rounds, rows, shares, some, sides, rewards)

    def bounds(self, prices: Prices, rows: Rows, count: int) -> Floats:
        """Return the bounds (count,) that the prices noted last prove at other prices of the portfolio, EUR.

        They are a little below those that `respond` would prove, and take a small part of its time.
        """
        return bounds_at(self.joint, self.shared, self.noted, self.stores, prices, rows, count)

    def duals(self, prices: Prices, rows: Rows) -> Floats:
        """Return the prices of limits (2·l,T), EUR per kW of one ISP, that prove the bound: import, then export."""
        self.respond(prices, rows, int(rows.total.max(initial=-1)) + 1)
        return np.concatenate([self.noted.imports, self.noted.exports])

    def _mixture(
        self, rounds: Sequence[Prices], rows: Rows, shares: Shares, some: Ints, sides: Sides, rewards: Floats
    ) -> JointMixed:
        power, row = power_seen(rounds, rows, some)
        of = self.joint
        stores = np.arange(of.store_at[some[0]], of.store_at[some[-1] + 1])
        solars = np.arange(of.solar_at[some[0]], of.solar_at[some[-1] + 1])
        reserve_units, place = places(self.stores.scalars[stores, RESERVE] > 0)
        wide, own = (len(stores), self.case.isps), self.stores
        charge, discharge, energy, slack = np.zeros(wide), np.zeros(wide), np.zeros(wide), np.zeros((2, *wide))
        held = np.zeros((len(self.case.reserves), len(reserve_units), self.case.isps))
        solar = np.zeros((len(solars), self.case.isps))
        first, sizes = int(some[0]), self._sizes()
        near, at = self._near([prices.near for prices in rounds])

        def run(begin: int, end: int) -> None:
            _mix(
                begin, end, first, self.shared, own.double, own.single, own.units, own.scalars, self.case.isp_hours,
                (row, rows.held, rows.total), power, sides.eur_per_kw, sides.product, rewards, self.gap,
                (near[0], near[1], near[2], at), shares.weight, place, sizes, energy, slack, charge, discharge, held,
                solar,
            )  # fmt: skip

        for_each_range(len(some), len(some) * _WORK // 256, run, threads=self.threads)
        short = np.flatnonzero((slack != 0).any(axis=(0, 2)))
        nobody, none = np.zeros(0, dtype=np.int64), held[:, :0]
        return JointMixed(
            stores=stores,
            storage=Mixed(
                fields={"charge_kw": charge, "discharge_kw": discharge, "energy_kwh": energy}, short=short,
                sparse={"unmet_kwh": slack[0, short], "excess_kwh": slack[1, short]}, reserve_units=reserve_units,
                held_kw=held,
            ),
            solars=solars,
            curtailable=Mixed(
                fields={"curtailable_kw": solar}, short=nobody, sparse={}, reserve_units=nobody, held_kw=none
            ),
        )  # fmt: skip

    def _near(self, rounds: list[int]) -> tuple[DevicePrograms, Ints]:
        """Return the programs near which the answers of K rounds stay, one after the other, and each one's (K,)."""
        numbers = sorted({*rounds} - {-1})
        kept = [self.kept[number] for number in numbers] or [self.last]
        place = np.array([numbers.index(number) if number >= 0 else -1 for number in rounds], dtype=np.int64)
        return DevicePrograms(*(np.stack(each) for each in zip(*kept, strict=True))), place

    def _sides(self, held_eur_per_kw: Floats) -> tuple[Sides, Floats]:
        traded = np.array([traded_isps(reserve) for reserve in self.case.reserves], dtype=np.bool_)
        sides = best_sides(self.case, held_eur_per_kw, traded.reshape(-1, self.case.isps))
        return sides, np.ascontiguousarray(held_eur_per_kw, dtype=np.float64)

    def _sizes(self) -> Ints:
        """Return the most stores, solar systems, limits, peaks and end steps of a connection; and Workspace.respond."""
        of, peaks = self.joint, self.shared.peak_at
        each = (np.diff(at).max(initial=0) for at in (of.store_at, of.solar_at, of.limit_at, peaks))
        steps = (self.stores.scalars.shape[1] - STEPS) // 2
        return np.array([*each, steps, respond_address()], dtype=np.int64)


@compiled
def _workspace(sizes: Ints, isps: int, products: int, scalars: int) -> Workspace:
    return new_workspace(isps, products, scalars, sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5])


@compiled
def _add(
    begin: int, end: int, order: Ints, first: Ints, slot: Ints, shared: Shared, double: Tables, single: Tables,
    units: Ints, scalars: Floats, hours: float, rows: tuple[Ints, Ints], power: Floats, sides: Floats, product: Ints,
    rewards: Floats, gap: float, prove: bool, near: DevicePrograms, stay: bool, sizes: Ints, noted: NotedPrices,
    last: DevicePrograms, power_kw: Floats, held_kw: Floats, money_eur: Floats,
) -> None:  # fmt: skip
    """Add the answers of blocks begin..end to their slots, see models.resources.storage.batch.answer_units."""
    isps, products = power.shape[1], rewards.shape[1]
    w = _workspace(sizes, isps, products, scalars.shape[1])
    for block in range(begin, end):
        to = slot[block]
        for i in order[first[block] : first[block + 1]]:
            h = rows[1][i]
            own, bound, _ = answer_connection(
                shared, i, hours, power[rows[0][i]], sides[h], product[h], rewards[h], double, single, units, scalars,
                gap, prove, near, stay, w,
            )  # fmt: skip
            for t in range(isps):
                power_kw[to, t] += w.drawn_now[t]
            for k in range(shared.store_at[i + 1] - shared.store_at[i]):
                if w.scalars[k, RESERVE] > 0.0:
                    held_kw[to] += w.held[k]
            money_eur[to, 0] += own
            money_eur[to, 1] += bound
            if not stay:
                _note(shared, i, w.duals, noted)
            if prove and shared.tariff_of[i] < 0:
                keep_programs(shared, i, w, last)


@compiled
def _note(s: Shared, i: int, duals: Floats, noted: NotedPrices) -> None:
    """Note the prices of what connection i shares."""
    first, limits, n = s.limit_at[i], s.limit_at[i + 1] - s.limit_at[i], s.tariff_of[i]
    for a in range(limits):
        noted.imports[first + a], noted.exports[first + a] = duals[a], duals[limits + a]
    if n >= 0:
        noted.kink[n] = duals[2 * limits]
    for q in range(s.peak_at[i], s.peak_at[i + 1]):
        noted.peaks[q] = duals[2 * limits + 1 + q - s.peak_at[i]]


@compiled
def _mix(
    begin: int, end: int, from_: int, shared: Shared, double: Tables, single: Tables, units: Ints, scalars: Floats,
    hours: float, rows: tuple[Ints, Ints, Ints], power: Floats, sides: Floats, product: Ints, rewards: Floats,
    gap: float, near: tuple[Floats, Floats, Floats, Ints], weight: Floats, place: Ints, sizes: Ints,
    energy_kwh: Floats, slack_kwh: Floats, charge_kw: Floats, discharge_kw: Floats, held_kw: Floats, solar_kw: Floats,
) -> None:  # fmt: skip
    """Add up the answers of connections from_+begin..from_+end to K rounds, each with its weight.

    rows: each one's row of power (K,G,T); all connections' rows of a round's rewards and of weight (K,N). Round k's
    rewards begin at row k·H. near: programs (V,n,T), (V,n,R,T), (V,m,T), and those near which a round's answers stay
    (K,), −1 for none. Outputs by device, those of connection from_ first; they must be zero at first.
    """
    rounds, isps, products = power.shape[0], power.shape[2], rewards.shape[1]
    w = _workspace(sizes, isps, products, scalars.shape[1])
    for n in range(begin, end):
        i = from_ + n
        for a in range(rounds):
            share = weight[a, rows[2][i]]
            if share <= 0.0:
                continue
            v = max(near[3][a], 0)
            h = a * (rewards.shape[0] // rounds) + rows[1][i]
            answer_connection(
                shared, i, hours, power[a, rows[0][n]], sides[h], product[h], rewards[h], double, single, units,
                scalars, gap, False, DevicePrograms(near[0][v], near[1][v], near[2][v]), near[3][a] >= 0, w,
            )  # fmt: skip
            for k in range(shared.store_at[i + 1] - shared.store_at[i]):
                at = shared.store_at[i] - shared.store_at[from_] + k
                for t in range(isps):
                    p = w.answers[k, POWER, t]
                    charge_kw[at, t] += share * max(p, 0.0)
                    discharge_kw[at, t] += share * max(-p, 0.0)
                    energy_kwh[at, t] += share * w.answers[k, ENERGY, t]
                slack_kwh[0, at] += share * w.answers[k, UNMET]
                slack_kwh[1, at] += share * w.answers[k, EXCESS]
                if place[at] >= 0:
                    held_kw[:, place[at]] += share * w.held[k]
            for j in range(shared.solar_at[i + 1] - shared.solar_at[i]):
                solar_kw[shared.solar_at[i] - shared.solar_at[from_] + j] += share * w.solar[j]
