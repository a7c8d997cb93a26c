"""Takes a table of what happened: good rows are stored, refused ones are named, one alarm per series."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agr.connectors.actuals import ActualRow
from agr.domain.faults import number_of, verb_of
from agr.domain.isp import Clock, period_of
from agr.forecasting.admission import admitted
from agr.operations.forecast_rows import REFUSED
from agr.operations.forecast_series import price_series, unread
from agr.settings import Settings
from agr.store import actuals, day
from agr.store.actuals import Actual
from agr.store.engine import Store


@dataclass(frozen=True, kw_only=True)
class ImportedActuals:
    """What came of a table."""

    stored: int
    known: int
    refused: tuple[tuple[int, str], ...]  # line, why
    unread: tuple[str, ...] = ()  # for each series that no plan reads: that it is not read, and what was probably meant

    @property
    def text(self) -> str:
        """The counts in words."""
        return f"{number_of(self.stored, 'value')} stored, {self.known} known before, {len(self.refused)} refused"


def take_actuals(store: Store, settings: Settings, clock: Clock, rows: Sequence[ActualRow]) -> ImportedActuals:
    """Store rows. Where a table does not say when a value was known: prices when their auction was published, others
    when their interval was over, and neither before now if that was less than a day ago.
    """
    now = clock.now()
    published = {one.name: one for one in price_series(settings)}
    stored = offered = 0
    refused: list[tuple[int, str]] = []
    for series in sorted({row.series for row in rows}):
        mine = [row for row in rows if row.series == series]
        future = [row for row in mine if row.received_at is not None and row.received_at > now]
        refused += [(row.line, f"received_at {row.received_at} is to come; check the clock that wrote it")
                    for row in future]  # fmt: skip
        mine = [row for row in mine if row not in future]
        with store.transaction() as tx:
            earlier = actuals.known(tx, series, now, now - timedelta(days=60))
        observed = [row.observed for row in mine]
        places, refusals = admitted(observed, now, settings.time_zone, price=series in published, earlier=earlier)
        refused += [(mine[one.place].line, one.why) for one in refusals]

        def known_at(row: ActualRow, name: str = series) -> datetime:
            if row.received_at is not None:
                return row.received_at
            start = row.observed.start
            over = start + timedelta(minutes=row.observed.minutes)
            if name in published:
                over = published[name].published(settings, period_of(start, settings.time_zone).day)
            return max(over, now) if now - over < timedelta(days=1) else over

        new = [Actual(series=series, observed=observed[n], received_at=known_at(mine[n])) for n in places]
        offered += len(new)
        with store.transaction() as tx:
            stored += actuals.put(tx, new)
            if refusals or future:
                count = len(refusals) + len(future)
                were = verb_of(count, "was", "were")
                text = f"{count} of {len(mine) + len(future)} imported values of {series} {were} "
                first = refusals[0].why if refusals else "they say that they were received in the future"
                day.raise_alarm(tx, REFUSED, series, f"{text}refused, the first because {first}", now)
            else:
                day.recover(tx, REFUSED, series, now)
    doubtful = [unread(settings, series) for series in sorted({row.series for row in rows})]
    return ImportedActuals(
        stored=stored, known=offered - stored, refused=tuple(sorted(refused)), unread=tuple(filter(None, doubtful))
    )  # fmt: skip
