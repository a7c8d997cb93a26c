"""Reads what an operator enters as still reserved, and shows it beside what counts now. Pure.

Power is in W, signed as in the contract. ISPs that an entry leaves out are released, as in a FlexReservationUpdate.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from agr.domain.errors import InputError
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.program import compress

_MOST_FAULTS = 8
_SPACED_DASH = re.compile("\\s+[-‐‑‒–—]\\s+")
_ONE_NUMBER_OR_TWO = re.compile("(\\S.*?)\\s+(?:[-‐‑‒–—]\\s+)?(\\d{1,3}\\s+\\d{3})")
_ISPS = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_TIMES = re.compile(r"(\d{1,2}):(\d\d)([+-]\d{4})?(?:-(\d{1,2}):(\d\d)([+-]\d{4})?)?")
_POWER = re.compile(r"([+-]?)(0|[1-9]\d{0,8})")


@dataclass(frozen=True, kw_only=True)
class Range:
    """One line of the form, as it was entered."""

    first: str = ""
    last: str = ""
    power_w: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was entered."""
        return not self.power_w.strip()


@dataclass(frozen=True, kw_only=True)
class ReservedStretch:
    """ISPs in a row with the same power: what is contracted, what counts now, what was entered; W."""

    first: int
    last: int
    start: str
    end: str
    contracted_w: int
    now_w: int
    entered_w: int


def read_ranges(ranges: Sequence[Range], period: Period) -> tuple[int, ...]:
    """Return W per ISP of ranges of ISPs, both ends included. Raises InputError, which names every fault."""
    entry = _Entry(period)
    for number, given in enumerate(ranges, start=1):
        if not given.empty:
            last = given.last.strip() or given.first.strip()
            entry.put(f"range {number}", f"{given.first.strip()}-{last}", given.power_w)
    return entry.whole()


def read_pasted(text: str, period: Period) -> tuple[int, ...]:
    """Return W per ISP of pasted lines. Raises InputError, which names every fault with its line.

    Either one value for each ISP of the Period, or lines of ISPs (`73`, `73-80`) or local times (`18:00`,
    `18:00-20:00`, the end excluded) and a power. Words in the first line are a heading. What can be read in two ways
    is refused, not guessed.
    """
    rows = [(number, _cells(line)) for number, line in enumerate(text.splitlines(), start=1)]
    while rows and not any(rows[-1][1]):
        rows.pop()
    filled = [(number, cells) for number, cells in rows if any(cells)]
    if filled and not any(re.search(r"\d", cell) for cell in filled[0][1]):
        filled = filled[1:]
    if not filled:
        raise InputError("nothing was pasted; paste one value for each ISP, or lines such as `73-80 -200000`")
    entry = _Entry(period)
    if all(len(cells) == 1 for _, cells in filled):
        _put_column(entry, [(number, cells) for number, cells in rows if number >= filled[0][0]], len(filled))
    else:
        for number, cells in filled:
            if len(cells) in (2, 3):  # where and power, or first, last and power
                where = "-".join([cells[0], *(cell for cell in cells[1:-1] if cell)])
                entry.put(f"line {number}", where, cells[-1])
            else:
                entry.faults.append(f"line {number}: expected ISPs or times and a power, e.g. `73-80 -200000`")
    return entry.whole()


def _put_column(entry: "_Entry", rows: list[tuple[int, list[str]]], filled: int) -> None:
    """Enter one value for each ISP. A blank line among them would shift the values after it: it is a fault."""
    blank = [number for number, cells in rows if not any(cells)]
    entry.faults += [f"line {number}: the line is blank; write 0 where nothing is reserved" for number in blank]
    if blank:
        return
    if filled != entry.period.isp_count:
        raise InputError(
            f"{number_of(filled, 'value was', 'values were')} pasted, {entry.period} has {entry.period.isp_count} "
            "ISPs; paste one for each, or put the ISP or the time before each value"
        )
    for isp, (number, cells) in enumerate(rows, start=1):
        entry.put(f"line {number}", str(isp), cells[0])


def _cells(line: str) -> list[str]:
    """Split a line at its tabs and `;`, else at its spaces.

    A space may also separate thousands. Where it could be either, it stays in the last cell, which then is not a power.
    """
    if not line.strip():
        return [""]
    if re.search(r"[\t;]", line):
        first, *others = (cell.strip() for cell in re.split(r"[\t;]", line))
        return [_without_spaces(first), *others]
    if match := _ONE_NUMBER_OR_TWO.fullmatch(line.strip()):
        return [_without_spaces(match[1]), match[2]]
    return _SPACED_DASH.sub("-", line.strip()).split()


def _without_spaces(isps: str) -> str:
    return re.sub(r"\s+", "-", _SPACED_DASH.sub("-", isps))


class _Entry:
    """W per ISP while it is filled in, and the faults found."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self.faults: list[str] = []
        self._powers: dict[int, int] = {}
        self._places: dict[int, str] = {}

    def put(self, place: str, where: str, power: str) -> None:
        isps, power_w = self._isps_of(place, where), _power_of(power)
        if power_w is None:
            how = " without spaces and with a tab or ; before it" if re.search(r"\s", power.strip()) else ""
            self.faults.append(f"{place}: {power.strip()!r} is not a power; write whole W{how}, e.g. -200000")
            return
        for isp in isps:
            if isp in self._places:
                self.faults.append(f"{place}: ISP {isp} is in {self._places[isp]} already")
                return
            self._powers[isp], self._places[isp] = power_w, place

    def _isps_of(self, place: str, where: str) -> range:
        count, text = self.period.isp_count, _plain(where)
        if match := _ISPS.fullmatch(text):
            first, last = int(match[1]), int(match[2] or match[1])
        elif match := _TIMES.fullmatch(text):
            first = self._isp_at(int(match[1]), match[2], match[3])
            end = self._isp_at(int(match[4]), match[5], match[6], end=True) if match[4] else first + 1
            first, last = first, end - 1
            if not first or last < 0:
                self.faults.append(f"{place}: {where} does not begin and end where an ISP of {self.period} does")
                return range(0)
        else:
            self.faults.append(f"{place}: {where!r} is neither ISPs (73-80) nor local times (18:00-20:00)")
            return range(0)
        if not 1 <= first <= last <= count:
            self.faults.append(f"{place}: ISPs {first} to {last} are not in order within 1 to {count}")
            return range(0)
        return range(first, last + 1)

    def _isp_at(self, hour: int, minute: str, offset: str | None, *, end: bool = False) -> int:
        """Return the ISP that starts at a local time, 0 if none does; of a repeated hour the first."""
        if end and (hour, minute) in ((24, "00"), (0, "00")):
            return self.period.isp_count + 1
        wanted = f"{hour:02}:{minute}{offset or ''}"
        labels = (self.period.label(isp) for isp in range(1, self.period.isp_count + 1))
        return next((isp for isp, label in enumerate(labels, start=1) if label.startswith(wanted)), 0)

    def whole(self) -> tuple[int, ...]:
        """Return W per ISP. Raises InputError."""
        if self.faults:
            more = len(self.faults) - _MOST_FAULTS
            raise InputError("\n".join(self.faults[:_MOST_FAULTS]) + (f"\nand {more} more" if more > 0 else ""))
        return tuple(self._powers.get(isp, 0) for isp in range(1, self.period.isp_count + 1))


def _plain(text: str) -> str:
    """Write dashes and minus signs as one kind."""
    return re.sub("[‐‑‒–—−]", "-", text.strip())


def _power_of(text: str) -> int | None:
    """Return whole W. A separator could be one of thousands or of decimals: such a number is refused, not guessed."""
    match = _POWER.fullmatch(_plain(text))
    return int(match[1] + match[2]) if match else None


def ranges_of(power_w: Sequence[int]) -> list[Range]:
    """Return W per ISP as lines of the form; ISPs without power need none."""
    return [
        Range(first=str(run.start), last=str(run.stop - 1), power_w=str(run.power_w))
        for run in compress(power_w)
        if run.power_w
    ]


def stretches(
    period: Period, contracted_w: Sequence[int], now_w: Sequence[int], entered_w: Sequence[int]
) -> list[ReservedStretch]:
    """Return where anything is contracted or entered, ISPs with the same powers as one."""
    rows = enumerate(zip(contracted_w, now_w, entered_w, strict=True), start=1)
    found = []
    for powers, group in groupby(rows, key=lambda row: row[1]):
        isps = [isp for isp, _ in group]
        if any(powers):
            found.append(
                ReservedStretch(
                    first=isps[0], last=isps[-1], start=period.label(isps[0]), end=period.label(isps[-1] + 1),
                    contracted_w=powers[0], now_w=powers[1], entered_w=powers[2],
                )
            )  # fmt: skip
    return found
