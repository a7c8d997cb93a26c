"""Distance from what was announced in the reference formulation. Source: docs/reference/formulation.md §3.6."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import LINEAR, Discrete, ObjectiveTerm, add_cells, linear_sum, new_block
from models.case import Case
from models.markets.protocols import PortfolioSums, QuietBlock


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnouncedBlock(QuietBlock):
    """Distances of programs from the announced ones, of which only the cost is of interest."""

    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR


def stay_near(model: Any, case: Case, portfolio: PortfolioSums) -> AnnouncedBlock:
    """Add P_c[t] − up + down = anchor[c,t] and a cost of up + down: equally good programs then do not alternate."""
    if case.anchor is None:
        return AnnouncedBlock(terms=())
    block, points = new_block(model, "anchor"), portfolio.points
    announced = case.anchor.point_kw
    up = add_cells(block, "up", ~np.isnan(announced), 0.0, np.inf)
    down = add_cells(block, "down", ~np.isnan(announced), 0.0, np.inf)
    at = (up.unit * case.isps + up.isp).tolist()
    level = announced[up.unit, up.isp].tolist()

    def rule(_block: Any, i: int) -> Any:
        trio = [points.power.variables[at[i]], up.variables[i], down.variables[i]]
        return (level[i], linear_sum(trio, np.array([1.0, -1.0, 1.0])), level[i])

    block.rows = pyo.Constraint(range(len(at)), rule=rule)
    price = np.full(2 * len(at), -case.anchor.eur_per_mwh * case.isp_hours / 1000)
    term = ObjectiveTerm(term="prognosis change", variables=up.variables + down.variables, eur=price)
    return AnnouncedBlock(terms=(term,))
