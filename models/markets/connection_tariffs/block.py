"""Tariffs at connections in the reference formulation. Source: docs/reference/formulation.md §3.9."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import (
    LINEAR,
    Discrete,
    ObjectiveTerm,
    VariableArray,
    add_cells,
    grouped,
    linear_sum,
    new_block,
)
from models.case import NO_TARIFF, Case, Floats, Ints
from models.markets.connection_tariffs.costs import PEAK_TERM, TERM, WORSE_TERM
from models.markets.protocols import PortfolioSums, QuietBlock


@dataclass(frozen=True, kw_only=True, eq=False)
class ConnectionTariffsBlock(QuietBlock):
    """Import and export of connections, and the levels of their peaks."""

    terms: tuple[ObjectiveTerm, ...]
    discrete: Discrete = LINEAR


def charge_connections(model: Any, case: Case, portfolio: PortfolioSums) -> ConnectionTariffsBlock:
    """Add Σ p = import − export per connection and ISP, and import <= level of each peak charge, level >= reached.

    Import costs at least what export earns, so that no optimum has both in one ISP.
    """
    tariffs = case.connection_tariffs
    if not len(tariffs.name):
        return ConnectionTariffsBlock(terms=())
    block, every = new_block(model, "connection_tariffs"), np.ones((len(tariffs.name), case.isps), dtype=np.bool_)
    imports, exports = (add_cells(block, name, every, 0.0, np.inf) for name in ("import_kw", "export_kw"))
    _balance(block, case, portfolio, imports, exports)
    per_kw = case.isp_hours / 1000
    eur = np.concatenate([-tariffs.import_eur_per_mwh.ravel(), tariffs.export_eur_per_mwh.ravel()]) * per_kw
    terms = [ObjectiveTerm(term=TERM, variables=imports.variables + exports.variables, eur=eur)]
    if len(tariffs.peak_at):
        terms.append(_peaks(block, case, imports))
    if len(tariffs.least_eur):
        terms.append(_worse_off(block, case, terms))
    return ConnectionTariffsBlock(terms=tuple(terms))


def _balance(
    block: Any, case: Case, portfolio: PortfolioSums, imports: VariableArray, exports: VariableArray
) -> None:  # fmt: skip
    """State what each connection draws in each ISP as import less export."""
    variables, kw, cell = list[Any](), list[Floats](), list[Ints]()
    for one in portfolio.units:
        of = case.tariff(one.name)[one.flow.unit]
        some = np.flatnonzero(of != NO_TARIFF)
        variables += [one.flow.variables[i] for i in some.tolist()]
        kw.append(one.flow.kw_per_unit[some])
        cell.append(of[some] * case.isps + one.flow.isp[some])
    coefficients = np.concatenate([np.zeros(0), *kw])
    count = len(case.connection_tariffs.name) * case.isps
    mine = grouped(np.concatenate([np.zeros(0, dtype=np.int64), *cell]), count)
    fixed = portfolio.fixed_tariffs_kw.ravel()

    def rule(_block: Any, i: int) -> Any:
        every = [*(variables[j] for j in mine[i].tolist()), imports.variables[i], exports.variables[i]]
        right = -float(fixed[i])
        return (right, linear_sum(every, np.append(coefficients[mine[i]], [-1.0, 1.0])), right)

    block.balance = pyo.Constraint(range(count), rule=rule)


def _worse_off(block: Any, case: Case, terms: list[ObjectiveTerm]) -> ObjectiveTerm:
    """Add what each customer earns less than was asked for, >= least − what the terms earn at its connection."""
    tariffs, count = case.connection_tariffs, len(case.connection_tariffs.name)
    block.worse_off = pyo.Var(range(count), bounds=lambda _block, _n: (0.0, None))
    energy, peaks = terms[0], terms[1] if len(terms) > 1 else None
    cells = grouped(np.tile(np.repeat(np.arange(count), case.isps), 2), count)
    at = grouped(tariffs.peak_at, count) if peaks is not None else [tariffs.peak_at] * count

    def rule(_block: Any, n: int) -> Any:
        variables = [*(energy.variables[i] for i in cells[n].tolist()), block.worse_off[n]]
        eur, least = np.append(energy.eur[cells[n]], 1.0), float(tariffs.least_eur[n])
        if peaks is not None:
            variables += [peaks.variables[p] for p in at[n].tolist()]
            eur = np.concatenate([eur, peaks.eur[at[n]]])
            least += float(peaks.eur[at[n]] @ tariffs.peak_reached_kw[at[n]])  # the peak reached is paid for
        return (least, linear_sum(variables, eur), None)

    block.no_worse = pyo.Constraint(range(count), rule=rule)
    return ObjectiveTerm(
        term=WORSE_TERM, variables=list(block.worse_off.values()), eur=np.full(count, -tariffs.worse_off_price)
    )  # fmt: skip


def _peaks(block: Any, case: Case, imports: VariableArray) -> ObjectiveTerm:
    """Add the level of every peak charge above what was reached, and return its cost."""
    tariffs = case.connection_tariffs
    block.level = pyo.Var(
        range(len(tariffs.peak_at)), bounds=lambda _block, p: (float(tariffs.peak_reached_kw[p]), None)
    )
    levels = list(block.level.values())
    places = list(zip(*(axis.tolist() for axis in np.nonzero(tariffs.peak_inside)), strict=True))

    def rule(_block: Any, i: int) -> Any:
        peak, t = places[i]
        drawn = imports.variables[int(tariffs.peak_at[peak]) * case.isps + t]
        return (None, linear_sum([drawn, levels[peak]], np.array([1.0, -1.0])), 0.0)

    block.peaks = pyo.Constraint(range(len(places)), rule=rule)
    paid = tariffs.peak_eur_per_kw
    return ObjectiveTerm(
        term=PEAK_TERM, variables=levels, eur=-paid, constant_eur=float(paid @ tariffs.peak_reached_kw)
    )  # fmt: skip
