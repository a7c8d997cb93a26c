"""Balancing capacity: whole bids backed by headroom, also when reservations are called.

Source: docs/reference/formulation.md §3.5.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import (
    Discrete,
    Held,
    ObjectiveTerm,
    Values,
    VariableArray,
    Variables,
    Whole,
    add_cells,
    linear_sum,
    new_block,
    reserved_points,
)
from models.case import Case, Floats, Ints, Reserve
from models.headroom import KW_PER_MW, traded, traded_isps
from models.markets.protocols import Marginals, PortfolioSums

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class BalancingCapacityBlock:
    """Bids in steps, shortfalls in MW, and the rows Σ headroom >= bid − shortfall."""

    bids: dict[tuple[int, int], Whole]  # (product, block), where free
    shortfall: VariableArray  # (product, ISP)
    product: Ints  # (N,) of each row
    isp: Ints  # (N,)
    rows: Variables
    terms: tuple[ObjectiveTerm, ...]

    @property
    def discrete(self) -> Discrete:
        """Return the bids as whole numbers of steps."""
        return Discrete(wholes=tuple(self.bids.values()))

    def outcome(self, case: Case, values: Values) -> dict[str, Any]:
        """Return the bids and the shortfalls of awarded ones."""
        bids = [np.nan_to_num(reserve.committed_mw) for reserve in case.reserves]
        for (r, block), whole in self.bids.items():
            bids[r][block] = np.round(values([whole.variable])[0]) * case.reserves[r].step_mw
        return {
            "bids_mw": tuple(bids),
            "reserve_shortfall_mw": self.shortfall.spread(values, len(case.reserves), case.isps),
        }

    def shadow(self, case: Case, marginals: Marginals) -> dict[str, Floats]:
        """Return the value (R,T), EUR, of one more MW of reserve during an ISP; rounding below zero is cut off."""
        held = np.zeros((len(case.reserves), case.isps))
        np.add.at(held, (self.product, self.isp), marginals.of_rows(self.rows) * KW_PER_MW)
        return {"reserve_eur_per_mw": np.maximum(held, 0.0)}


def hold_reserves(model: Any, case: Case, portfolio: PortfolioSums) -> BalancingCapacityBlock:
    """Add Σ headroom >= bid − shortfall in every ISP of a block, as planned and when all reservations are called.

    When called, units at reserved congestion points count with their called reserve, all others as planned.
    """
    when_called, held = portfolio.called(), portfolio.held
    called = None if when_called is None else when_called.held
    block = new_block(model, "reserves")
    bids = _add_bids(block, case, held)
    shape = (len(case.reserves), case.isps)
    committed = np.zeros(shape)
    open_isps = np.zeros(shape, dtype=np.bool_)
    for r, reserve in enumerate(case.reserves):
        open_isps[r] = traded_isps(reserve)
        committed[r, open_isps[r]] = np.nan_to_num(reserve.committed_mw)[reserve.block[open_isps[r]]]
    shortfall = add_cells(block, "shortfall", committed > 0, 0.0, committed)
    short_of = dict(
        zip(zip(shortfall.unit.tolist(), shortfall.isp.tolist(), strict=True), shortfall.variables, strict=True)
    )
    product, isp = np.nonzero(open_isps)
    rows: Variables = []
    keys: list[tuple[int, int]] = []
    other = case.remainder
    for name, parts, elsewhere_kw in (
        ("planned", [held], None if other is None else other.held_kw),
        ("called", _when_called(case, held, called), None if other is None else other.when_called_kw),
    ):
        if not parts or not len(product):
            continue
        groups = _headroom_by_row([h for part in parts for h in part])
        needed_kw = KW_PER_MW * committed - (0.0 if elsewhere_kw is None else elsewhere_kw)
        row = _reserve_rule(case, bids, short_of, groups, needed_kw)
        index = pyo.Set(initialize=list(zip(product.tolist(), isp.tolist(), strict=True)), dimen=2)
        block.add_component(name, pyo.Constraint(index, rule=row))
        for key, stated in block.component(name).items():
            rows.append(stated)
            keys.append(key)
    _add_most(block, case, "planned_most", held, case.held_at_most.planned_kw)
    _add_most(block, case, "called_most", called or (), case.held_at_most.called_kw)
    return BalancingCapacityBlock(
        bids=bids,
        shortfall=shortfall,
        product=np.array([r for r, _ in keys], dtype=np.int64),
        isp=np.array([t for _, t in keys], dtype=np.int64),
        rows=rows,
        terms=(*_capacity_terms(case, bids), _shortfall_term(case, shortfall)),
    )


def _add_most(block: Any, case: Case, name: str, held: Sequence[Held], most_kw: Floats) -> None:
    """Add Σ headroom <= the most that a congestion point may hold of a product, where it could hold more."""
    row = {(product, point): h for h, (product, point) in enumerate(
        zip(case.held_at_most.name, case.held_at_most.point.tolist(), strict=True)
    )}  # fmt: skip
    if not row:
        return
    groups: dict[tuple[int, int], Variables] = {}
    for part in held:
        cells = zip(part.product.tolist(), part.point.tolist(), part.isp.tolist(), part.variables, strict=True)
        for product, point, isp, variable in cells:
            h = row.get((case.reserves[product].name, point))
            if h is not None:
                groups.setdefault((h, isp), []).append(variable)
    index = pyo.Set(initialize=list(groups), dimen=2)

    def rule(_block: Any, h: int, t: int) -> Any:
        variables = groups[h, t]
        return (None, linear_sum(variables, np.ones(len(variables))), float(most_kw[h, t]))

    block.add_component(name, pyo.Constraint(index, rule=rule))


def _when_called(case: Case, held: Sequence[Held], called: Sequence[Held] | None) -> list[Sequence[Held]]:
    """Return the reserve that counts when reservations are called; none where it equals the plan."""
    if called is not None:
        return [_outside(case, held), called]
    return [held] if case.remainder is not None and case.remainder.called_held_kw is not None else []


def _outside(case: Case, held: Sequence[Held]) -> Sequence[Held]:
    reserved = reserved_points(case)
    kept = []
    for part in held:
        stays = np.flatnonzero(~reserved[part.point])
        kept.append(
            Held(
                product=part.product[stays],
                unit=part.unit[stays],
                isp=part.isp[stays],
                point=part.point[stays],
                variables=[part.variables[i] for i in stays.tolist()],
            )
        )
    return kept


def _headroom_by_row(held: Sequence[Held]) -> dict[tuple[int, int], Variables]:
    groups: dict[tuple[int, int], Variables] = {}
    for part in held:
        for r, t, variable in zip(part.product.tolist(), part.isp.tolist(), part.variables, strict=True):
            groups.setdefault((r, t), []).append(variable)
    return groups


def _add_bids(block: Any, case: Case, held: Sequence[Held]) -> dict[tuple[int, int], Whole]:
    """Add bid[r,b] in whole steps, 0 or >= minimum, up to the depth and the most that units could hold."""
    able = np.zeros((len(case.reserves), case.isps)) if case.remainder is None else case.remainder.held_kw.copy()
    for part in held:
        np.add.at(able, (part.product, part.isp), [variable.ub for variable in part.variables])
    ranges = {
        (r, b): steps
        for r, reserve in enumerate(case.reserves)
        for b in np.flatnonzero(traded(reserve) & np.isnan(reserve.committed_mw)).tolist()
        if (steps := _steps(reserve, b, able[r])) is not None
    }
    keys = list(ranges)
    if not keys:
        return {}
    switched = [key for key in keys if ranges[key][0] > 1]
    block.bid = pyo.Var(
        pyo.Set(initialize=keys, dimen=2),
        within=pyo.NonNegativeIntegers,
        bounds=lambda _b, r, b: (0, ranges[r, b][1]),
    )
    block.bidding = pyo.Var(pyo.Set(initialize=switched, dimen=2), within=pyo.Binary)
    index = pyo.Set(initialize=switched, dimen=2)
    block.least = pyo.Constraint(index, rule=lambda b, r, s: b.bid[r, s] - ranges[r, s][0] * b.bidding[r, s] >= 0)
    block.most = pyo.Constraint(index, rule=lambda b, r, s: b.bid[r, s] - ranges[r, s][1] * b.bidding[r, s] <= 0)
    return {
        key: Whole(
            variable=block.bid[key],
            switch=block.bidding[key] if key in switched else None,
            least=ranges[key][0],
            product=key[0],
            block=key[1],
        )
        for key in keys
    }


def _steps(reserve: Reserve, block: int, able_kw: Floats) -> tuple[int, int] | None:
    """Return the least and most whole steps of a bid above zero; None if no such bid is possible."""
    inside = reserve.block == block
    if not inside.any():
        return None
    able_mw = float(able_kw[inside].min()) / KW_PER_MW
    least = max(1, ceil(reserve.minimum_mw / reserve.step_mw - _ROUNDING))
    most = floor(min(float(reserve.max_mw[block]), able_mw) / reserve.step_mw + _ROUNDING)
    return (least, most) if most >= least else None


def _reserve_rule(
    case: Case,
    bids: dict[tuple[int, int], Whole],
    short_of: dict[tuple[int, int], Any],
    groups: dict[tuple[int, int], Variables],
    needed_kw: Floats,
) -> Callable[..., Any]:
    def rule(_block: Any, r: int, t: int) -> Any:
        reserve = case.reserves[r]
        variables = list(groups.get((r, t), []))
        coefficients = [1.0] * len(variables)
        bid = bids.get((r, int(reserve.block[t])))
        if bid is not None:
            variables.append(bid.variable)
            coefficients.append(-KW_PER_MW * reserve.step_mw)
        if (r, t) in short_of:
            variables.append(short_of[r, t])
            coefficients.append(KW_PER_MW)
        if bid is None and (r, t) not in short_of:
            return pyo.Constraint.Skip
        return (float(needed_kw[r, t]), linear_sum(variables, np.array(coefficients)), None)

    return rule


def _capacity_terms(case: Case, bids: dict[tuple[int, int], Whole]) -> list[ObjectiveTerm]:
    """Return price of the block × bid, per product; awarded bids are constants.

    Where bids are awarded by probability, what free ones may be expected to earn is a term of its own.
    """
    result = []
    for r, reserve in enumerate(case.reserves):
        mine = [(b, whole.variable) for (product, b), whole in bids.items() if product == r]
        variables = [variable for _, variable in mine]
        eur = reserve.earned_eur_per_mw[[b for b, _ in mine]] * reserve.step_mw if mine else np.zeros(0)
        if reserve.by_probability:
            result.append(ObjectiveTerm(term=f"expected capacity {reserve.name}", variables=variables, eur=eur))
            variables, eur = [], np.zeros(0)
        result.append(
            ObjectiveTerm(
                term=f"capacity {reserve.name}",
                variables=variables,
                eur=eur,
                constant_eur=float(reserve.price_eur_per_mw @ np.nan_to_num(reserve.committed_mw)),
            )
        )
    return result


def _shortfall_term(case: Case, shortfall: VariableArray) -> ObjectiveTerm:
    rates = np.array([reserve.shortfall_eur_per_mwh for reserve in case.reserves])
    eur = -rates[shortfall.unit] * case.isp_hours if len(rates) else np.zeros(0)
    return ObjectiveTerm(term="reserve shortfall", variables=shortfall.variables, eur=eur)
