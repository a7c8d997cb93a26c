"""Keeps the cases that a solve failed on, so that a failure can be examined: the newest few, as archives in a folder.

An archive holds a NamedCase without names. Opened again: docs/how-to/replay-sweep-and-backtest.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agr.domain.errors import PlanError, StoppedError
from agr.planning import serialisation
from agr.planning.case import NamedCase
from agr.settings import Planning, Settings
from models.case import Case

FOLDER = "failed-cases"
"""Name of the folder beside the store, or beside the runs of scenarios, unless the settings name another one."""


class SolveError(PlanError):
    """A solve failed; `where` says in words where its case is kept, `kept` is the archive, None if there is none."""

    def __init__(self, why: str, where: str, kept: Path | None) -> None:
        super().__init__(f"{why}; {where}")
        self.where, self.kept = where, kept


def kept_of(settings: Settings) -> "FailedCases":
    """Return the daemon's folder."""
    return FailedCases.of(settings.planning, settings.data_folder)


class FailedCases:
    """A folder of archives."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most

    @staticmethod
    def of(planning: Planning, beside: Path) -> "FailedCases":
        """Return the folder that the settings name, or else the one in `beside`."""
        return FailedCases(planning.failed_cases_folder or beside / FOLDER, planning.failed_cases_kept)

    def archives(self) -> list[Path]:
        """Return what is kept."""
        return list(self._folder.glob("*.npz"))

    @contextmanager
    def of_failure(self, case: Case, before: Case | None = None) -> Iterator[None]:
        """Keep the case (and, for a part, `before`) if a solve fails in the `with` block; the error names the archive.

        A PlanError becomes a SolveError; any other exception stays what it is, with a note. A StoppedError is no
        failure.
        """
        try:
            yield
        except StoppedError:
            raise  # nothing has failed
        except PlanError as error:
            raise self.failure(str(error), case, before=before) from error
        except Exception as error:
            error.add_note(self.failure("", case, before=before).where)
            raise

    def failure(self, why: str, case: Case, *, before: Case | None = None) -> SolveError:
        """Keep the case, and `before` it where a part was solved; return the error that names the archive.

        A folder that cannot be written changes nothing about the failure: the error says so instead.
        """
        try:
            kept = self._keep(case, "case" if before is None else "part")
            if before is not None:
                self._keep(before, f"{kept.stem}-before")
        except OSError as error:
            return SolveError(why, f"the case could not be kept in {self._folder}: {error.strerror}", None)
        return SolveError(why, f"the case is kept in {kept}", kept)

    def _keep(self, case: Case, name: str) -> Path:
        named = _unnamed(case)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}-{serialisation.digest(named)[:12]}.npz"
        path.write_bytes(serialisation.pack(named))
        self._forget_oldest(path)
        return path

    def _forget_oldest(self, newest: Path) -> None:
        """Delete all but the newest archives; one that another process has just deleted is gone anyway."""
        ages: list[tuple[float, Path]] = []
        for path in self.archives():
            with suppress(FileNotFoundError):
                ages.append((path.stat().st_mtime, path))
        others = sorted(((age, path) for age, path in ages if path != newest), reverse=True)
        for _, path in others[self._most - 1 :]:
            path.unlink(missing_ok=True)


def _unnamed(case: Case) -> NamedCase:
    """Return a case whose units have no names: a worker does not know them."""
    return NamedCase(case=case, names={}, dsos=("",) * len(case.points), notes=())
