"""Tariffs at connections: prices of import and export on top of the market's, and peak charges: their parameters.

Source: docs/reference/formulation.md §3.9.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.arrays import (
    ADDED,
    NO_POINT,
    Bools,
    Extent,
    Floats,
    Ints,
    added,
    check_not_negative,
    check_numbers,
    check_shape,
    check_units,
    fault,
)

NO_TARIFF = -1
"""Index of the connection of a unit whose connection has no tariff."""

WORSE_OFF_PRICE = 100.0
"""Planning price, EUR per EUR, of what a customer pays beyond `least_eur`, in plans"""
_ROUNDING_EUR_PER_MWH = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class ConnectionTariffs:
    """What customers pay for what their connection draws, every unit behind it counted together.

    N connections with a tariff, P peak charges. Export pays at most what import costs, or the cost would not be convex.
    """

    name: tuple[str, ...]  # (N,) connection
    point: Ints  # (N,) congestion point of its units; NO_POINT: none
    import_eur_per_mwh: Floats  # (N,T) paid for what is drawn
    export_eur_per_mwh: Floats  # (N,T) earned with what is given; negative: paid
    peak_at: Ints  # (P,) index of the connection
    peak_eur_per_kw: Floats  # (P,) paid for every kW of the highest import above the peak reached before
    peak_reached_kw: Floats  # (P,) that peak
    peak_inside: Bools  # (P,T) where import counts for the peak
    of_units: tuple[Ints, ...]
    """Per class of units (U,): the connection of each, NO_TARIFF where it has no tariff; () where there are no tariffs.
    Classes that are younger than an archive are missing at its end"""
    least_eur: Floats = field(default_factory=lambda: np.zeros(0), metadata=ADDED)
    """(N,) what each customer is to earn at least, in all (negative: to pay at most); () where nobody has asked"""
    worse_off_price: float = field(default=WORSE_OFF_PRICE, metadata=added(WORSE_OFF_PRICE))
    """Planning price, EUR per EUR, of what a customer earns less than that"""
    unmanaged_reached_kw: Floats = field(default_factory=lambda: np.zeros(0), metadata=added("peak_reached_kw"))
    """(P,) the peak reached before if nobody had steered in the Periods before either; (): that of the plans"""

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        count, peaks = len(self.name), len(self.peak_at)
        for name in ("import_eur_per_mwh", "export_eur_per_mwh") if count else ():
            check_shape(f"{where}.{name}", getattr(self, name), (count, extent.isps))
        for name in ("peak_eur_per_kw", "peak_reached_kw"):
            check_shape(f"{where}.{name}", getattr(self, name), (peaks,))
        if len(self.unmanaged_reached_kw):
            check_shape(f"{where}.unmanaged_reached_kw", self.unmanaged_reached_kw, (peaks,))
        check_not_negative(where, self, "peak_eur_per_kw", "peak_reached_kw", "unmanaged_reached_kw")
        if peaks and self.peak_inside.shape != (peaks, extent.isps):
            raise fault(f"{where}.peak_inside", f"has shape {self.peak_inside.shape}, expected {(peaks, extent.isps)}")
        if peaks and not (self.peak_at.min() >= 0 and self.peak_at.max() < count):
            raise fault(f"{where}.peak_at", f"must be 0..{count - 1}")
        if count and not (self.point.min() >= NO_POINT and self.point.max() < extent.points):
            raise fault(f"{where}.point", f"must be {NO_POINT}..{extent.points - 1}")
        if count and bool((self.export_eur_per_mwh > self.import_eur_per_mwh + _ROUNDING_EUR_PER_MWH).any()):
            row = int((self.export_eur_per_mwh > self.import_eur_per_mwh + _ROUNDING_EUR_PER_MWH).any(axis=1).argmax())
            words = f"{self.name[row]}: export earns more than import costs, so it would pay to do both at once"
            raise fault(f"{where}.export_eur_per_mwh", words)
        if not self.worse_off_price >= 0:
            raise fault(f"{where}.worse_off_price", "must not be negative")
        if len(self.least_eur):
            check_shape(f"{where}.least_eur", self.least_eur, (count,))
        check_numbers(f"{where}.of_units", self.of_units, NO_TARIFF, count)

    def check_units(self, where: str, counts: Iterable[tuple[str, int]]) -> None:
        """Raise CaseError where there are tariffs, but not an entry of `of_units` for each unit of each class."""
        if self.name:
            check_units(f"{where}.of_units", self.of_units, counts)

    def unsteered(self) -> "ConnectionTariffs":
        """Return the tariffs as they are where nobody steers: peaks begin with what unmanaged programs have reached."""
        begun = self.unmanaged_reached_kw
        return replace(self, peak_reached_kw=begun, unmanaged_reached_kw=begun[:0]) if len(begun) else self

    def only(self, rows: Iterable[Any]) -> "ConnectionTariffs":
        """Return the tariffs for some units of each class only: their positions (n,), or a range of them."""
        if not self.of_units:
            return self
        return replace(self, of_units=tuple(units[some] for units, some in zip(self.of_units, rows, strict=False)))


def no_connection_tariffs() -> ConnectionTariffs:
    """Return no tariffs at all."""
    nothing, none = np.zeros(0, dtype=np.int64), np.zeros(0)
    return ConnectionTariffs(
        name=(), point=nothing, import_eur_per_mwh=np.zeros((0, 0)), export_eur_per_mwh=np.zeros((0, 0)),
        peak_at=nothing, peak_eur_per_kw=none, peak_reached_kw=none, peak_inside=np.zeros((0, 0), dtype=np.bool_),
        of_units=(),
    )  # fmt: skip
