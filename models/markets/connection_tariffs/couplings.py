"""The coupling costs of tariffs and peak charges, after those of connection limits.

Source: docs/explanation/optimisation.md §3.2.
"""

import numpy as np

from models.case import Case, Ints
from models.connection_costs import TariffShape
from models.coupling_costs import CouplingCosts


def at_connections(limits: CouplingCosts, shape: TariffShape, case: Case, sums: Ints) -> CouplingCosts:
    """Return the costs (2n,T) of import, then export, of those at limits and of some sums at tariffs and peak charges.

    Sums are numbered as in models.decomposition.prices.places: after 2L of limits N of tariffs and P of peaks.
    A tariff costs more from 0 kW on, beside its linear part. A peak charge's sum is import less its level, which is a
    position; above it every kW costs as much as a higher level would, so that a mixture never exceeds its level.
    """
    isps, half = case.isps, len(limits.breakpoints) // 2
    if not len(sums):
        return limits
    rows, tariffs = sums - 2 * len(case.connection_limits.name), case.connection_tariffs
    paying, peaks = rows[rows < len(tariffs.name)], rows[rows >= len(tariffs.name)] - len(tariffs.name)
    rises = np.concatenate([
        shape.kink_eur_per_kw[paying],
        np.where(shape.peak_binds[peaks], tariffs.peak_eur_per_kw[peaks, None], 0.0),
    ])  # fmt: skip
    at, slopes = np.where(rises > 0, 0.0, np.inf)[..., None], np.stack([np.zeros_like(rises), rises], axis=2)
    nowhere, flat = np.full((len(rises), isps, 1), np.inf), np.zeros((len(rises), isps, 2))
    return CouplingCosts(
        breakpoints=np.concatenate([limits.breakpoints[:half], at, limits.breakpoints[half:], nowhere]),
        slopes=np.concatenate([limits.slopes[:half], slopes, limits.slopes[half:], flat]),
        at_zero_eur=limits.at_zero_eur,
    )
