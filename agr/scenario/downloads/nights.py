"""Tells the moments of nights on which the clock changes: from the order of rows, or a row's own end and length."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from agr.scenario.downloads.lengths import MINUTE
from agr.scenario.downloads.timing import Timing, Written

Note = Callable[[Written, str], None]
_REMEDY = "write the offset behind it, such as +01:00"
_Doubtful = tuple[Written, list[datetime]]


def settle(timing: Timing, group: Sequence[Written], *, fault: Note, left_out: Note) -> None:
    """Find the instant `at` of every row; rows of one length each.

    Of rows whose moment cannot be told, `fault` hears what is wrong with a column, `left_out` with a night.
    """
    doubtful: list[_Doubtful] = []
    for one in group:
        anchor, clock = one.anchor(timing)
        try:
            instants = [anchor] if anchor.tzinfo is not None else clock.instants(anchor)
        except ValueError as error:
            fault(one, str(error))
            continue
        if not instants:
            left_out(one, f"{_said(timing, one)} does not exist: the clock skips it")
        elif len(instants) == 1:
            one.at = instants[0]
        else:
            doubtful.append((one, instants))
    _settle_repeated(timing, group, doubtful, left_out)


def _settle_repeated(timing: Timing, group: Sequence[Written], doubtful: list[_Doubtful], left_out: Note) -> None:
    counts = Counter(one.anchor(timing)[0] for one, _ in doubtful)
    paired = [(one, instants) for one, instants in doubtful if counts[one.anchor(timing)[0]] == 2]
    if paired and not _ordered(timing, group, paired):
        for one, _ in paired:
            one.at = None
            words = f"{_said(timing, one)} comes twice that night and the rows are not in the order of time"
            left_out(one, f"{words}; {_REMEDY}")
    for one, instants in doubtful:
        if counts[one.anchor(timing)[0]] != 2:
            one.at = _by_end(timing, one, instants)
            if one.at is None:
                words = f"{_said(timing, one)} may mean two moments: the clock repeats it that night"
                left_out(one, f"{words}; {_REMEDY}")


def _said(timing: Timing, one: Written) -> str:
    return f"'{one.anchor(timing)[0]:%Y-%m-%d %H:%M}'"


def _ordered(timing: Timing, group: Sequence[Written], paired: list[_Doubtful]) -> bool:
    """Give the two rows of each repeated time the two instants, as the order of the rows around them demands."""
    nights = {one.anchor(timing)[0].date() for one, _ in paired}
    near = [one for one in group if _near(timing, one, nights)]
    for forward in (True, False):
        seen = set[datetime]()
        for one, instants in paired:
            anchor = one.anchor(timing)[0]
            one.at = instants[(anchor in seen) == forward]
            one.earlier = one.at == instants[0]
            seen.add(anchor)
        at = [one.at for one in near if one.at is not None]
        if all((a < b) == forward and a != b for a, b in pairwise(at)):
            return True
    return False


def _near(timing: Timing, one: Written, nights: set[date]) -> bool:
    """Return whether a row is of such a night or the days beside it."""
    day = one.anchor(timing)[0].date()
    return any(abs(day - night) <= timedelta(days=1) for night in nights)


def _by_end(timing: Timing, one: Written, instants: list[datetime]) -> datetime | None:
    """Return the start that a row's own end and length leave; None where both are possible."""
    if one.start is None or one.end is None:
        return None
    if one.minutes is not None:
        left = {start for start in instants for end in one.ends(timing) if end - start == one.minutes * MINUTE}
        return left.pop() if len(left) == 1 else None
    return instants[0] if one.end.tzinfo is None and one.end <= one.start else None
