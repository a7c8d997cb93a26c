"""The coupling costs of tariffs and peak charges, after those of connection limits.

Source: docs/explanation/optimisation.md §3.2.
"""

import numpy as np

from models.case import Case
from models.connection_costs import TariffShape
from models.coupling_costs import CouplingCosts


def at_connections(limits: CouplingCosts, shape: TariffShape, case: Case) -> CouplingCosts:
    """Return the costs (2S,T) at all sums of connections, given those at limits (4L,T): import, then export.

    A tariff costs more from 0 kW on, beside its linear part. A peak charge's sum is import less its level, which is a
    position; above it every kW costs as much as a higher level would, so that a mixture never exceeds its level.
    """
    isps, half = case.isps, len(limits.breakpoints) // 2
    rises = np.concatenate([
        shape.kink_eur_per_kw, np.where(shape.peak_binds, case.connection_tariffs.peak_eur_per_kw[:, None], 0.0)
    ])  # fmt: skip
    if not len(rises):
        return limits
    at, slopes = np.where(rises > 0, 0.0, np.inf)[..., None], np.stack([np.zeros_like(rises), rises], axis=2)
    nowhere, flat = np.full((len(rises), isps, 1), np.inf), np.zeros((len(rises), isps, 2))
    return CouplingCosts(
        breakpoints=np.concatenate([limits.breakpoints[:half], at, limits.breakpoints[half:], nowhere]),
        slopes=np.concatenate([limits.slopes[:half], slopes, limits.slopes[half:], flat]),
        at_zero_eur=limits.at_zero_eur,
    )
