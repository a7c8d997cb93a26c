"""Resolves `--set PATH=VALUE` and `--without KIND:NAME`, and explains paths and names that do not exist. Pure.

Scenarios and stored cases share this language; each declares the parts that it has.

| part | paths |
| `Value` | stay_eur_per_mwh |
| `NamedValues` | intraday.depth_kw, fcr.price |
| `NamedRows` | contracts.power_w, contracts.*.power_w, contracts.NAME.power_w; batteries, where rows can be counted |
| `Counted` | connections, connections.POINT; connections.NAME.import_kw, where they have tables |
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.scenario.change_expression import Setting, read_setting, slug
from models.errors import CaseError

Whole = TypeVar("Whole")
WholeOut = TypeVar("WholeOut", covariant=True)


class PathPart(Protocol[WholeOut]):
    """What the first name of a path stands for."""

    def set(self, rest: str, setting: Setting) -> WholeOut:
        """Return the whole with the change applied; `rest` is the path after the part's name. Raises InputError."""


@dataclass(frozen=True, kw_only=True)
class Value(Generic[Whole]):
    """A single value."""

    change: Callable[[Setting], Whole]

    def set(self, rest: str, setting: Setting) -> Whole:
        """Change the value. Raises InputError."""
        if rest:
            raise _unknown(setting, "the setting", setting.path, [setting.path.removesuffix(f".{rest}")])
        return self.change(setting)


@dataclass(frozen=True, kw_only=True)
class NamedValues(Generic[Whole]):
    """Named values."""

    fields: Mapping[str, Callable[[Setting], Whole]]

    def set(self, rest: str, setting: Setting) -> Whole:
        """Change one of the values. Raises InputError."""
        if not rest:
            raise InputError(f"{setting}: expected {setting.path}.NAME=VALUE; known are {', '.join(self.fields)}")
        if rest not in self.fields:
            raise _unknown(setting, "the setting", rest, sorted(self.fields))
        return self.fields[rest](setting)


@dataclass(frozen=True, kw_only=True)
class NamedRows(Generic[Whole]):
    """Named rows with columns; names may contain dots. `change` takes the names of the rows to change, and a column."""

    name: str
    rows: Collection[str]
    columns: Collection[str]
    change: Callable[[Collection[str], str, Setting], Whole]
    count: Callable[[Setting], Whole] | None = None

    def set(self, rest: str, setting: Setting) -> Whole:
        """Change a column of one row or of all rows, or the number of rows. Raises InputError."""
        if not rest and self.count is not None:
            return self.count(setting)
        row, _, column = rest.rpartition(".")
        if row not in ("", "*") and row not in self.rows:
            raise _unknown(setting, f"in {self.name} the", row, sorted(set(self.rows)))
        if column not in self.columns:
            raise _unknown(setting, "the column", column, sorted(self.columns))
        if not self.rows:
            raise InputError(f"{setting}: there are no {self.name}")
        return self.change(set(self.rows) if row in ("", "*") else {row}, column, setting)


@dataclass(frozen=True, kw_only=True)
class Counted(Generic[Whole]):
    """Things that are counted: everywhere (""), or at one named place. Those of them in tables have their columns."""

    what: str
    places: Collection[str]
    change: Callable[[str, Setting], Whole]
    tables: tuple[NamedRows[Whole], ...] = ()

    def set(self, rest: str, setting: Setting) -> Whole:
        """Change the number, or a column of one of the things. Raises InputError."""
        for table in self.tables:
            if rest.rpartition(".")[2] in table.columns:
                return table.set(rest, setting)
        if rest and rest not in self.places:
            raise _unknown(setting, f"the {self.what}", rest, sorted(self.places))
        return self.change(rest, setting)


@dataclass(frozen=True, kw_only=True)
class Removable(Generic[Whole]):
    """What `--without KIND:NAME` can remove of one kind. With `by_slug`, a name may be written as in a path."""

    names: Collection[str]
    remove: Callable[[str], Whole]
    by_slug: bool = False


@dataclass(frozen=True, kw_only=True)
class Addressable(Generic[Whole]):
    """All parts that can be addressed; `otherwise` begins the error message for a path that does not exist."""

    parts: Mapping[str, PathPart[Whole]]
    removable: Mapping[str, Removable[Whole]]
    otherwise: str = ""


def applied(
    whole: Whole,
    addressable: Callable[[Whole], Addressable[Whole]],
    settings: Iterable[str],
    without: Iterable[str],
) -> Whole:
    """Return the whole with things removed, then values set, in order; each change sees the ones before it.

    Raises InputError that names what could be meant.
    """
    for text in without:
        whole = _without(addressable(whole), text)
    for setting in map(read_setting, settings):
        try:
            whole = _set(addressable(whole), setting)
        except CaseError as error:
            raise InputError(f"{setting}: {error}") from error
    return whole


def _set(whole: Addressable[Whole], setting: Setting) -> Whole:
    head, _, rest = setting.path.removeprefix("markets.").partition(".")
    if head not in whole.parts:
        raise InputError(f"{whole.otherwise}the path {setting.path!r} does not exist; {meant(head, list(whole.parts))}")
    return whole.parts[head].set(rest, setting)


def _without(whole: Addressable[Whole], text: str) -> Whole:
    kind, colon, given = text.partition(":")
    if not colon or kind not in whole.removable:
        kinds = list(whole.removable)
        raise InputError(f"--without {text}: expected KIND:NAME with a KIND of {', '.join(kinds[:-1])} or {kinds[-1]}")
    removable = whole.removable[kind]
    names = {slug(name): name for name in removable.names} if removable.by_slug else {n: n for n in removable.names}
    name = slug(given) if removable.by_slug else given
    if name not in names:
        raise InputError(f"--without {text}: the {kind} {given!r} does not exist; {meant(name, sorted(names))}")
    return removable.remove(names[name])


def _unknown(setting: Setting, what: str, given: str, known: Collection[str]) -> InputError:
    return InputError(f"{setting}: {what} {given!r} does not exist; {meant(given, known)}")
