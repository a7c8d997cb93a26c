"""Puts the resources of an instance behind connections: fifteen homes to a congestion point, some three devices each.

fuses: every tenth home has an import limit that binds in the evening. peaks: every home has one, pays for its import,
earns less with what it gives, and pays for its highest import of the day.
"""

from dataclasses import replace

import numpy as np

from models.case import NO_LIMIT, UNIT_CLASSES, Case, ConnectionLimits, ConnectionTariffs, Floats, Ints

HOMES = 15
"""Homes at a congestion point."""
TIGHTNESS = (
    0.35  # of a limit, between the least that the evening's needs allow (0) and what all together would take (1)
)
IMPORT_EUR_PER_MWH, EXPORT_EUR_PER_MWH, PEAK_EUR_PER_KW = 108.8, 20.0, 0.25


def at_homes(case: Case, kind: str, home: dict[str, Ints], evening: tuple[Floats, Floats], when: slice) -> Case:
    """Return the case with limits, and for `peaks` tariffs; home: class → number of the home of each unit.

    evening: each storage unit's least and most power in the ISPs `when`.
    """
    count = max((int(of.max(initial=-1)) for of in home.values()), default=-1) + 1
    limited = np.arange(0, count, 10 if kind == "fuses" else 1)
    number = np.full(count, NO_LIMIT)
    number[limited] = np.arange(len(limited))
    least, most = (np.bincount(home["storage"], weights=kw, minlength=count) for kw in evening)
    import_kw = np.full((len(limited), case.isps), np.inf)
    import_kw[:, when] = np.round(least + TIGHTNESS * (most - least), 1)[limited, None]
    none = np.zeros(0, dtype=np.int64)
    at = tuple(home.get(name, none) for name in UNIT_CLASSES)
    point = np.arange(count) // HOMES
    limits = ConnectionLimits(
        name=tuple(f"home {n}" for n in limited.tolist()), point=point[limited], parent=np.full(len(limited), NO_LIMIT),
        import_kw=import_kw, export_kw=np.full(import_kw.shape, -np.inf),
        penalty_eur_per_mwh=np.full(len(limited), 1000.0), leaf=tuple(number[of] for of in at),
    )  # fmt: skip
    case = replace(case, connection_limits=limits)
    if kind == "fuses":
        return case
    flat = np.ones((count, case.isps))
    tariffs = ConnectionTariffs(
        name=tuple(f"home {n}" for n in range(count)), point=point,
        import_eur_per_mwh=IMPORT_EUR_PER_MWH * flat, export_eur_per_mwh=EXPORT_EUR_PER_MWH * flat,
        peak_at=np.arange(count), peak_eur_per_kw=np.full(count, PEAK_EUR_PER_KW), peak_reached_kw=np.zeros(count),
        peak_inside=flat > 0, of_units=at,
    )  # fmt: skip
    return replace(case, connection_tariffs=tariffs)
