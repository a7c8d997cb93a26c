"""Writes the programs in force to a folder whenever they change, for systems that fetch files."""

from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import structlog

from agr.domain.isp import Clock, Period, period_of
from agr.operations.program_files import write
from agr.operations.resource_programs import ProgramCache
from agr.settings import Settings
from agr.store import day, plans
from agr.store.engine import Store

log = structlog.get_logger()

FAILED = "programs not written"


class ProgramFolder:
    """Keeps one file per Period, of today and tomorrow: `programs-DAY.csv` or `.parquet`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, cache: ProgramCache) -> None:
        self._store, self._settings, self._clock, self._cache = store, settings, clock, cache
        self._written: dict[Path, int] = {}
        self._forgotten: date | None = None

    def look(self) -> None:
        """Write what has changed. A folder that cannot be written is an alarm, and is tried again at the next look."""
        today = period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)
        for period in (today, today.next()):
            self._write(period)
        self._forget(today.day - timedelta(days=self._settings.retention.personal_days))

    def _forget(self, before: date) -> None:
        """Delete files of Periods before a day; once a day is enough."""
        folder = self._settings.programs.folder
        if folder is None or self._forgotten == before:
            return
        self._forgotten = before
        for path in folder.glob("programs-????-??-??.*"):
            with suppress(ValueError):  # a file with such a name that is not ours
                if date.fromisoformat(path.stem.removeprefix("programs-")) < before:
                    path.unlink(missing_ok=True)

    def _write(self, period: Period) -> None:
        folder, kind = self._settings.programs.folder, self._settings.programs.format
        with self._store.transaction() as tx:
            number = plans.newest_audited(tx, period.day)
        if folder is None or number is None:
            return
        path = folder / f"programs-{period.day}.{kind}"
        if self._written.get(path) == number and path.exists():
            return
        now = self._clock.now()
        try:
            write(self._cache.of(number), path, kind)
        except OSError as error:
            text = f"{path} cannot be written ({error.strerror}): it does not hold plan {number}; it is tried again"
            with self._store.transaction() as tx:
                day.raise_alarm(tx, FAILED, str(period), text, now)
            return
        self._written[path] = number
        with self._store.transaction() as tx:
            day.recover(tx, FAILED, str(period), now)
        log.info("programs.written", period=str(period), plan=number, file=str(path))
