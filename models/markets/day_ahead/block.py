"""Day-ahead positions in the reference formulation. Source: docs/reference/formulation.md §3.2 and §3.10."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import LINEAR, Discrete, Flow, ObjectiveTerm, Values, Variables, new_block
from models.case import NO_POINT, Case, Floats, Ints
from models.markets.protocols import PortfolioSums, QuietBlock


@dataclass(frozen=True, kw_only=True, eq=False)
class DayAheadBlock(QuietBlock):
    """Positions in kW, one variable per balancing group and product with a free ISP."""

    positions: Variables
    position_of: Ints  # (G,T) index of each ISP's position, −1 where committed
    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR

    def outcome(self, case: Case, values: Values) -> dict[str, Floats]:
        """Return the positions (T,), kW, and those of each group (G,T)."""
        found = np.append(values(self.positions), 0.0)
        decided = np.array([one.day_ahead.products().decided_kw for one in case.energy_markets()])
        mine = np.where(self.position_of >= 0, found[self.position_of], decided)
        whole = {"day_ahead_kw": mine.sum(axis=0)}
        return whole | {"group_day_ahead_kw": mine} if case.balancing_groups.name else whole


def trade_day_ahead(model: Any, case: Case, portfolio: PortfolioSums) -> DayAheadBlock:
    """Add a position for all free ISPs of a product; its limits are the tightest of those ISPs."""
    block = new_block(model, "day_ahead")
    position_of, low, high = list[Ints](), list[float](), list[float]()
    for one in case.energy_markets():
        products = one.day_ahead.products()
        position_of.append(np.where(products.of >= 0, products.of + len(low), -1))
        low, high = low + products.low_kw.tolist(), high + products.high_kw.tolist()
    block.day_ahead = pyo.Var(range(len(low)), bounds=lambda _b, i: (low[i], high[i]))
    positions = list(block.day_ahead.values())
    of = np.array(position_of)
    group, isp = np.nonzero(of >= 0)
    portfolio.positions.append(
        Flow(
            variables=[positions[i] for i in of[group, isp].tolist()],
            kw_per_unit=np.ones(len(isp)),
            unit=group,
            point=np.full(len(isp), NO_POINT),
            isp=isp,
        )
    )
    return DayAheadBlock(positions=positions, position_of=of, terms=(_term(case, positions, of),))


def _term(case: Case, positions: Variables, of: Ints) -> ObjectiveTerm:
    """Return −Σ_t price·Δ·DA[t], EUR."""
    eur_per_kw = -case.day_ahead.price_eur_per_mwh * case.isp_hours / 1000
    group, isp = np.nonzero(of >= 0)
    per_position = np.zeros(len(positions))
    np.add.at(per_position, of[group, isp], eur_per_kw[isp])
    committed = float(eur_per_kw @ np.nan_to_num(case.day_ahead.committed_kw))
    return ObjectiveTerm(term="day-ahead", variables=positions, eur=per_position, constant_eur=committed)
