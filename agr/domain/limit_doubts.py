"""Doubts about limits of congestion points, connections and groups, beside the power of what they bound. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from agr.domain.doubt import Doubt
from agr.domain.kinds import KINDS
from agr.domain.kinds.mistaken_units import PER_UNIT
from agr.domain.kinds.quantities import POWER
from agr.domain.register import Register
from agr.domain.row_doubts import unusual

LIMIT_BESIDE_REGISTER, LEAST_LIMIT_KW = 100.0, 1.0
"""A limit of a congestion point is rarely this many times the power of all our resources, or below what one house
takes, in kW."""
LEAST_OF_POINT = 0.003
"""A limit or contract is rarely below this share of the power of all our resources at its congestion point."""
LIMIT_BESIDE_CONNECTION, MOST_LIMIT_KW = 100.0, 1_000.0
"""A limit of a connection is rarely this many times the power of everything behind it, unless it is below 1 MW."""


def limit_doubts(register: Register, able_kw: float) -> Iterator[Doubt]:
    """Yield what is doubtful in limits of congestion points, beside the power of all our resources."""
    for row in register.limits:
        for column in ("import_kw", "export_kw"):
            kw: float | None = getattr(row, column)
            if kw is not None and (words := _point_words(kw, able_kw)):
                yield Doubt(table="limits", name=row.congestion_point, column=column, words=words, value=kw)
        yield from unusual("limits", row, row.congestion_point, by_value=True)


def _point_words(kw: float, able_kw: float) -> str:
    if 0 < kw < LEAST_LIMIT_KW:
        return f"{kw:g} kW is less than one house takes; did you mean {kw * PER_UNIT:g} kW ({kw:g} MW)?"
    if kw > LIMIT_BESIDE_REGISTER * able_kw > 0 and kw > MOST_LIMIT_KW:
        said = f"{kw:,g} kW is {kw / able_kw:,.0f} times the power of all resources ({able_kw:,.4g} kW)"
        return f"{said}; did you mean {kw / PER_UNIT:g} kW ({kw:,g} W)?"
    return ""


def small_at_points(register: Register, at_point_kw: Mapping[str, float]) -> Iterator[Doubt]:
    """Yield limits and contracts that are next to nothing of our resources' power at their congestion point, in kW."""
    for row in register.limits:
        able = LEAST_OF_POINT * at_point_kw.get(row.congestion_point, 0.0)
        for column in ("import_kw", "export_kw"):
            kw: float | None = getattr(row, column)
            if kw is not None and LEAST_LIMIT_KW <= kw < able:
                words = f"{_of_point(kw, able)}; did you mean {kw * PER_UNIT:g} kW ({kw:g} MW)?"
                yield Doubt(table="limits", name=row.congestion_point, column=column, words=words, value=kw)
    for contract in register.contracts:
        able, kw = LEAST_OF_POINT * at_point_kw.get(contract.congestion_point, 0.0), abs(contract.power_w) / PER_UNIT
        if 1.0 <= kw < able:
            words = f"{_of_point(kw, able)}; did you mean {contract.power_w * PER_UNIT:d} W?"
            yield Doubt(table="contracts", name=contract.contract, column="power_w", words=words)


def _of_point(kw: float, able: float) -> str:
    of = able / LEAST_OF_POINT
    return f"{kw:,g} kW is {kw / of:.2g} of the power of all resources at its congestion point ({of:,.4g} kW)"


def at_points(
    register: Register, peaks: Mapping[tuple[str, str], float], members: Iterable[tuple[str, str]]
) -> dict[str, float]:
    """Return congestion point → the power behind its members, in kW; `members` are (point, connection)."""
    behind, found = _behind(register, peaks), defaultdict[str, float](float)
    for point, connection in set(members):
        found[point] += behind.get(connection, 0.0)
    return dict(found)


def connection_limit_doubts(
    register: Register, peaks: Mapping[tuple[str, str], float], able_kw: float
) -> Iterator[Doubt]:  # fmt: skip
    """Yield what is doubtful in limits and highest imports of connections and groups, beside what is behind each.

    `peaks`: (resource, quantity) → the highest forecast; `able_kw`: all power, for groups whose members are not known.
    """
    if not (register.connection_limits or register.connection_tariffs):
        return
    behind = _behind(register, peaks)
    for limit in register.connection_limits:
        unknown = able_kw if any(row.group == limit.at for row in register.limit_groups) else 0.0
        for column in ("import_kw", "export_kw"):
            kw: float | None = getattr(limit, column)
            if kw is not None and (words := _limit_words(kw, behind.get(limit.at, unknown))):
                yield Doubt(table="connection_limits", name=limit.at, column=column, words=words, value=kw)
        if limit.penalty_eur_per_mwh == 0:
            words = "0 EUR/MWh: breaking the limit would cost nothing, and plans would not keep it"
            yield Doubt(
                table="connection_limits", name=limit.at, column="penalty_eur_per_mwh", words=words, value=0.0
            )  # fmt: skip
        yield from unusual("connection_limits", limit, limit.at, by_value=True)
    for row in register.connection_tariffs:
        kw, able = row.peak_reached_kw, behind.get(row.connection, 0.0)
        if kw >= LEAST_LIMIT_KW and (words := _limit_words(kw, able)):
            yield Doubt(
                table="connection_tariffs", name=row.connection, column="peak_reached_kw", words=words, value=kw
            )  # fmt: skip


def _behind(register: Register, peaks: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Return connection or group with members → the power behind it, in kW."""
    parents = {row.group: row.parent for row in register.limit_groups}
    above = {row.address: row.limit_group for row in register.connections}
    found: defaultdict[str, float] = defaultdict(float)
    for kind in KINDS:
        for row in register.of(kind.row):
            kw = kind.rated_kw(row) + peaks.get((row.resource, POWER.name), 0.0)
            found[row.connection] += kw
            group, seen = above.get(row.connection), set[str]()
            while group is not None and group not in seen:
                seen.add(group)
                found[group] += kw
                group = parents.get(group)
    return dict(found)


def _limit_words(kw: float, behind_kw: float) -> str:
    """Say what is doubtful about a limit beside the power behind it, empty if nothing is."""
    if 0 < kw < LEAST_LIMIT_KW:
        return f"{kw:g} kW is less than one house takes; did you mean {kw * PER_UNIT:g} kW ({kw:g} MW)?"
    if kw <= max(MOST_LIMIT_KW, LIMIT_BESIDE_CONNECTION * behind_kw):
        return ""
    times = f", and {kw / behind_kw:,.0f} times the power behind it ({behind_kw:,.4g} kW)" if behind_kw else ""
    said = f"{kw:,g} kW is more than most connections take ({MOST_LIMIT_KW:g} kW){times}"
    return f"{said}; did you mean {kw / PER_UNIT:g} kW ({kw:,g} W)?"
