"""PV power from forecast global horizontal irradiance: by pvlib if it is installed, else as if modules lay flat. Pure.

With pvlib: the sun's position in the middle of each hour, diffuse light after Erbs, the plane of the modules under an
isotropic sky, cell temperature after Faiman, and PVWatts with 14 % of losses and −0.4 %/K. Without it, the modules lie
flat and have 25 °C; the note of the forecast says so. `pip install "agr-optimizer[sun]"` installs pvlib.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period

Floats = NDArray[np.float64]
BY_PVLIB, FLAT = "PV by pvlib", "PV as if it lay flat"
"""Names of the two methods."""
_LOSSES, _PER_KELVIN, _FULL_W_M2 = 0.14, -0.004, 1000.0
_USUAL_C = 15.0


@dataclass(frozen=True, kw_only=True)
class Roof:
    """Modules at a place."""

    peak_kw: float
    latitude: float
    longitude: float
    tilt_deg: float  # 0: flat
    azimuth_deg: float  # 90: east, 180: south


def roof_kw(roof: Roof, sun_w_m2: Floats, air_c: Floats | None, hours: Period) -> tuple[Floats, str]:
    """Return the power of modules in each interval of a Period, (T,), kW, below 0: they produce; and how it was found.

    sun_w_m2 (T,): global horizontal irradiance; air_c (T,): temperature; None: usual.
    """
    sun = np.maximum(sun_w_m2, 0.0)
    try:
        import pvlib
    except ImportError:
        return -roof.peak_kw * sun / _FULL_W_M2 * (1 - _LOSSES), FLAT
    import pandas as pd

    middle = pd.DatetimeIndex(hours.starts()) + pd.Timedelta(minutes=hours.isp_minutes / 2)
    position = pvlib.solarposition.get_solarposition(middle, roof.latitude, roof.longitude)
    split = pvlib.irradiance.erbs(sun, position["apparent_zenith"].to_numpy(), middle.day_of_year.to_numpy())
    plane = pvlib.irradiance.get_total_irradiance(
        roof.tilt_deg, roof.azimuth_deg, position["apparent_zenith"].to_numpy(), position["azimuth"].to_numpy(),
        np.asarray(split["dni"]), sun, np.asarray(split["dhi"]),
    )  # fmt: skip
    light = np.nan_to_num(np.asarray(plane["poa_global"], dtype=np.float64))
    cell = pvlib.temperature.faiman(light, np.full(len(sun), _USUAL_C) if air_c is None else air_c)
    power = pvlib.pvsystem.pvwatts_dc(light, cell, roof.peak_kw, _PER_KELVIN) * (1 - _LOSSES)
    found: Floats = -np.clip(np.asarray(power, dtype=np.float64), 0.0, roof.peak_kw)
    return found, BY_PVLIB
