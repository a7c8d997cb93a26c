"""Takes readings of resources, row by row, and returns the energy that registers have counted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isclose

import structlog

from agr.dispatch.admission import Admission, ReadingError, admitted, limit_kw
from agr.dispatch.registers import Energy, energy, judged, net
from agr.domain.errors import AccessError, InputError
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds import BY_TABLE
from agr.domain.reading import EXPORTED, IMPORTED, READ_STORED, Device, Reading, Reported
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase
from agr.store import readings as stored
from agr.store import register_rows
from agr.store.engine import Tx, alone

log = structlog.get_logger()

STORED, KNOWN, ASIDE, REFUSED = "stored", "known", "aside", "refused"
REGISTERS = (IMPORTED, EXPORTED)
AROUND = timedelta(days=1)
"""New register readings are judged together with those of this long before and after."""
_Key = tuple[str, str, datetime]


@dataclass(frozen=True, kw_only=True)
class RowVerdict:
    """What became of a row."""

    row: int  # its place, from 0
    state: str  # stored | known | aside | refused
    reason: str = ""  # why it is set aside or refused


@dataclass(frozen=True, kw_only=True)
class ReadingVerdicts:
    """What became of all rows, in their order."""

    verdicts: tuple[RowVerdict, ...]

    def count(self, state: str) -> int:
        """Return how many rows have come to this."""
        return sum(verdict.state == state for verdict in self.verdicts)

    @property
    def faults(self) -> tuple[RowVerdict, ...]:
        """The rows that were set aside or refused."""
        return tuple(verdict for verdict in self.verdicts if verdict.reason)

    @property
    def text(self) -> str:
        """What was done, in words."""
        words = [f"{number_of(self.count(STORED) + self.count(ASIDE), 'reading')} stored"]
        words += [f"{self.count(state):,} {say}" for state, say in _SAID.items() if self.count(state)]
        return ", ".join(words)


_SAID = {ASIDE: "of them set aside", KNOWN: "known already", REFUSED: "refused"}


def devices_of(tx: Tx, names: Collection[str]) -> dict[str, Device]:
    """Return name → device, for the names that are resources of the register."""
    found = {}
    for name, one in register_rows.resources_named(tx, names).items():
        kind = BY_TABLE[one.table]
        found[name] = Device(
            resource=name, connection=one.row.connection, kind=kind.name.replace("_", " "),
            rated_kw=kind.rated_kw(one.row), capacity_kwh=kind.capacity_kwh(one.row),
            stores=any(quantity.name == READ_STORED for quantity in kind.measured),
        )  # fmt: skip
    return found


class ReadingIntake(ActionBase):
    """Takes readings; what is wrong with one row does not keep the others."""

    def take(self, by: Principal, rows: Sequence[Reported | str]) -> ReadingVerdicts:
        """Store what is new and good; a row that is a text says itself why it cannot be read.

        The same row again is known and changes nothing. Raises InputError when there are no rows.
        """
        if not rows:
            raise InputError("there are no readings; send at least one row")
        now = self._clock.now()
        with self._store.transaction() as tx:
            alone(tx, "readings")
            good, refused = self._sorted(tx, by, rows, now)
            new, known, contradicting = _compared(tx, good)
            stored.put(tx, list(new.values()), now, by.label)
            aside = _set_aside(tx, new)
        reasons = refused | contradicting
        verdicts = tuple(
            RowVerdict(row=place, state=REFUSED, reason=reasons[place])
            if place in reasons
            else RowVerdict(row=place, state=KNOWN)
            if place in known
            else RowVerdict(row=place, state=ASIDE if place in aside else STORED, reason=aside.get(place, ""))
            for place in range(len(rows))
        )
        taken = ReadingVerdicts(verdicts=verdicts)
        log.info("readings.taken", who=by.label, rows=len(rows), what=taken.text)
        return taken

    def _sorted(
        self, tx: Tx, by: Principal, rows: Sequence[Reported | str], now: datetime
    ) -> tuple[dict[int, Reading], dict[int, str]]:
        """Return place → reading, and place → why a row is refused."""
        limits = self._settings.readings
        bounds = Admission(ahead=timedelta(seconds=limits.clock_ahead_s), oldest=timedelta(days=limits.oldest_days))
        devices = devices_of(tx, {row.resource for row in rows if isinstance(row, Reported)})
        barred = self._barred(tx, by, {device.connection for device in devices.values()})
        good, refused = {}, {}
        for place, row in enumerate(rows):
            if isinstance(row, str):
                refused[place] = row
                continue
            device = devices.get(row.resource)
            try:
                reading = admitted(row, device, now, bounds)
            except ReadingError as error:
                refused[place] = str(error)
                continue
            words = barred.get(device.connection if device else "")
            if words:
                refused[place] = words
            else:
                good[place] = reading
        return good, refused

    def _barred(self, tx: Tx, by: Principal, connections: Collection[str]) -> dict[str, str]:
        """Return connection → why somebody may not report about it."""
        found = {}
        for connection in connections if by.limited else ():
            try:
                self._act_for(tx, by, connection, "this reading")
            except AccessError as error:
                found[connection] = str(error)
        return found

    def energies(self, tx: Tx, period: Period, resources: Collection[str]) -> dict[str, Energy]:
        """Return resource → its energy per ISP, for those of some resources that have registers around a Period."""
        gap = timedelta(minutes=self._settings.readings.longest_gap_minutes)
        borders = [*period.starts(), period.end]
        read = stored.between(tx, resources, REGISTERS, period.start - AROUND, period.end + AROUND)
        devices = devices_of(tx, {resource for resource, _ in read})
        counted = {
            key: energy(judged(values, limit_kw(devices[key[0]])).runs, borders, gap)
            for key, values in read.items()
            if key[0] in devices
        }
        found = {}
        for resource in sorted({resource for resource, _ in counted}):
            both = net(counted.get((resource, IMPORTED)), counted.get((resource, EXPORTED)))
            if both is not None:
                found[resource] = both
        return found


def _compared(tx: Tx, good: Mapping[int, Reading]) -> tuple[dict[int, Reading], dict[int, Reading], dict[int, str]]:
    """Return the rows that are new, those known with the same value, and why others contradict what is known."""
    known = stored.known(tx, list(good.values()))
    new: dict[int, Reading] = {}
    same: dict[int, Reading] = {}
    other: dict[int, str] = {}
    for place, reading in good.items():
        key = _key(reading)
        before = known.get(key)
        if before is None:
            new[place] = reading
            known[key] = reading.value
        elif isclose(before, reading.value, rel_tol=1e-9, abs_tol=1e-9):
            same[place] = reading
        else:
            other[place] = (
                f"{reading.quantity} of {reading.resource} at {reading.at:%Y-%m-%dT%H:%M:%SZ} is known as "
                f"{before:,.9g}, not {reading.value:,.9g}; a reading is never changed"
            )
    return new, same, other


def _key(reading: Reading) -> _Key:
    return reading.resource, reading.quantity, reading.at


def _set_aside(tx: Tx, new: Mapping[int, Reading]) -> dict[int, str]:
    """Return place → why a register reading fits nowhere in what is stored around it."""
    registers = {place: reading for place, reading in new.items() if reading.quantity in REGISTERS}
    devices = devices_of(tx, {reading.resource for reading in registers.values()})
    found: dict[int, str] = {}
    days = sorted({reading.at.date() for reading in registers.values()})
    for day_ in days:  # a batch may reach over weeks
        mine = {place: reading for place, reading in registers.items() if reading.at.date() == day_}
        first, last = min(one.at for one in mine.values()), max(one.at for one in mine.values())
        read = stored.between(tx, {one.resource for one in mine.values()}, REGISTERS, first - AROUND, last + AROUND)
        aside: dict[_Key, str] = {}
        for (resource, quantity), values in read.items():
            series = judged(values, limit_kw(devices[resource]))
            aside |= {(resource, quantity, one.at): one.words for one in series.aside}
        found |= {place: aside[_key(reading)] for place, reading in mine.items() if _key(reading) in aside}
    return found
