"""What customers pay at their connections, as reasons for a program: peaks that an ISP makes, and tariffs. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agr.domain.plan import Cause

if TYPE_CHECKING:
    from agr.planning.difference import Solved

_SHOWN = 3
"""Most connections that are named in one ISP."""
_KW = 1e-3
"""An ISP makes a peak if its import is within this many kW of the peak."""


def peaks_made(solved: "Solved", point: int, isp: int) -> Iterator[Cause]:
    """Yield the peak charges at a congestion point (index) whose highest import is that of an ISP (from 0).

    Peaks that were reached before cost nothing and hold nothing. Those with the highest price come first.
    """
    tariffs = solved.named.case.connection_tariffs
    yield from peaks_that_bind(solved, np.flatnonzero(tariffs.point[tariffs.peak_at] == point), isp)


def peaks_that_bind(solved: "Solved", among: NDArray[np.int64], isp: int) -> Iterator[Cause]:
    """Yield those of some peak charges (n,) whose highest import is that of an ISP (from 0), see `peaks_made`."""
    tariffs, peak_kw = solved.named.case.connection_tariffs, solved.outcome.peak_kw
    if not len(among):
        return
    rises = (peak_kw > tariffs.peak_reached_kw + _KW) & tariffs.peak_inside[:, isp]
    here = among[rises[among]]
    made = [p for p in here.tolist() if solved.drawn_kw[tariffs.peak_at[p], isp] > peak_kw[p] - _KW]
    made.sort(key=lambda p: -float(tariffs.peak_eur_per_kw[p]))
    for p in made[:_SHOWN]:
        name, reached = tariffs.name[tariffs.peak_at[p]], tariffs.peak_reached_kw[p]
        yield Cause(
            what=f"peak of {name}, {peak_kw[p]:.2f} kW, {reached:.2f} kW reached before, at "
            f"{tariffs.peak_eur_per_kw[p]:g} per kW"
        )
    if len(made) > _SHOWN:
        yield Cause(what=f"peaks of {len(made) - _SHOWN} more connections")


def tariffs_at(solved: "Solved", point: int, isp: int) -> Iterator[Cause]:
    """Yield the tariffs of connections at a congestion point (index) in an ISP (from 0), those that cost most first."""
    tariffs = solved.named.case.connection_tariffs
    here = np.flatnonzero(tariffs.point == point)
    if not len(here):
        return
    imports, exports = tariffs.import_eur_per_mwh[here, isp], tariffs.export_eur_per_mwh[here, isp]
    paid = [n for n in np.argsort(-np.maximum(np.abs(imports), np.abs(exports)), kind="stable").tolist()
            if imports[n] or exports[n]]  # fmt: skip
    for n in paid[:_SHOWN]:
        name = tariffs.name[here[n]]
        drawn = float(solved.drawn_kw[here[n], isp])
        if drawn < -_KW:
            yield Cause(what=f"tariff of {name}: export earns, on top of the market", eur_per_mwh=float(exports[n]))
        else:
            yield Cause(what=f"tariff of {name}: import costs, on top of the market", eur_per_mwh=float(imports[n]))
    if len(paid) > _SHOWN:
        yield Cause(what=f"tariffs of {len(paid) - _SHOWN} more connections")
