"""One connection in a plan: its devices against what limits them together, the price there, and what is paid. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.operations.resource_programs import ResourceProgram, ResourcePrograms
from agr.planning.difference import Solved, binding_at_point, limits_that_bind
from agr.planning.paying import peaks_that_bind
from models.case import NO_LIMIT, NO_TARIFF, UNIT_CLASSES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LimitedTogether:
    """What limits a connection, or a group of connections that it lies in; per ISP (T,), kW."""

    at: str  # connection or group
    import_kw: Floats  # the tightest of its limits, inf where none
    export_kw: Floats  # the same, as a power: −inf where none
    drawn_kw: Floats  # by everything behind it, without reserve
    import_breach_kw: Floats  # with reserve that is sold; the largest of its limits
    export_breach_kw: Floats


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What is paid at a connection in a Period; negative: earned."""

    energy_eur: float  # at the day-ahead price of every ISP
    tariff_eur: float  # on top of it
    peak_eur: float
    peak_kw: float  # the highest import that a peak charge counts

    @property
    def total_eur(self) -> float:
        """Return everything together."""
        return self.energy_eur + self.tariff_eur + self.peak_eur


@dataclass(frozen=True, kw_only=True, eq=False)
class AtConnection:
    """One connection; per ISP (T,)."""

    devices: tuple[ResourceProgram, ...]
    congestion_point: str  # empty: in none
    power_kw: Floats  # of all devices together, consumption positive
    unmanaged_kw: Floats  # if nobody steered them
    limits: tuple[LimitedTogether, ...]  # the connection's own first, then those of its group, and of groups around it
    market_eur_per_mwh: Floats  # day-ahead
    import_eur_per_mwh: Floats  # the same, and what the tariff adds
    export_eur_per_mwh: Floats
    planned: Bill
    unmanaged: Bill
    held_by: tuple[tuple[str, ...], ...]  # what binds there, in words

    @property
    def import_kw(self) -> Floats | None:
        """Return the connection's own import limit (T,), inf where none."""
        return self._own("import_kw")

    @property
    def export_kw(self) -> Floats | None:
        """Return the connection's own export limit (T,), as a power, −inf where none."""
        return self._own("export_kw")

    def left_by(self, limit: LimitedTogether) -> tuple[Floats, Floats]:
        """Return the most and the least (T,), kW, that a limit leaves this connection beside what others draw."""
        others = limit.drawn_kw - self.power_kw
        return limit.import_kw - others, limit.export_kw - others

    def _own(self, side: str) -> Floats | None:
        address = self.devices[0].connection
        return next((getattr(one, side) for one in self.limits if one.at == address), None)


def at_connection(
    programs: ResourcePrograms, solved: Solved, address: str, seen: Callable[[str], bool]
) -> AtConnection | None:
    """Return a connection in a plan; None where nothing behind it takes part.

    `seen` says whether a congestion point or a group may be shown: it tells of other connections as well.
    """
    devices = tuple(programs[place] for place, connection in enumerate(programs.connection) if connection == address)
    if not devices:
        return None
    case = solved.named.case
    units = _units(solved, {device.resource for device in devices})
    power: Floats = np.sum([device.power_kw for device in devices], axis=0)
    unmanaged = _unmanaged(solved, units)
    tariff = _first((case.tariff(name)[rows] for name, rows in units.items()), NO_TARIFF)
    chain = [limit for limit in _chain(solved, units) if case.connection_limits.name[limit] == address
             or seen(case.connection_limits.name[limit])]  # fmt: skip
    group = _first((case.balanced_in(name)[rows] for name, rows in units.items()), 0)
    market = np.asarray(case.energy_markets()[group].day_ahead.price_eur_per_mwh, dtype=np.float64)
    point = devices[0].congestion_point
    row = case.points.index(point) if point in case.points and seen(point) else None
    peaks = np.flatnonzero(case.connection_tariffs.peak_at == tariff)
    return AtConnection(
        devices=devices, congestion_point=point, power_kw=power, unmanaged_kw=unmanaged,
        limits=_limits(solved, chain), market_eur_per_mwh=market,
        import_eur_per_mwh=market + _price(solved, "import_eur_per_mwh", tariff),
        export_eur_per_mwh=market + _price(solved, "export_eur_per_mwh", tariff),
        planned=_bill(solved, tariff, market, power),
        unmanaged=_bill(solved, tariff, market, unmanaged, unsteered=True),
        held_by=tuple(
            tuple(
                str(cause)
                for cause in (
                    *limits_that_bind(solved, chain, isp), *peaks_that_bind(solved, peaks, isp),
                    *(() if row is None else binding_at_point(solved, row, isp)),
                )
            )
            for isp in range(case.isps)
        ),
    )  # fmt: skip


def _units(solved: Solved, resources: set[str]) -> Mapping[str, Ints]:
    """Return class → the positions of the units of some resources."""
    return {
        name: np.array([row for row, one in enumerate(solved.named.of(name)) if one in resources], dtype=np.int64)
        for name in UNIT_CLASSES
    }


def _first(values: Iterable[Ints], nothing: int) -> int:
    """Return the one value that all units of a connection share; what is missing where there is none."""
    found = np.concatenate(list(values)).tolist()
    return int(found[0]) if found else nothing


def _unmanaged(solved: Solved, units: Mapping[str, Ints]) -> Floats:
    from models.baseline import unmanaged_kw

    found = unmanaged_kw(solved.named.case, units).values()
    return np.asarray(sum((power.sum(axis=0, dtype=np.float64) for power in found), np.zeros(solved.named.case.isps)))


def _chain(solved: Solved, units: Mapping[str, Ints]) -> list[int]:
    """Return the limits that count the units, innermost first."""
    limits = solved.named.case.connection_limits
    limit, found = _first((solved.named.case.leaf(name)[rows] for name, rows in units.items()), NO_LIMIT), []
    while limit != NO_LIMIT:
        found.append(limit)
        limit = int(limits.parent[limit])
    return found


def _limits(solved: Solved, chain: list[int]) -> tuple[LimitedTogether, ...]:
    """Return the limits of each place in a chain, several of one place as one."""
    limits, outcome = solved.named.case.connection_limits, solved.outcome
    places = dict.fromkeys(limits.name[limit] for limit in chain)
    found = []
    for place in places:
        rows = [limit for limit in chain if limits.name[limit] == place]
        found.append(
            LimitedTogether(
                at=place,
                import_kw=limits.import_kw[rows].min(axis=0),
                export_kw=limits.export_kw[rows].max(axis=0),
                drawn_kw=solved.at_limits_kw[rows[-1]],
                import_breach_kw=outcome.connection_import_breach_kw[rows].max(axis=0),
                export_breach_kw=outcome.connection_export_breach_kw[rows].max(axis=0),
            )
        )
    return tuple(found)


def _price(solved: Solved, side: str, tariff: int) -> Floats:
    case = solved.named.case
    return np.zeros(case.isps) if tariff == NO_TARIFF else np.asarray(getattr(case.connection_tariffs, side)[tariff])


def _bill(solved: Solved, tariff: int, market: Floats, drawn_kw: Floats, *, unsteered: bool = False) -> Bill:
    from models.connection_costs import paid_for

    case = solved.named.case
    energy = float((drawn_kw * market).sum()) * case.isp_hours / 1000
    if tariff == NO_TARIFF:
        return Bill(energy_eur=energy, tariff_eur=0.0, peak_eur=0.0, peak_kw=0.0)
    paid = paid_for(case, tariff, drawn_kw, unsteered=unsteered)
    return Bill(energy_eur=energy, tariff_eur=paid.tariff_eur, peak_eur=paid.peak_eur, peak_kw=paid.peak_kw)
